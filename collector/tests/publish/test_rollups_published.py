"""Whatever happens to samples and to the service, the rollups are the energy of what the store holds."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import groupby
from math import floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.series import NOON_MS, made_up_series, real_day

from powergraph_collector.days import FIRST_MS, LAST_MS, iso, moment, ms_of, span_of
from powergraph_collector.energy import Energy, energy, first_interval_ms
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import agreement, files, rollup_csv
from powergraph_collector.publish.day_rows import DayRows
from powergraph_collector.publish.publisher import Publisher
from powergraph_collector.publish.rolling import Rolling, rule_events, taken
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import FIVE_MINUTES_MS, HOUR_MS, Row, hours_of, merged, rows_of
from powergraph_collector.settings import validated

KATHMANDU = "Asia/Kathmandu"  # UTC+05:45


class Site:
    """A store with one BMC, a publisher on it, and a clock."""

    def __init__(self, folder: Path, interval_ms: int, zone: str = KATHMANDU) -> None:
        self.now_ms = NOON_MS
        self.folder = folder
        self.zone = ZoneInfo(zone)
        self.interval_ms = interval_ms
        self.complaints: list[str] = []
        bmc = {"name": "n", "host": "192.0.2.1", "interval_s": interval_ms / 1000}
        self.settings = validated({"name": "lab", "zone": zone, "store": folder / "db", "bmc": [bmc]}, "test")
        self.told: list[str] = []
        self.writer = TinyDbHistory(folder / "db", now_ms=lambda: self.now_ms)
        self.reader = TinyDbHistory(folder / "db", access_mode="r")
        self.start()

    def start(self) -> None:
        self.publisher = Publisher(
            self.settings,
            self.reader,
            self.folder / "data",
            self.complaints.append,
            lambda: self.now_ms,
            tell=self.told.append,
        )

    def keep(self, records: list[Sample | Event], *, told: bool = True) -> None:
        samples = [record for record in records if isinstance(record, Sample)]
        self.now_ms = max([self.now_ms, *(sample.at_ms for sample in samples)])
        outcome = self.writer.append(samples, [record for record in records if isinstance(record, Event)])
        if told:
            self.publisher.acknowledged(outcome.samples, outcome.events)

    def round(self, count: int = 1) -> None:
        for _ in range(count):
            self.publisher.round(with_tails=True)
        assert self.complaints == []

    @property
    def files(self) -> RollupFiles:
        return RollupFiles(self.folder / "data/lab/n", self.zone)

    def bytes_of(self, folder: Path) -> dict[str, bytes]:
        """The rollup files with their twins."""
        paths = [*folder.glob("[0-9]???-??.csv*"), *folder.glob("[0-9]???.csv*"), *folder.glob("days.csv*")]
        return {path.name: path.read_bytes() for path in sorted(paths)}

    def rebuilt(self) -> dict[str, bytes]:
        """The files as they are written from the store where there are none."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        rollup_files = RollupFiles(folder, self.zone)
        rolling = Rolling("n", self.reader, rollup_files, self.interval_ms)
        rolling.rebuild(self.now_ms)
        DayRows(rollup_files, self.zone).rebuild(rolling.over_ms(self.now_ms))
        return self.bytes_of(folder)

    def check(self) -> None:
        """The files hold what `energy` says of the store, are what a rebuild writes, and stay so when rebuilt."""
        found = self.bytes_of(self.folder / "data/lab/n")
        assert found == self.rebuilt()
        events = rule_events(self.reader, "n")
        samples = [sample for day in self.reader.utc_days("n") for sample in taken(self.reader, "n", day, events)]
        interval_ms = first_interval_ms(events, self.interval_ms)
        rows = self.files.five_minutes(FIRST_MS, LAST_MS)
        # Each row goes through all samples: of a whole day of them, every so many rows will do.
        for row in rows[:: 1 + len(rows) * len(samples) // 1_000_000]:
            assert row.energy == energy(samples, interval_ms, events, row.at_ms, row.at_ms + FIVE_MINUTES_MS)
        over = [
            row for row in rows_of(samples, interval_ms, events) if row.at_ms + FIVE_MINUTES_MS <= samples[-1].at_ms
        ]
        assert len(rows) >= len(over)
        for name in self.files.months():
            year, month = (int(part) for part in name.split("-"))
            of_month = [row for row in rows if moment(row.at_ms, self.zone).timetuple()[:2] == (year, month)]
            lines = (self.folder / f"data/lab/n/{name}.csv").read_bytes()
            assert lines == rollup_csv.HEADER + b"".join(rollup_csv.lines(of_month))
        self.check_days(rows, max(samples[-1].at_ms, *(sample.at_ms for sample in samples[:-1]), 0))
        self.check_overview(rows)

    def check_days(self, rows: list[Row], frontier_ms: int) -> None:
        """A row a day that is over, the sum of its five-minute rows."""
        over_ms = max(each - each % FIVE_MINUTES_MS for each in (frontier_ms, self.now_ms - FIVE_MINUTES_MS))
        expected = [b"day,mean_w,min_w,max_w,energy_wh,covered_s,samples\n"]
        for day, of_day in groupby(rows, key=lambda row: moment(row.at_ms, self.zone).date()):
            if span_of(day, self.zone)[1] <= over_ms:
                numbers = rollup_csv.cells(merged(row.energy for row in of_day))
                expected.append(f"{day},{numbers}\n".encode())
        path = self.folder / "data/lab/n/days.csv"
        assert (path.read_bytes() if path.exists() else expected[0]) == b"".join(expected)

    def overview(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "data/lab/overview.json").read_bytes())
        assert document.pop("written_at") <= iso(self.now_ms)
        return document

    def check_overview(self, rows: list[Row]) -> None:
        """What `overview.json` says is what the rows say."""
        document = self.overview()
        today = moment(self.now_ms, self.zone).date()
        assert (document["day"], document["day_from"]) == (str(today), iso(span_of(today, self.zone)[0]))
        from_ms = ms_of(document["from"])
        to_ms = from_ms + 96 * 900_000
        rows = [row for row in rows if row.at_ms < to_ms]  # where the clock was set back, there are later ones
        total = merged(row.energy for row in rows if moment(row.at_ms, self.zone).date() == today)
        assert document["bmcs"]["n"]["today"] == {
            "energy_wh": round(total.energy_wh, 9),
            "covered_s": total.covered_s,
            "min_w": total.min_w,
            "max_w": total.max_w,
            "samples": total.samples,
        }
        assert from_ms % 900_000 == 0
        assert to_ms - 900_000 <= self.now_ms < to_ms
        steps = [
            merged(row.energy for row in rows if 0 <= row.at_ms - at_ms < 900_000)
            for at_ms in range(from_ms, to_ms, 900_000)
        ]
        half = Fraction(1, 2)
        means = [
            floor(Fraction(step.energy_ms_w, step.covered_ms) + half) if step.covered_ms else None for step in steps
        ]
        assert document["bmcs"]["n"]["mean_w"] == means
        assert document["bmcs"]["n"]["max_w"] == [step.max_w if step.covered_ms else None for step in steps]


