"""The past that is made up for simulated BMCs: what a year of it holds, and that real BMCs get none."""

from __future__ import annotations

import csv
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.commands.test_commands import complaint, run
from tests.running import running, wait_for

from powergraph_collector.days import day_of, iso, moment, utc_day
from powergraph_collector.energy import HOLDS_INTERVALS
from powergraph_collector.history.tinydb_engine import SMALLEST_COMPACTED, TinyDbHistory
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.simulator.past import CHANGED_DAYS_AGO, Past, Range, range_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = 1_795_521_723_000  # 2026-11-24T12:02:03Z
YEAR = Past("demo01", Range(180, 620), BERLIN, NOW_MS)


def samples_of(past: Past) -> list[Sample]:
    return [sample for day in past.samples() for sample in day]


def events_of(past: Past, kind: EventKind) -> list[Event]:
    return [event for event in past.events() if event.kind is kind]


@pytest.fixture(scope="module")
def year() -> list[Sample]:
    return samples_of(YEAR)


def test_the_same_name_has_the_same_past_and_another_name_another(year: list[Sample]) -> None:
    short = replace(YEAR, days=20)
    assert samples_of(short) == samples_of(short)
    assert samples_of(YEAR)[-5_000:] == year[-5_000:]
    assert [each.power_w for each in samples_of(replace(short, bmc="demo02"))] != [
        each.power_w for each in samples_of(short)
    ]
    assert range_of("demo01") == range_of("demo01") != range_of("demo02")


def test_what_was_stays_the_same_as_time_goes_on() -> None:
    later = samples_of(replace(YEAR, now_ms=NOW_MS + 3_600_000, days=8))
    assert later[: len(samples_of(replace(YEAR, days=8)))] == samples_of(replace(YEAR, days=8))


@settings(max_examples=25)
@given(
    st.integers(0, 4 * 10**12),
    st.integers(1, 4),
    st.sampled_from([10.0, 60.0, 700.0]),
    st.sampled_from(["UTC", "Asia/Kolkata", "Pacific/Kiritimati", "America/St_Johns"]),
    st.tuples(st.integers(0, 2000), st.integers(0, 2000)).map(sorted),
)
def test_samples_are_in_order_in_their_days_their_range_and_their_time(
    now_ms: int, days: int, interval_s: float, zone: str, watts: list[int]
) -> None:
    past = Past("n", Range(*watts), ZoneInfo(zone), max(now_ms, 90 * 86_400_000), days, interval_s)
    by_day = list(past.samples())
    for of_day in by_day:
        assert len({utc_day(sample.at_ms) for sample in of_day}) <= 1
    samples = [sample for of_day in by_day for sample in of_day]
    assert all(first.at_ms < second.at_ms for first, second in pairwise(samples))
    assert all(watts[0] <= sample.power_w <= watts[1] for sample in samples)
    assert all(past.from_ms <= sample.at_ms <= past.now_ms for sample in samples)
    assert all(event.begin_ms >= past.from_ms for event in past.events())


def test_every_hole_has_an_event_and_every_outage_a_hole(year: list[Sample]) -> None:
    changed_ms = events_of(YEAR, EventKind.INTERVAL)[-1].begin_ms
    holes = [
        (first.at_ms, second.at_ms)
        for first, second in pairwise(year)
        if second.at_ms - first.at_ms > HOLDS_INTERVALS * 1000 * (60 if first.at_ms >= changed_ms else 180)
    ]
    outages = events_of(YEAR, EventKind.OUTAGE)
    assert len(holes) == len(outages)
    for (before_ms, after_ms), event in zip(holes, outages, strict=True):
        assert before_ms < event.begin_ms
        assert event.end_ms is not None
        assert event.end_ms <= after_ms
    assert {event.reason for event in outages} == {"timeout", "login-refused", "collector-stopped", "unreachable"}


def test_one_day_is_entirely_missing_and_all_others_are_there(year: list[Sample]) -> None:
    days = {day_of(sample.at_ms, BERLIN) for sample in year}
    today = date(2026, 11, 24)
    every = {today - timedelta(ago) for ago in range(YEAR.days + 1)}
    assert every - days == {today - timedelta(40)}
    assert days <= every


