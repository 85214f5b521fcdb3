"""Whole days go, after having been announced; rollups, and samples that have no rollups, stay."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.publish.test_rollups_published import Site, site, steady

from powergraph_collector.history.retention import SampleRetention
from powergraph_collector.model import Sample
from powergraph_collector.retention import expired
from powergraph_collector.rollups import HOUR_MS
from powergraph_collector.settings import SettingsError, validated

DAY_MS = 24 * HOUR_MS


def test_a_day_is_expired_when_more_than_the_days_have_passed() -> None:
    days = [date(2026, 11, day) for day in (24, 1, 2, 3)]
    assert expired(days, date(2026, 11, 24), 22) == [date(2026, 11, 1)]
    assert expired(days, date(2026, 11, 24), 0) == []


def collected(here: Site, days: int) -> None:
    for _ in range(days):
        here.keep([*steady(100, here.now_ms)])
        here.round(3)
        here.now_ms += DAY_MS
    here.round(4)


def files_of(here: Site) -> set[str]:
    return {path.name for path in (here.folder / "data/lab/n").iterdir() if path.name.startswith("2026")}


def test_published_days_go_an_hour_after_it_was_said_and_rollups_stay() -> None:
    with site(10_000, "UTC") as here:
        collected(here, 5)
        here.settings = here.settings.model_copy(update={"keep_published_days": 2})
        here.start()
        before = files_of(here)
        here.round(3)
        assert here.told == ["retention: 3 published days, up to 2026-11-26, will be removed in an hour"]
        assert files_of(here) >= before
        rows = here.files.five_minutes(0, here.now_ms)
        here.now_ms += HOUR_MS
        here.round(3)
        here.start()
        here.round(3)
        assert {name[:10] for name in files_of(here) if name.count("-") == 2} == {
            "2026-11-27",
            "2026-11-28",
            "2026-11-29",
        }
        assert here.files.five_minutes(0, here.now_ms) == rows
        assert sum(row.energy.samples for row in rows) == 500
        here.publisher.rebuild(["n"], lambda _: None)
        assert "2026-11-26.csv" not in files_of(here)


def test_samples_go_only_once_their_rollups_are_safe_and_the_rows_outlive_them() -> None:
    with site(10_000, "UTC") as here:
        collected(here, 12)
        rows = here.files.five_minutes(0, here.now_ms)
        assert sum(row.energy.samples for row in rows) == 1200
        told: list[str] = []
        unsafe = {"2026-11-25"}
        retention = SampleRetention(
            here.writer,
            7,
            lambda bmc, day: day not in unsafe and here.publisher.is_rolled_up(bmc, day),
            told.append,
            lambda: here.now_ms,
        )
        retention.step()
        assert told == ["retention: 4 days of samples, up to 2026-11-28, will be removed in an hour"]
        assert len(here.reader.utc_days("n")) == 12
        here.now_ms += HOUR_MS
        for _ in range(6):
            retention.step()
        assert here.reader.utc_days("n") == ["2026-11-25", *(f"2026-11-{day}" for day in (29, 30))] + [
            f"2026-12-0{day}" for day in range(1, 6)
        ]
        assert told[1] == "retention: 4 days of samples were removed; their rollups stay"
        here.start()
        here.round(4)
        here.publisher.rebuild(["n"], lambda _: None)
        assert here.files.five_minutes(0, here.now_ms) == rows


def test_samples_of_a_bmc_that_nobody_publishes_stay() -> None:
    with site(10_000, "UTC") as here:
        collected(here, 9)
        here.writer.append([Sample("other", 1, 1)])
        retention = SampleRetention(here.writer, 7, here.publisher.is_rolled_up, print, lambda: here.now_ms)
        for _ in range(3):
            retention.step()
            here.now_ms += HOUR_MS
        assert here.reader.utc_days("other") == ["1970-01-01"]


@pytest.mark.parametrize(("days", "publish", "words"), [(3, "data", "at least 7"), (30, None, "needs publish")])
def test_a_limit_for_samples_that_leaves_nothing_of_them_is_refused(
    days: int, publish: str | None, words: str, tmp_path: Path
) -> None:
    table = {"keep_sample_days": days, "publish": publish, "bmc": [{"name": "n", "host": "192.0.2.1"}]}
    with pytest.raises(SettingsError, match=words):
        validated({key: value for key, value in table.items() if value is not None}, "test")