@contextmanager
def site(interval_ms: int, zone: str = KATHMANDU) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="powergraph-") as folder:
        made = Site(Path(folder), interval_ms, zone)
        yield made
        made.writer.close()


def in_turn(samples: list[Sample], events: list[Event]) -> list[Sample | Event]:
    """Samples as they were taken, with each event before the first sample that it counts for."""
    left, records = list(events), []
    for index, sample in enumerate(samples):
        records.append(sample)
        following = samples[index + 1].at_ms if index + 1 < len(samples) else LAST_MS
        for event in list(left):
            if event.begin_ms == sample.at_ms or (event.kind is EventKind.INTERVAL and event.begin_ms <= following):
                left.remove(event)
                records.append(event)
    return [*records, *left]


@given(made_up_series(begin_ms=NOON_MS - 24 * HOUR_MS), st.data())
def test_rows_kept_up_are_rows_rebuilt_whatever_comes_when(
    made_up: tuple[list[Sample], list[Event], int], data: st.DataObject
) -> None:
    samples, events, interval_ms = made_up
    first_ms = samples[0].at_ms
    if data.draw(st.booleans(), label="the interval is told at first"):
        events = [Event("n", EventKind.INTERVAL, first_ms, first_ms, value=interval_ms / 1000), *events]
    with site(interval_ms) as here:
        here.now_ms = first_ms
        left: list[Sample | Event] = in_turn(samples, events)
        late: list[Sample | Event] = []
        while left or late:
            what = data.draw(
                st.sampled_from(["keep"] * 5 + ["wait", "crash", "restart", "hold back", "late", "import"])
            )
            count = data.draw(st.integers(1, 25))
            batch, rest = left[:count], left[count:]
            if what == "hold back":
                if data.draw(st.booleans(), label="events too"):
                    late += batch
                else:
                    late += [record for record in batch if isinstance(record, Sample)]
                    here.keep([record for record in batch if isinstance(record, Event)])
            elif what in {"late", "import"}:
                batch, late, rest = late[:count], late[count:], left
                here.keep(batch, told=what == "late")
                if what == "import":
                    here.start()
            elif what == "restart":
                here.start()
                here.keep(batch)
            else:
                here.keep(batch, told=what != "crash")
                if what == "crash":
                    here.start()
            left = rest
            if what == "wait":
                here.now_ms += data.draw(st.integers(0, 3 * HOUR_MS))
            if data.draw(st.booleans()):
                here.round()
        here.now_ms += data.draw(st.sampled_from([0, 700_000, 30 * HOUR_MS]))
        here.round(4)
        here.check()