def test_weekdays_draw_more_than_weekends_and_afternoons_more_than_nights(year: list[Sample]) -> None:
    by_hour: dict[tuple[bool, int], list[int]] = defaultdict(list)
    for sample in year:
        local = moment(sample.at_ms, BERLIN)
        by_hour[local.weekday() < 5, local.hour].append(sample.power_w)

    def mean_w(is_weekday: bool, hours: range) -> float:
        return mean(power_w for hour in hours for power_w in by_hour[is_weekday, hour])

    assert mean_w(True, range(24)) > 1.2 * mean_w(False, range(24))
    assert mean_w(True, range(10, 18)) > 1.1 * mean_w(True, range(4, 7))


def test_some_jobs_run_for_hours_near_the_peak_and_some_of_them_at_night(year: list[Sample]) -> None:
    busy = [sample.power_w > 450 for sample in year]
    runs, length = [], 0
    for sample, is_busy in zip(year, busy, strict=True):
        length = length + 1 if is_busy else 0
        if length == 40:  # two hours of the former interval
            runs.append(moment(sample.at_ms, BERLIN).hour)
    assert len(runs) > 100
    assert any(hour < 5 for hour in runs)


def test_summer_draws_more_than_winter_when_nothing_is_done(year: list[Sample]) -> None:
    def quietest(month: int) -> float:
        return mean(sorted(each.power_w for each in year if moment(each.at_ms).month == month)[:2_000])

    assert quietest(7) > quietest(1) + 5


def test_a_cap_holds_for_weeks_and_is_felt(year: list[Sample]) -> None:
    (cap,) = events_of(YEAR, EventKind.CAP)
    assert cap.end_ms is not None
    assert cap.value is not None
    capped = [each.power_w for each in year if cap.begin_ms <= each.at_ms < cap.end_ms]
    assert max(capped) == cap.value
    assert max(each.power_w for each in year) > 1.2 * cap.value


def test_markers_name_jobs_and_the_machine_is_busy_in_them(year: list[Sample]) -> None:
    markers = events_of(YEAR, EventKind.MARKER)
    assert {event.detail for event in markers} == {"new power supply", "job 41", "job 42"}
    assert {event.reason for event in markers} == {"marker"}
    job = markers[-1]
    drawn = [each.power_w for each in year if job.begin_ms <= each.at_ms < (job.end_ms or 0)]
    assert min(drawn) > 550


def test_the_interval_changed_and_samples_follow_it(year: list[Sample]) -> None:
    first, second = events_of(YEAR, EventKind.INTERVAL)
    assert (first.begin_ms, first.value, second.value) == (YEAR.from_ms, 180.0, 60.0)
    assert day_of(second.begin_ms, BERLIN) == date(2026, 11, 24) - timedelta(CHANGED_DAYS_AGO)
    assert year[1].at_ms - year[0].at_ms == 180_000
    assert year[-1].at_ms - year[-2].at_ms == 60_000
    assert NOW_MS - year[-1].at_ms < 60_000


# -- the command -------------------------------------------------------------------

