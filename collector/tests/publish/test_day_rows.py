"""A row of `days.csv` is the sum of the five-minute rows of a day of the zone, whatever happened in between."""

from __future__ import annotations

import csv
import gzip
import tempfile
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.publish.test_rollups_published import Site, site, steady
from tests.series import NOON_MS, real_day

from powergraph_collector.days import LAST_MS, day_of, ms_of, span_of
from powergraph_collector.energy import Energy
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import rollup_csv
from powergraph_collector.publish.day_rows import DayRows
from powergraph_collector.publish.publisher import Publisher
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import FIVE_MINUTES_MS, HOUR_MS, Row, merged

DAY_MS = 24 * HOUR_MS
ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe")


def rows_of(here: Site) -> dict[str, dict[str, str]]:
    path = here.folder / "data/lab/n/days.csv"
    return {row["day"]: row for row in csv.DictReader(path.read_text().splitlines())} if path.exists() else {}


def kept(here: Site, from_ms: int, to_ms: int, step_ms: int = 60_000, power_w: int = 360) -> None:
    """Samples of a span, published a few hours at a time."""
    for begin_ms in range(from_ms, to_ms, 6 * HOUR_MS):
        end_ms = min(to_ms, begin_ms + 6 * HOUR_MS)
        here.keep([Sample("n", at_ms, power_w) for at_ms in range(begin_ms, end_ms, step_ms)])
        here.round()


rows = st.builds(
    Row,
    st.integers(-1200, 1200).map(lambda number: NOON_MS + number * FIVE_MINUTES_MS),
    st.builds(
        lambda samples, covered_ms, low, more: Energy(samples, covered_ms, covered_ms * low, low, low + more),
        st.integers(0, 3000),
        st.integers(0, 400_000),
        st.integers(0, 2000),
        st.integers(0, 500),
    ),
)


def expected(of: list[Row], zone: ZoneInfo, over_ms: int) -> bytes:
    days = sorted({day_of(row.at_ms, zone) for row in of})
    lines = []
    for day in days:
        from_ms, to_ms = span_of(day, zone)
        if to_ms <= over_ms:
            energy = merged(row.energy for row in of if from_ms <= row.at_ms < to_ms)
            lines.append(f"{day},{rollup_csv.cells(energy)}\n")
    return b"day,mean_w,min_w,max_w,energy_wh,covered_s,samples\n" + "".join(lines).encode()


@given(st.sampled_from(ZONES), st.lists(st.lists(rows, max_size=60), min_size=1, max_size=5), st.data())
def test_days_are_the_sums_of_their_five_minutes_whatever_is_put_in_their_place(
    key: str, batches: list[list[Row]], data: st.DataObject
) -> None:
    zone, there = ZoneInfo(key), dict[int, Row]()
    with tempfile.TemporaryDirectory(prefix="powergraph-") as name:
        rollup_files = RollupFiles(Path(name), zone)
        day_rows = DayRows(rollup_files, zone)
        rollup_files.followers = (day_rows,)
        now_ms = NOON_MS + 6 * DAY_MS
        for batch in batches:
            new = sorted({row.at_ms: row for row in batch}.values(), key=lambda row: row.at_ms)
            if new and there and new[0].at_ms > max(there):
                rollup_files.append(new, [], now_ms)
            else:
                from_ms = min((row.at_ms for row in new), default=NOON_MS) // HOUR_MS * HOUR_MS
                to_ms = data.draw(st.sampled_from([LAST_MS - 72 * HOUR_MS, NOON_MS + 101 * HOUR_MS]))
                there = {at_ms: row for at_ms, row in there.items() if not from_ms <= at_ms < to_ms}
                rollup_files.put(from_ms, to_ms, new, now_ms, now_ms)
            there |= {row.at_ms: row for row in new}
            what = data.draw(st.sampled_from(["work", "die", "wait"]))
            if what == "die":  # before the days were written; their files are found by their months
                (Path(name) / "days.csv").unlink(missing_ok=True)
                day_rows = DayRows(rollup_files, zone)
                rollup_files.followers = (day_rows,)
                day_rows.begin()
            over_ms = data.draw(st.integers(NOON_MS - 4 * DAY_MS, now_ms))
            while what == "work" and day_rows.has_work(over_ms):
                day_rows.work(over_ms)
        while day_rows.has_work(now_ms):
            day_rows.work(now_ms)
        path = Path(name) / "days.csv"
        found = path.read_bytes() if path.exists() else expected([], zone, now_ms)
        assert found == expected(list(there.values()), zone, now_ms)
        assert not day_rows.rebuild(now_ms)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Berlin", "2027-03-28", 23),
        ("Asia/Kolkata", "2026-11-24", 24),
        ("Australia/Lord_Howe", "2027-04-04", 24.5),
    ],
)
def test_a_day_is_as_long_as_it_is_in_the_zone(zone: str, day: str, hours: float) -> None:
    with site(60_000, zone) as here:
        from_ms, to_ms = span_of(date.fromisoformat(day), here.zone)
        here.now_ms = from_ms - 2 * HOUR_MS
        kept(here, from_ms - 2 * HOUR_MS, to_ms + HOUR_MS)
        row = rows_of(here)[day]
        assert (float(row["covered_s"]), float(row["energy_wh"])) == (hours * 3600, 360 * hours)
        assert (row["mean_w"], row["samples"]) == ("360.000", str(round(hours * 60)))
        here.check()