@pytest.mark.parametrize("known", [[], [-70], [-70, -30]], ids=["the first one", "before no other", "before another"])
def test_an_interval_that_is_imported_late_counts_for_the_days_after_it_too(known: list[int]) -> None:
    """Readings every 150 s hold all the time at intervals of a minute, and for 60 s at intervals of 20 s."""

    def change(at_h: int, interval_s: float) -> Event:
        at_ms = NOON_MS + at_h * HOUR_MS
        return Event("n", EventKind.INTERVAL, at_ms, at_ms, value=interval_s)

    with site(60_000, "UTC") as here:
        here.keep([Sample("n", at_ms, 400) for at_ms in range(NOON_MS - 80 * HOUR_MS, NOON_MS, 150_000)], told=False)
        here.keep([change(at_h, 60.0) for at_h in known], told=False)
        here.start()
        here.round(4)
        assert (here.folder / "data/lab/n/.agreed.json").exists()
        here.keep([change(-60, 20.0)], told=False)
        here.start()
        here.round(4)
        here.check()


@given(places=st.sets(st.integers(-800, 60), min_size=1, max_size=12), interval_ms=st.sampled_from([600_000, HOUR_MS]))
def test_days_of_few_samples_are_published_as_they_are_rebuilt(places: set[int], interval_ms: int) -> None:
    with site(interval_ms) as here:
        here.keep([Sample("n", NOON_MS + place * 600_000, 400 + place % 97) for place in sorted(places)], told=False)
        here.now_ms += 2 * HOUR_MS
        here.start()
        here.round(3)
        here.check()


def test_a_clock_set_back_by_less_than_an_interval_lets_a_sample_hold_beyond_the_next_ones_time() -> None:
    with site(10_000) as here:
        edge_ms = NOON_MS + FIVE_MINUTES_MS
        before = [Sample("n", edge_ms - 5_000 - back * 10_000, 500) for back in range(3)][::-1]
        last_ms = before[-1].at_ms
        step = Event("n", EventKind.CLOCK_STEP, last_ms, last_ms + 1, value=-8_000)
        here.keep([*before])
        here.round()
        # ten seconds passed after the last one, and its successor is two seconds younger
        after = [Sample("n", last_ms + 2_000 + index * 10_000, 100) for index in range(40)]
        here.keep([step, *after[:3]])
        here.round()
        here.keep([*after[3:]])
        here.round()
        here.check()


def steady(count: int, from_ms: int, power_w: int = 360) -> list[Sample]:
    return [Sample("n", from_ms + index * 10_000, power_w) for index in range(count)]


def test_open_files_grow_and_those_of_a_month_that_is_over_have_twins() -> None:
    with site(10_000) as here:
        here.now_ms = span_of(moment(NOON_MS, here.zone).date().replace(day=30), here.zone)[0] + 20 * HOUR_MS
        here.keep([*steady(80, here.now_ms)])
        here.round()
        path = here.folder / "data/lab/n/2026-11.csv"
        inode, begin = path.stat().st_ino, path.read_bytes()
        assert begin.count(b"\n") == 3
        here.keep([*steady(80, here.now_ms + 10_000)])
        here.round()
        assert path.stat().st_ino == inode
        assert path.read_bytes().startswith(begin)
        assert not path.with_name("2026-11.csv.gz").exists()
        here.now_ms += 24 * HOUR_MS
        here.keep([*steady(40, here.now_ms)])
        here.round(2)
        assert gzip.decompress(path.with_name("2026-11.csv.gz").read_bytes()) == path.read_bytes()
        assert brotli.decompress(path.with_name("2026-11.csv.br").read_bytes()) == path.read_bytes()
        here.check()