SETTINGS = """name = "demo"
zone = "Europe/Berlin"
store = "powergraph.db"
publish = "data"
interval_s = 2.0
[[bmc]]
name = "demo01"
host = "127.0.0.1"
port = 9
simulated = true
[[bmc]]
name = "demo02"
host = "127.0.0.2"
port = 9
simulated = true
[[bmc]]
name = "node01"
host = "127.0.0.3"
port = 9
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "powergraph.toml").write_text(SETTINGS)
    return tmp_path


@contextmanager
def stored(site: Path) -> Iterator[TinyDbHistory]:
    history = TinyDbHistory(site / "powergraph.db", access_mode="r")
    yield history
    history.close()


def simulate(site: Path, *options: str) -> tuple[int, str, str]:
    return run(site, "powergraph", "db", "simulate", "--config", "powergraph.toml", "--days", "12", *options)


def test_a_past_is_stored_for_simulated_bmcs_alone_and_once(site: Path) -> None:
    code, out, err = simulate(site, "--watts", "demo01=100-200")
    assert (code, err) == (0, "")
    told = [line.partition(":")[0] for line in out.splitlines()]
    assert told == ["demo01", "demo02"]
    with stored(site) as history:
        assert history.bmcs() == ["demo01", "demo02"]
        kept = {bmc: list(history.read(bmc, 0, 1 << 50)) for bmc in history.bmcs()}
        assert f"demo01: {len(kept['demo01'])} samples and " in out
        assert {100 <= sample.power_w <= 200 for sample in kept["demo01"]} == {True}
        assert {event.kind for event in history.read_events("demo01", 0, 1 << 50)} >= {
            EventKind.OUTAGE,
            EventKind.INTERVAL,
            EventKind.MARKER,
        }
    yesterday = utc_day(time.time_ns() // 1_000_000 - 86_400_000)
    lines = [path for path in (site / "powergraph.db").rglob("20*.jsonl") if path.stat().st_size >= SMALLEST_COMPACTED]
    assert [path for path in lines if path.name[:10] < yesterday] == []  # they are in columns
    code, out, err = simulate(site)
    assert (code, err) == (0, "")
    assert [line.partition(":")[2] for line in out.splitlines()] == [" left alone, it has samples of that time"] * 2
    with stored(site) as history:
        assert {bmc: list(history.read(bmc, 0, 1 << 50)) for bmc in history.bmcs()} == kept


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--bmc", "node01"], 2, "node01 is a real BMC"),
        (["--watts", "node01=100-200"], 2, "node01 is a real BMC"),
        (["--bmc", "node09"], 7, "no BMC node09 in powergraph.toml"),
        (["--watts", "demo01=200-100"], 2, "from idle to peak in W"),
        (["--watts", "demo01"], 2, "from idle to peak in W"),
        (["--interval", "nan"], 2, "not a finite number"),
    ],
)
def test_nothing_is_made_up_for_real_and_unknown_bmcs_or_of_nonsense(
    site: Path, options: list[str], code: int, says: str
) -> None:
    ended, out, err = simulate(site, *options)
    assert (ended, out) == (code, "")
    assert says in complaint(err)
    assert not (site / "powergraph.db").exists()


def test_without_simulated_bmcs_it_says_so(site: Path) -> None:
    config = site / "powergraph.toml"
    config.write_text(config.read_text().replace("simulated = true\n", ""))
    code, _, err = simulate(site)
    assert code == 2
    assert "none of its BMCs is `simulated = true`" in complaint(err)


def test_a_store_in_use_is_left_alone(site: Path) -> None:
    writer = TinyDbHistory(site / "powergraph.db")
    writer.append([Sample("demo01", time.time_ns() // 1_000_000 - 60_000, 300)])
    code, out, err = simulate(site)
    assert code == 6
    assert "demo01: left alone" in out
    assert "powergraph.db" in complaint(err)
    writer.append([Sample("demo02", time.time_ns() // 1_000_000 - 60_000, 300)])
    assert simulate(site)[0] == 0  # nothing to do, so it does not matter
    writer.close()


def test_the_demo_in_its_order_has_a_past_before_it_collects_and_goes_on_from_it(site: Path) -> None:
    assert simulate(site)[0] == 0
    assert run(site, "powergraph", "db", "rebuild", "--config", "powergraph.toml")[0] == 0
    folder = site / "data/demo/demo01"
    days = sorted(path.name for path in folder.glob("20??-??-??.csv"))
    assert len(days) == 13  # and the day that is not over
    with stored(site) as history:
        kept = list(history.read("demo01", 0, 1 << 50))
        told = history.read_events("demo01", 0, 1 << 50)
    rows = [row for day in days for row in csv.reader((folder / day).read_text().splitlines()[1:])]
    assert rows == [[iso(each.at_ms), str(each.power_w)] for each in kept]
    of_months = [row for path in folder.glob("20??-??.csv") for row in path.read_text().splitlines()[1:]]
    hours = [row for path in folder.glob("20??.csv") for row in path.read_text().splitlines()[1:]]
    for begun in (of_months, hours):
        samples = sum(int(row.rpartition(",")[2]) for row in begun)
        assert len(kept) - 61 <= samples <= len(kept)  # but for those of rows that are not over
    kinds = {
        event["kind"]
        for path in folder.glob("20??-??-??.events.json")
        for event in json.loads(path.read_text())["events"]
    }
    assert kinds >= {"outage", "marker", "interval"}
    config = site / "powergraph.toml"
    config.write_text(config.read_text().replace('store = "', f'store = "{site}/').replace('"data"', f'"{site}/data"'))
    with running(config):
        wait_for(lambda: (folder / "last.csv").exists() and (site / "data/demo/now.json").exists())
    assert sorted(path.name for path in folder.glob("20??-??-??.csv"))[:13] == days
    with stored(site) as history:
        events = history.read_events("demo01", 0, 1 << 50)
        assert [event.value for event in events if event.kind is EventKind.INTERVAL] == [60.0, 2.0]
        assert [event for event in events if event in told] == told
        assert list(history.read("demo01", 0, 1 << 50)) == kept
