"""The figures of a span: the vectors hold, parts make the whole, and what is shown is rounded as the page does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector import showing
from powergraph_collector.days import ms_of
from powergraph_collector.energy import Energy, energy
from powergraph_collector.figures import Figures, Tally, figures, snapped
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.rollups import FIVE_MINUTES_MS, Row, rows_of
from powergraph_collector.tariff import WEEKDAYS, Rate, Tariff
from tests.series import made_up_series

VECTORS = json.loads((Path(__file__).parent / "vectors" / "statistics.json").read_text())


def run_out(items: list[Any], what: str) -> Iterator[list[Any]]:
    """Runs of samples or rows as the file writes them, one by one."""
    for item in items:
        if isinstance(item, list):
            yield item
            continue
        at_ms = item["from_ms"]
        for count, values in item[what] * item.get("times", 1):
            for _ in range(count):
                yield [at_ms, *(values if isinstance(values, list) else [values])]
                at_ms += item["every_ms"]


def tariff_of(table: dict[str, Any] | None, zone: str) -> Tariff | None:
    if table is None:
        return None
    rates = tuple(
        Rate(
            rate["name"],
            frozenset(WEEKDAYS.index(day) for day in rate["days"]),
            *(int(rate[end][:2]) * 60 + int(rate[end][3:]) for end in ("from", "to")),
            rate["per_kwh"],
        )
        for rate in table["rates"]
    )
    return Tariff(ZoneInfo(zone), table["per_kwh"], rates, table["currency"])


def figures_of(case: dict[str, Any], span: dict[str, Any]) -> Figures:
    tariff = tariff_of(case.get("tariff"), case["zone"])
    if "rows" not in case:
        samples = [Sample("n", *point) for point in run_out(case["samples"], "watts")]
        events = [Event("n", EventKind(kind), begin, end, value=value) for kind, begin, end, value in case["events"]]
        return figures(samples, case["interval_ms"], events, (span["from_ms"], span["to_ms"]), tariff)
    from_ms, to_ms = snapped(span["from_ms"], span["to_ms"], case["row_ms"])
    assert (from_ms, to_ms) == (span["snapped_from_ms"], span["snapped_to_ms"])
    rows = [Row(row[0], Energy(*row[1:])) for row in run_out(case["rows"], "rows")]
    tally = Tally(from_ms, to_ms)
    tally.add_rows([row for row in rows if from_ms <= row.at_ms < to_ms], case["row_ms"])
    return tally.figures(case["interval_ms"], tariff)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=[case["what"] for case in VECTORS["cases"]])
def test_the_vectors_hold(case: dict[str, Any]) -> None:
    for span in case["spans"]:
        found = figures_of(case, span)
        low, high = found.minimum, found.peak
        assert found.energy == Energy(
            *(span[name] for name in ("samples", "covered_ms", "energy_ms_w", "min_w", "max_w"))
        )
        assert (low and low.at_ms, high and high.at_ms) == (span["min_at_ms"], span["max_at_ms"])
        assert {extreme.within_ms for extreme in (low, high) if extreme} <= {span["extremes_within_ms"]}
        assert (found.base_w, found.p95_w, found.means_of_ms) == (span["base_w"], span["p95_w"], span["means_of_ms"])
        assert (found.carried_by, found.interval_ms) == (span["carried_by"], span["interval_ms"])
        tariff = tariff_of(case.get("tariff"), case["zone"])
        if tariff is not None:
            assert found.energies_ms_w == tuple(span["energies_ms_w"])
            assert tariff.cost(found.energies_ms_w) == pytest.approx(span["cost"], rel=1e-12)
        if "co2_g_per_kwh" in case:
            assert found.co2_g(case["co2_g_per_kwh"]) == pytest.approx(span["co2_g"], rel=1e-12)


@pytest.mark.parametrize("case", VECTORS["rates"], ids=[case["what"] for case in VECTORS["rates"]])
def test_the_rate_at_a_moment_is_that_of_the_zones_local_time(case: dict[str, Any]) -> None:
    tariff = tariff_of(case["tariff"], case["zone"])
    assert tariff is not None
    for moment, rate in case["moments"]:
        assert tariff.rate_at(ms_of(moment)) == rate, moment


@pytest.mark.parametrize(
    "shown", VECTORS["format"], ids=[f"{each['figure']} {each['shown']}" for each in VECTORS["format"]]
)
def test_figures_are_shown_as_the_page_shows_them(shown: dict[str, Any]) -> None:
    value = shown.get("value")
    forms = {
        "energy_wh": lambda: showing.energy(value),
        "mean_w": lambda: showing.watts(value, 1),
        "max_w": lambda: showing.watts(value),
        "p95_w": lambda: showing.watts(value),
        "p95_of_means_w": lambda: showing.watts(value, 1),
        "cost": lambda: showing.cost(value),
        "co2_g": lambda: showing.co2(value),
        "coverage": lambda: showing.coverage(shown["covered_ms"], shown["span_ms"]),
        "end_error": lambda: showing.end_error(shown["interval_ms"], shown["span_ms"]),
    }
    assert forms[shown["figure"]]() == shown["shown"]


def test_what_is_not_known_is_a_dash() -> None:
    assert showing.watts(None) == showing.NOTHING


@given(made_up_series(), st.integers(0, 4_000_000), st.integers(1, 20_000_000))
def test_energy_and_extremes_are_those_of_the_energy_rule(
    made_up: tuple[list[Sample], list[Event], int], first_ms: int, length_ms: int
) -> None:
    samples, events, interval_ms = made_up
    from_ms = samples[0].at_ms + first_ms
    found = figures(samples, interval_ms, events, (from_ms, from_ms + length_ms))
    assert found.energy == energy(samples, interval_ms, events, from_ms, from_ms + length_ms)
    assert sum(found.energies_ms_w) == found.energy.energy_ms_w
    if found.base_w is not None and found.p95_w is not None:
        assert found.energy.min_w is not None
        assert found.energy.max_w is not None
        assert found.energy.min_w <= found.base_w <= found.p95_w <= found.energy.max_w


@given(made_up_series(), st.integers(0, 900_000), st.integers(0, 12), st.integers(0, 12))
def test_rows_for_the_middle_and_samples_for_the_ends_are_the_samples_of_the_whole(
    made_up: tuple[list[Sample], list[Event], int], first_ms: int, skipped: int, count: int
) -> None:
    samples, events, interval_ms = made_up
    from_ms = samples[0].at_ms + first_ms
    to_ms = from_ms + 8 * 86_400_000 + 12_345  # so long that percentiles are of means
    middle_ms = snapped(from_ms, to_ms, FIVE_MINUTES_MS)[0] + (1 + skipped) * FIVE_MINUTES_MS
    end_ms = middle_ms + count * FIVE_MINUTES_MS
    tally = Tally(from_ms, to_ms)
    tally.add_samples(samples, interval_ms, events, to_ms=middle_ms)
    tally.add_rows(rows_of(samples, interval_ms, events, middle_ms, end_ms))
    tally.add_samples(samples, interval_ms, events, from_ms=end_ms)
    whole = figures(samples, interval_ms, events, (from_ms, to_ms))
    mixed = tally.figures(whole.interval_ms)
    assert mixed.energy == whole.energy
    assert (mixed.base_w, mixed.p95_w, mixed.means_of_ms) == (whole.base_w, whole.p95_w, whole.means_of_ms)
    assert mixed.energies_ms_w == whole.energies_ms_w