def test_an_hourly_row_is_that_of_its_five_minutes_even_across_the_end_of_a_month() -> None:
    with site(10_000) as here:  # the month begins at 18:15 UTC
        first_ms = span_of(moment(NOON_MS, here.zone).date().replace(day=30), here.zone)[1]
        here.now_ms = first_ms - HOUR_MS
        for begin_ms in range(first_ms - HOUR_MS, first_ms + 2 * HOUR_MS, 600_000):
            here.keep([*steady(60, begin_ms)])
            here.round()
        assert here.files.months() == ["2026-11", "2026-12"]
        assert here.files.hours(FIRST_MS, LAST_MS) == [
            row for row in hours_of(here.files.five_minutes(FIRST_MS, LAST_MS)) if row.at_ms + HOUR_MS < here.now_ms
        ]
        assert here.files.hours(FIRST_MS, LAST_MS)[1].energy.energy_wh == 360


def stat_of(here: Site) -> dict[str, tuple[int, int]]:
    paths = [path for path in (here.folder / "data").rglob("20*") if path.is_file()]
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def test_a_restart_reads_only_the_days_that_the_files_are_not_known_to_agree_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with site(10_000) as here:
        for _ in range(3):
            here.keep([*steady(100, here.now_ms)])
            here.round(4)
            here.now_ms += 48 * HOUR_MS
        here.round(4)
        read: list[int] = []
        here.start()
        read_span = here.reader.read
        monkeypatch.setattr(here.reader, "read", lambda *span: (read.append(span[1]), read_span(*span))[1])
        before = stat_of(here)
        here.round()
        assert "2026-11-24" not in {moment(at_ms).date().isoformat() for at_ms in read}
        assert stat_of(here) == before
        old = steady(3, NOON_MS + HOUR_MS)
        here.writer.append(old)
        here.start()
        here.round(3)
        assert b"T13:00:20.000Z" in (here.folder / "data/lab/n/2026-11-24.csv").read_bytes()
        here.check()


def test_files_that_a_power_cut_tore_or_took_are_written_anew() -> None:
    with site(10_000) as here:
        here.keep([*steady(2000, NOON_MS)])
        here.round(3)
        folder = here.folder / "data/lab/n"
        (folder / "2026.csv").unlink()
        whole = (folder / "2026-11.csv").read_bytes()
        for torn in (whole[:-7], whole[:10], b""):
            (folder / "2026-11.csv").write_bytes(torn)
            here.start()
            here.round(2)
            here.check()


def test_rows_and_days_whose_samples_are_gone_from_the_store_stay() -> None:
    with site(10_000) as here:
        for begin in range(0, 3 * 8640, 1000):
            here.keep([*steady(1000, NOON_MS + begin * 10_000, 300 + begin % 700)])
            here.round()
        here.now_ms += HOUR_MS
        here.round(4)
        folder = here.folder / "data/lab/n"
        before = {path.name: path.read_bytes() for path in (*folder.glob("20*"), folder / "days.csv")}
        here.writer.db.drop_table("n/2026-11-24")
        here.writer.db.drop_table("n/2026-11-25")
        here.start()
        here.round(3)
        assert {path.name: path.read_bytes() for path in (*folder.glob("20*"), folder / "days.csv")} == before
        late = Sample("n", NOON_MS + 5, 1)
        here.keep([late])
        here.round(3)
        assert {path.name: path.read_bytes() for path in (*folder.glob("20*.csv"), folder / "days.csv")} == {
            name: data for name, data in before.items() if name.endswith(".csv")
        }
        rebuilt = Rolling("n", here.reader, here.files, here.interval_ms)
        assert rebuilt.rebuild(here.now_ms) == 0
        assert rebuilt.kept_rows > 288