def test_a_day_appears_when_its_rows_are_there_and_not_before() -> None:
    with site(10_000, "UTC") as here:
        midnight_ms = ms_of("2026-11-25T00:00:00.000Z")
        kept(here, NOON_MS, midnight_ms, 10_000)
        assert rows_of(here) == {}
        here.keep([Sample("n", midnight_ms, 1)])
        here.round()
        assert list(rows_of(here)) == ["2026-11-24"]
        folder = here.folder / "data/lab/n"
        whole = (folder / "days.csv").read_bytes()
        kept(here, midnight_ms + 10_000, midnight_ms + 3 * DAY_MS, 600_000)
        assert list(rows_of(here)) == ["2026-11-24", "2026-11-25", "2026-11-26"]
        assert (folder / "days.csv").read_bytes().startswith(whole)
        kept(here, here.now_ms + 600_000, here.now_ms + 2 * DAY_MS, 600_000)
        whole = (folder / "days.csv").read_bytes()
        assert gzip.decompress((folder / "days.csv.gz").read_bytes()) == whole
        assert brotli.decompress((folder / "days.csv.br").read_bytes()) == whole


def test_a_day_that_ends_in_silence_appears_and_is_told_again_when_its_last_sample_has_a_successor() -> None:
    with site(60_000, "UTC") as here:
        kept(here, NOON_MS, ms_of("2026-11-24T23:59:30.000Z"))
        here.now_ms = ms_of("2026-11-25T00:10:00.000Z")
        here.round()
        assert rows_of(here)["2026-11-24"]["covered_s"] == "43140.000"
        here.keep([Sample("n", here.now_ms, 1)])
        here.now_ms += FIVE_MINUTES_MS
        here.round()
        assert rows_of(here)["2026-11-24"]["covered_s"] == "43200.000"
        here.check()


def test_late_samples_and_steps_of_the_clock_change_the_days_that_they_touch() -> None:
    with site(600_000) as here:
        kept(here, NOON_MS, NOON_MS + 3 * DAY_MS, 600_000)
        before = rows_of(here)
        here.keep([Sample("n", NOON_MS + 5, 2000), Sample("n", NOON_MS + DAY_MS + 5, 1)])
        here.round(2)
        after = rows_of(here)
        assert {day for day in before if before[day] != after[day]} == {"2026-11-24", "2026-11-25"}
        assert (after["2026-11-24"]["max_w"], after["2026-11-25"]["min_w"]) == ("2000", "1")
        here.check()
        step = Event("n", EventKind.CLOCK_STEP, NOON_MS, NOON_MS + 1, value=300_000)
        here.keep([step])
        here.round(3)
        here.check()
        assert rows_of(here)["2026-11-24"]["covered_s"] != after["2026-11-24"]["covered_s"]


