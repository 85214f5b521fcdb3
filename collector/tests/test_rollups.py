"""Rollup rows are the energy of their spans, at every level, in Python and in the page's script alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector.energy import Energy, energy
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.rollups import FIVE_MINUTES_MS, HOUR_MS, Row, hours_of, merged, rows_of
from tests.series import made_up_series, real_day

VECTORS = json.loads((Path(__file__).parent / "vectors" / "energy.json").read_text())["cases"]


def spans(samples: Sequence[Sample], interval_ms: int, events: Sequence[Event], length_ms: int) -> list[Row]:
    """The rows as `energy` gives them, a span at a time."""
    first_ms = min(sample.at_ms for sample in samples) // length_ms * length_ms
    last_ms = max(sample.at_ms for sample in samples) + 3 * 3_600_000
    rows = [
        Row(at_ms, energy(samples, interval_ms, events, at_ms, at_ms + length_ms))
        for at_ms in range(first_ms, last_ms, length_ms)
    ]
    return [row for row in rows if row.energy.max_w is not None]


@given(made_up_series())
def test_a_row_is_the_energy_of_its_five_minutes(made_up: tuple[list[Sample], list[Event], int]) -> None:
    samples, events, interval_ms = made_up
    assert rows_of(samples, interval_ms, events) == spans(samples, interval_ms, events, FIVE_MINUTES_MS)


@given(made_up_series())
def test_hours_and_the_whole_are_the_sums_of_their_rows(made_up: tuple[list[Sample], list[Event], int]) -> None:
    samples, events, interval_ms = made_up
    rows = rows_of(samples, interval_ms, events)
    assert hours_of(rows) == spans(samples, interval_ms, events, HOUR_MS)
    assert merged(row.energy for row in rows) == energy(samples, interval_ms, events)
    assert merged(row.energy for row in hours_of(rows)) == energy(samples, interval_ms, events)


@given(made_up_series(), st.integers(0, 40), st.integers(0, 40))
def test_a_part_of_the_rows_is_the_rows_of_the_part(
    made_up: tuple[list[Sample], list[Event], int], first: int, count: int
) -> None:
    samples, events, interval_ms = made_up
    from_ms = samples[0].at_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS + first * FIVE_MINUTES_MS
    to_ms = from_ms + count * FIVE_MINUTES_MS
    part = rows_of(samples, interval_ms, events, from_ms, to_ms)
    assert part == [row for row in rows_of(samples, interval_ms, events) if from_ms <= row.at_ms < to_ms]


def test_a_sample_held_over_an_edge_counts_in_both_rows() -> None:
    rows = rows_of([Sample("n", 295_000, 100), Sample("n", 305_000, 300), Sample("n", 306_000, 1)], 10_000)
    assert rows == [Row(0, Energy(1, 5_000, 500_000, 100, 100)), Row(300_000, Energy(2, 6_000, 800_000, 1, 300))]


def test_the_real_day_is_the_same_at_every_level() -> None:
    samples = real_day()
    if samples is None:
        pytest.skip("the recorded day is not at hand")
    rows = rows_of(samples, 2000)
    for level in ([energy(samples, 2000)], [row.energy for row in rows], [row.energy for row in hours_of(rows)]):
        day = merged(level)
        assert round(day.energy_wh, 2) == 13_227.41
        assert (day.max_w, day.covered_ms, day.samples) == (842, 86_094_000, 42_542)


@pytest.mark.parametrize("case", VECTORS, ids=[case["what"] for case in VECTORS])
def test_the_vectors_hold(case: dict[str, Any]) -> None:
    samples = [Sample("n", at_ms, power_w) for at_ms, power_w in case["samples"]]
    events = [
        Event("n", EventKind(kind), begin_ms, end_ms, value=value) for kind, begin_ms, end_ms, value in case["events"]
    ]
    for span in case["spans"]:
        found = energy(samples, case["interval_ms"], events, span["from_ms"], span["to_ms"])
        assert found == _expected(span)
    rows = [Row(row["from_ms"], _expected(row)) for row in case["rows"]]
    assert rows_of(samples, case["interval_ms"], events) == rows


def _expected(of: dict[str, Any]) -> Energy:
    return Energy(of["samples"], of["covered_ms"], of["energy_ms_w"], of["min_w"], of["max_w"])