def test_of_a_day_of_two_utc_days_that_which_is_gone_from_the_store_stays() -> None:
    with site(10_000, "America/Sao_Paulo") as here:
        evening_ms, night_ms = NOON_MS + 8 * HOUR_MS, NOON_MS + 12 * HOUR_MS + HOUR_MS // 2
        here.keep([*steady(60, evening_ms), *steady(5, night_ms)])
        here.round()
        here.now_ms += 40 * HOUR_MS
        here.round(8)
        path = here.folder / "data/lab/n/2026-11-24.csv"
        before = path.read_bytes().splitlines()
        assert len(before) == 66
        here.writer.drop_day("n", "2026-11-24")
        here.keep([*steady(80, night_ms + HOUR_MS // 2)], told=False)
        here.start()
        here.round(8)
        after = path.read_bytes().splitlines()
        assert after[:66] == before
        assert len(after) == 66 + 80


def test_a_day_that_was_written_anew_is_safe_with_its_twins_before_it_is_agreed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with site(10_000) as here:
        here.keep([*steady(2000, NOON_MS)])
        here.now_ms += 48 * HOUR_MS
        here.round(8)
        here.keep([*steady(60, NOON_MS + 7 * HOUR_MS)], told=False)
        here.start()
        safe: dict[str, bytes] = {}
        sync, save = files.sync, agreement.save

        def noting(path: Path) -> None:
            sync(path)
            safe.update((each.name, each.read_bytes()) for each in path.parent.glob(f"{path.name}*"))

        def agreeing(folder: Path, zone: str, stamps: dict[str, str]) -> None:
            for path in folder.glob("2026-11-2?.csv*"):
                assert safe[path.name] == path.read_bytes()
            save(folder, zone, stamps)
            safe["agreed"] = b""

        monkeypatch.setattr(files, "sync", noting)
        monkeypatch.setattr(agreement, "save", agreeing)
        here.round(8)
        assert "agreed" in safe


@pytest.mark.parametrize("suffix", ["", ".gz", ".br"])
def test_a_closed_day_that_a_power_cut_emptied_is_written_anew(suffix: str) -> None:
    with site(10_000) as here:
        here.keep([*steady(2000, NOON_MS)])
        here.now_ms += 48 * HOUR_MS
        here.round(8)
        folder = here.folder / "data/lab/n"
        whole = (folder / f"2026-11-24.csv{suffix}").read_bytes()
        (folder / f"2026-11-24.csv{suffix}").write_bytes(b"")
        (folder / agreement.FILE).unlink()  # it is written when they are safe
        here.start()
        here.round(8)
        assert (folder / f"2026-11-24.csv{suffix}").read_bytes() == whole


def test_of_a_rebuilt_site_every_file_is_as_it_was_kept_up() -> None:
    with site(10_000) as here:
        for begin in range(0, 2 * 8640, 1000):
            here.keep([*steady(1000, NOON_MS + begin * 10_000, 300 + begin % 700)])
            here.round()
        here.round(2)
        folder = here.folder / "data/lab/n"
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert {"2026-11-24.csv.br", "2026-11-25.csv.gz", "2026-11.csv", "2026.csv", "days.csv"} <= set(before)
        assert {"2026-11.events.json", "2026-11-24.events.json"} <= set(before)
        overview = here.overview()
        here.start()
        assert here.publisher.rebuild(["n"], lambda _: None).files == 0
        for path in folder.iterdir():
            path.unlink()
        here.start()
        here.publisher.rebuild(["n"], lambda _: None)
        after = {path.name: path.read_bytes() for path in folder.iterdir()}
        del before[".agreed.json"], after[".agreed.json"]
        assert after == before
        assert here.overview() == overview


@given(
    st.builds(
        Energy,
        st.integers(0, 10**6),
        st.integers(0, 10**11),
        st.integers(0, 10**14),
        st.integers(0, 65534),
        st.integers(0, 65534),
    )
)
def test_a_row_comes_back_exactly_as_it_was(of: Energy) -> None:
    (line,) = rollup_csv.lines([Row(NOON_MS, of)])
    assert rollup_csv.rows_of([line, b"garbage\n", line[:-9] + b"\n", line]) == [Row(NOON_MS, of)] * 2
    assert abs(float(line.split(b",")[4]) - of.energy_wh) < 1e-9 * max(1.0, of.energy_wh)


def test_the_real_day_is_published_with_its_known_energy_at_every_level() -> None:
    day = real_day()
    if day is None:
        pytest.skip("the recorded day is not at hand")
    samples = [Sample("n", each.at_ms, each.power_w) for each in day]
    with site(2000, "America/Sao_Paulo") as here:
        here.now_ms = samples[0].at_ms
        for begin in range(0, len(samples), 2000):
            here.keep([*samples[begin : begin + 2000]])
            here.round()
        here.now_ms += HOUR_MS
        here.round()
        here.check()
        for rows in (here.files.five_minutes(FIRST_MS, LAST_MS), here.files.hours(FIRST_MS, LAST_MS)):
            total = merged(row.energy for row in rows)
            assert round(total.energy_wh, 2) == 13_227.41
            assert (total.max_w, total.covered_s, total.samples) == (842, 86_094, 42_542)


def test_a_row_that_was_told_in_silence_is_told_again() -> None:
    with site(10_000) as here:
        here.keep([*steady(15, NOON_MS)])
        here.now_ms += 2 * HOUR_MS
        here.round()
        assert [row.energy.covered_s for row in here.files.five_minutes(FIRST_MS, LAST_MS)] == [140]
        assert [row.energy.covered_s for row in here.files.hours(FIRST_MS, LAST_MS)] == [140]
        here.keep([*steady(60, here.now_ms)])
        here.round()
        assert here.files.five_minutes(FIRST_MS, LAST_MS)[0].energy.covered_s == 170
        assert here.files.hours(FIRST_MS, LAST_MS)[0].energy.covered_s == 170
        here.check()