def test_days_that_a_crash_left_behind_are_brought_into_line_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with site(600_000) as here:
        kept(here, NOON_MS, NOON_MS + 4 * DAY_MS, 600_000)
        here.round(4)
        with monkeypatch.context() as patch:
            patch.setattr(Publisher, "_write_days", lambda *_arguments, **_named: None)
            kept(here, NOON_MS + 4 * DAY_MS, NOON_MS + 6 * DAY_MS, 600_000)
            here.keep([Sample("n", NOON_MS + 7, 2000)])  # the months are written, the days are not
            here.round(4)
        assert len(rows_of(here)) == 4
        here.start()
        here.round(2)
        assert len(rows_of(here)) == 6
        assert rows_of(here)["2026-11-24"]["max_w"] == "2000"
        here.check()


@pytest.mark.parametrize("fault", ["is missing", "was torn", "is empty", "is another's", "lacks a month"])
def test_days_are_made_of_the_files_of_months_where_their_own(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with site(600_000, "UTC") as here:
        kept(here, NOON_MS, NOON_MS + 8 * DAY_MS, 600_000)  # into December
        here.now_ms += DAY_MS
        here.round(4)
        path = here.folder / "data/lab/n/days.csv"
        whole = path.read_bytes()
        torn = {
            "was torn": whole[:-3],
            "is empty": b"",
            "is another's": b"day\n" + whole,
            "lacks a month": b"".join(line for line in whole.splitlines(keepends=True) if b"2026-11" not in line),
        }
        path.unlink()
        if fault in torn:
            path.write_bytes(torn[fault])
        read: list[int] = []
        read_span = here.reader.read
        monkeypatch.setattr(here.reader, "read", lambda *span: (read.append(span[1]), read_span(*span))[1])
        here.start()
        here.round(2)
        assert path.read_bytes() == whole
        assert min(read) >= NOON_MS + 7 * DAY_MS - 12 * HOUR_MS, "the days were made of samples"


def test_a_file_of_days_that_somebody_takes_away_is_made_again_whole_with_the_next_day() -> None:
    with site(600_000) as here:
        kept(here, NOON_MS, NOON_MS + 2 * DAY_MS, 600_000)
        (here.folder / "data/lab/n/days.csv").unlink()
        kept(here, NOON_MS + 2 * DAY_MS, NOON_MS + 3 * DAY_MS, 600_000)
        assert list(rows_of(here)) == ["2026-11-24", "2026-11-25", "2026-11-26"]
        here.check()


def test_months_that_hold_nothing_readable_have_no_days_and_stop_nobody() -> None:
    with site(600_000) as here:
        folder = here.folder / "data/lab/n"
        folder.mkdir(parents=True)
        (folder / "2024-02.csv").write_bytes(rollup_csv.HEADER + b"what, is, this\n" * 9)
        (folder / "2024-13.csv").write_bytes(rollup_csv.HEADER + b"what, is, this\n" * 9)
        kept(here, NOON_MS, NOON_MS + 2 * DAY_MS, 600_000)
        assert list(rows_of(here)) == ["2026-11-24", "2026-11-25"]
        assert here.publisher._days_due == []


def test_the_real_day_has_its_known_energy_and_peak() -> None:
    day = real_day()
    if day is None:
        pytest.skip("the recorded day is not at hand")
    with site(2000, "UTC") as here:
        here.now_ms = day[0].at_ms
        for begin in range(0, len(day), 8000):
            here.keep([Sample("n", each.at_ms, each.power_w) for each in day[begin : begin + 8000]])
            here.round()
        here.now_ms += HOUR_MS
        here.round()
        row = rows_of(here)["2017-07-23"]
        assert (f"{float(row['energy_wh']):.2f}", row["max_w"]) == ("13227.41", "842")
        assert (row["covered_s"], row["samples"]) == ("86094.000", "42542")


def test_a_day_that_nothing_was_kept_of_has_no_row() -> None:
    with site(10_000) as here:
        here.keep([*steady(100, NOON_MS)])
        here.round()
        here.now_ms += 3 * DAY_MS
        here.keep([*steady(100, here.now_ms)])
        here.now_ms += DAY_MS
        here.round()
        assert list(rows_of(here)) == ["2026-11-24", "2026-11-27"]
        here.check()
