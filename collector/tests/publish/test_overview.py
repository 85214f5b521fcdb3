"""The overview says what the five-minute rows say: of today, and of the last 24 hours."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from tests.publish.test_rollups_published import Site, site, steady
from tests.series import NOON_MS

from powergraph_collector.days import FIRST_MS, LAST_MS, ms_of
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import overview, rollup_csv
from powergraph_collector.publish.overview import STEP_MS, Window
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import FIVE_MINUTES_MS, HOUR_MS


def checked(here: Site) -> dict[str, object]:
    here.check_overview(here.files.five_minutes(FIRST_MS, LAST_MS))
    of: dict[str, object] = here.overview()["bmcs"]["n"]
    return of


def test_what_was_drawn_is_in_the_step_in_which_it_was_drawn() -> None:
    with site(10_000, "UTC") as here:
        here.keep([*steady(90, NOON_MS, 300), *steady(90, NOON_MS + STEP_MS, 501), *steady(1, NOON_MS + 2 * STEP_MS)])
        here.round()
        document = here.overview()
        of = document["bmcs"]["n"]
        assert (document["from"], document["step_s"], document["steps"]) == ("2026-11-23T12:45:00.000Z", 900, 96)
        assert of["mean_w"] == [None] * 93 + [300, 501, None]
        assert of["max_w"] == [None] * 93 + [300, 501, None]
        assert of["today"] == {
            "energy_wh": 200.25,
            "covered_s": 1800.0,
            "min_w": 300,
            "max_w": 501,
            "samples": 180,
        }
        here.now_ms += HOUR_MS  # silence
        here.round()
        assert checked(here)["mean_w"] == [None] * 89 + [300, 501] + [None] * 5


def test_means_are_rounded_half_up() -> None:
    with site(10_000, "UTC") as here:
        here.keep([*steady(15, NOON_MS, 300), *steady(15, NOON_MS + 150_000, 301), *steady(1, NOON_MS + 300_000)])
        here.round()
        assert here.overview()["bmcs"]["n"]["mean_w"][-1] == 301


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Sao_Paulo", "Europe/Berlin"])
def test_today_begins_at_midnight_and_the_window_goes_on_over_it_and_over_the_ends_of_months(zone: str) -> None:
    with site(600_000, zone) as here:
        begin_ms = ms_of("2026-11-29T09:00:00.000Z")
        here.now_ms = begin_ms
        for hour in range(60):
            here.keep([Sample("n", begin_ms + hour * HOUR_MS + at * 600_000, 200 + hour) for at in range(6)])
            if hour % 13 == 7:
                here.start()
            here.round()
            checked(here)


def test_a_day_of_26_hours_fits_into_the_window() -> None:
    with site(600_000, "Antarctica/Troll") as here:  # its clocks go back by two hours
        here.now_ms = begin_ms = ms_of("2026-10-24T20:00:00.000Z")
        for hour in range(30):
            here.keep([Sample("n", begin_ms + hour * HOUR_MS + at * 600_000, 200 + hour) for at in range(6)])
            here.round()
            checked(here)


def test_a_hole_is_null_and_a_restart_changes_nothing() -> None:
    with site(60_000) as here:
        for begin_ms in (NOON_MS, NOON_MS + 20 * HOUR_MS):
            here.keep([Sample("n", begin_ms + at * 60_000, 400) for at in range(90)])
            here.now_ms += FIVE_MINUTES_MS
            here.round()
        here.round(4)  # the first day is known to agree with the store, and is not read again
        before = here.overview()
        assert before["bmcs"]["n"]["mean_w"].count(400) == 6 + 1 + 6  # a sample holds for three intervals
        assert before["bmcs"]["n"]["mean_w"].count(None) == 96 - 13
        here.start()
        here.round()
        assert here.overview() == before


def test_a_late_sample_and_a_clock_set_back_are_told_as_the_rows_tell_them() -> None:
    with site(60_000) as here:
        here.keep([Sample("n", NOON_MS + at * 60_000, 400) for at in range(120)])
        here.round()
        here.keep([Sample("n", NOON_MS + 30_000, 4000)])
        here.round(2)
        assert 4000 in checked(here)["max_w"]  # type: ignore[operator]
        last_ms = here.now_ms
        back_ms = last_ms - 3 * HOUR_MS
        here.keep([Event("n", EventKind.CLOCK_STEP, last_ms, back_ms, value=-3 * HOUR_MS)])
        here.now_ms = back_ms
        here.publisher.acknowledged(here.writer.append([Sample("n", back_ms + 1, 100)]).samples, ())
        here.round(3)
        assert checked(here)["mean_w"][-2:] == [None, 100]  # type: ignore[index]
        here.now_ms = last_ms - HOUR_MS
        here.round(2)
        checked(here)
        here.now_ms = last_ms + HOUR_MS
        here.round(2)
        checked(here)


def test_the_file_stays_as_it_is_while_nothing_in_it_changes() -> None:
    with site(10_000) as here:
        here.keep([*steady(100, NOON_MS)])
        here.round(2)
        path = here.folder / "data/lab/overview.json"
        inode = path.stat().st_ino
        here.keep([*steady(3, here.now_ms + 10_000)])
        here.round()
        assert path.stat().st_ino == inode
        here.now_ms += STEP_MS
        here.round()
        assert path.stat().st_ino != inode


def test_it_is_written_with_the_tails() -> None:
    with site(10_000) as here:
        here.publisher.round(with_tails=False)
        assert not (here.folder / "data/lab/overview.json").exists()
        here.round()
        assert here.overview()["bmcs"]["n"]["today"]["min_w"] is None


def test_a_number_that_nobody_can_have_measured_is_passed_over() -> None:
    with site(10_000, "UTC") as here:
        here.keep([*steady(200, NOON_MS)])
        here.round()
        path = here.folder / "data/lab/n/2026-11.csv"
        good = path.read_bytes()
        assert good.count(b",360,360,") == 6
        for number in (b"-1", b"99999999999999999999"):
            path.write_bytes(good.replace(b",360,360,", b",360," + number + b",", 1))
            window = Window(RollupFiles(path.parent, ZoneInfo("UTC")))
            window.begin(here.now_ms)
            assert window.since(NOON_MS).samples == 150
        assert rollup_csv.rows_of([b"garbage\n"]) == []
        assert overview.ROWS * FIVE_MINUTES_MS >= 26 * HOUR_MS + STEP_MS
