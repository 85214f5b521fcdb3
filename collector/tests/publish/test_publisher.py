"""What the page reads is what was acknowledged, whatever happened in between."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from powergraph_collector import days
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.publish import csv_files, files, publisher
from powergraph_collector.publish.publisher import Publisher
from powergraph_collector.settings import Settings, validated

MORNING_MS = 1_795_489_200_000  # 2026-11-24T03:00:00Z, midnight in São Paulo
HOUR_MS = 3_600_000
ZONE = "America/Sao_Paulo"


class Site:
    """A store, a publisher on it, and a clock."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.now_ms = MORNING_MS + 12 * HOUR_MS
        self.complaints: list[str] = []
        self.root = folder / "data"
        bmcs = [
            {"name": name, "host": "192.0.2.1", "port": 600 + index, "rack": f"rack {index + 1}"}
            for index, name in enumerate(names)
        ]
        table = {"name": "lab", "zone": ZONE, "tail_length": 3, "store": folder / "db", "bmc": bmcs}
        self.settings: Settings = validated(table, "test")
        self.writer = TinyDbHistory(folder / "db", now_ms=lambda: self.now_ms)
        self.reader = TinyDbHistory(folder / "db", access_mode="r")
        self.publisher = self.start()

    def start(self) -> Publisher:
        self.publisher = Publisher(self.settings, self.reader, self.root, self.complaints.append, lambda: self.now_ms)
        return self.publisher

    def keep(self, samples: Sequence[Sample], events: Sequence[Event] = ()) -> None:
        outcome = self.writer.append(samples, events)
        self.publisher.acknowledged(outcome.samples, outcome.events)

    def round(self, *, with_tails: bool = True) -> None:
        self.publisher.round(with_tails=with_tails)

    def csv(self, name: str) -> list[str]:
        return (self.root / "lab" / name).read_text().splitlines()

    def json(self, name: str) -> Any:
        return json.loads((self.root / "lab" / name).read_bytes())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, "node01", "node02")


def samples(count: int, from_ms: int, name: str = "node01", step_ms: int = 10_000) -> list[Sample]:
    return [Sample(name, from_ms + index * step_ms, 400 + index) for index in range(count)]


def rows(kept: Sequence[Sample]) -> list[str]:
    return ["timestamp,consumption", *(f"{days.iso(sample.at_ms)},{sample.power_w}" for sample in kept)]


def test_the_open_day_grows_in_whole_lines_without_twins(site: Site) -> None:
    kept = samples(6, site.now_ms)
    site.keep(kept[:2])
    site.round()
    inode = (site.root / "lab/node01/2026-11-24.csv").stat().st_ino
    site.keep(kept[2:])
    site.round(with_tails=False)
    assert site.csv("node01/2026-11-24.csv") == rows(kept)
    assert (site.root / "lab/node01/2026-11-24.csv").stat().st_ino == inode
    assert not list(site.root.rglob("2026-11-24.csv.*"))
    site.round()
    assert site.csv("node01/last.csv") == rows(kept[-3:])


def test_a_day_is_the_sites_day_and_gets_its_twins_when_it_is_over(site: Site) -> None:
    late = samples(4, MORNING_MS + 24 * HOUR_MS - 20_000)
    site.now_ms = late[0].at_ms
    site.round()
    site.keep(late)
    site.now_ms = late[-1].at_ms
    site.round()
    site.round()
    assert site.csv("node01/2026-11-24.csv") == rows(late[:2])
    assert site.csv("node01/2026-11-25.csv") == rows(late[2:])
    plain = (site.root / "lab/node01/2026-11-24.csv").read_bytes()
    assert plain.count(b"\n") == 3
    site.now_ms += 48 * HOUR_MS
    site.keep(samples(50, late[-1].at_ms + 10_000))
    site.round()
    site.round()
    whole = (site.root / "lab/node01/2026-11-25.csv").read_bytes()
    assert gzip.decompress((site.root / "lab/node01/2026-11-25.csv.gz").read_bytes()) == whole
    assert brotli.decompress((site.root / "lab/node01/2026-11-25.csv.br").read_bytes()) == whole
    assert site.json("index.json")["bmcs"][0]["days"] == [["2026-11-24", "2026-11-25"]]


def test_a_restart_writes_what_is_in_the_store_once(site: Site) -> None:
    kept = samples(5, site.now_ms)
    site.keep(kept[:3])
    site.round()
    with (site.root / "lab/node01/2026-11-24.csv").open("ab") as file:
        file.write(b"2026-11-24T15:")  # killed in the middle of a line
    site.start()
    site.keep(kept[3:])  # acknowledged before the store is read: in both
    site.round()
    site.round()
    assert site.csv("node01/2026-11-24.csv") == rows(kept)


def test_days_that_nobody_published_are_written_from_the_store(site: Site) -> None:
    old = samples(300, MORNING_MS - 72 * HOUR_MS, step_ms=600_000)
    site.writer.append(old)
    site.round()
    site.round()
    published = sorted(path.name for path in (site.root / "lab/node01").glob("2026-??-??.csv"))
    assert published == ["2026-11-21.csv", "2026-11-22.csv", "2026-11-23.csv"]
    assert [row for name in published for row in site.csv(f"node01/{name}")[1:]] == rows(old)[1:]


def test_the_index_lists_the_months_and_years_that_have_rows(site: Site) -> None:
    site.round()
    node01, node02 = site.json("index.json")["bmcs"]
    assert (node01["months"], node01["years"], node01["rack"]) == ([], [], "rack 1")
    for months_ago in (0, 2, 3, 11, 12):
        site.writer.append(samples(3, site.now_ms - round(30.5 * 24 * HOUR_MS) * months_ago))
    site.start()
    site.round()
    node01, node02 = site.json("index.json")["bmcs"]
    assert node01["months"] == [["2025-11", "2025-12"], ["2026-08", "2026-09"]]
    site.now_ms += HOUR_MS
    site.round()
    node01, node02 = site.json("index.json")["bmcs"]
    assert node01["months"] == [["2025-11", "2025-12"], ["2026-08", "2026-09"], ["2026-11", "2026-11"]]
    assert node01["years"] == [["2025", "2026"]]
    assert (node02["months"], node02["years"]) == ([], [])


def test_now_says_who_is_fresh_silent_and_waiting(site: Site) -> None:
    site.keep(samples(1, site.now_ms - 4000))
    site.round()
    now = site.json("now.json")["bmcs"]
    assert (now["node01"]["state"], now["node01"]["power_w"], now["node01"]["age_s"]) == ("fresh", 400, 4.0)
    assert (now["node02"]["state"], now["node02"]["power_w"], now["node02"]["at"]) == ("waiting", None, None)
    outage = Event("node01", EventKind.OUTAGE, site.now_ms, None, "timeout", "no answer within 2 s")
    site.keep([], [outage])
    site.round()
    now = site.json("now.json")["bmcs"]["node01"]
    assert (now["state"], now["reason"], now["since"]) == ("silent", "timeout", days.iso(site.now_ms))
    assert now["power_w"] == 400


def test_an_outage_that_ends_on_a_later_day_is_told_on_every_day_it_touched(site: Site) -> None:
    begin_ms = site.now_ms
    site.keep(samples(1, begin_ms - 10_000), [Event("node01", EventKind.OUTAGE, begin_ms, None, "timeout")])
    site.round()
    assert site.json("node01/2026-11-24.events.json")["events"][0]["end"] is None
    site.now_ms += 30 * HOUR_MS
    ended = Event("node01", EventKind.OUTAGE, begin_ms, site.now_ms, "timeout")
    site.keep(samples(1, site.now_ms), [ended])
    site.round()
    for day in ("2026-11-24", "2026-11-25"):
        (event,) = site.json(f"node01/{day}.events.json")["events"]
        assert (event["begin"], event["end"]) == (days.iso(begin_ms), days.iso(site.now_ms))
    assert site.json("now.json")["bmcs"]["node01"]["state"] == "fresh"


def reasons(site: Site, name: str) -> list[tuple[str, str | None]]:
    return [(event["reason"], event["end"]) for event in site.json(name)["events"] if event["kind"] == "outage"]


def test_a_month_tells_the_events_that_touch_it(site: Site) -> None:
    site.now_ms = begin_ms = MORNING_MS + (7 * 24 - 1) * HOUR_MS  # an hour before December
    site.round()
    site.keep(samples(1, begin_ms - 10_000), [Event("node01", EventKind.OUTAGE, begin_ms, None, "timeout")])
    site.round(with_tails=False)
    assert reasons(site, "node01/2026-11.events.json") == []
    site.publisher._events._rests_until_s.clear()
    site.round()
    assert reasons(site, "node01/2026-11.events.json") == [("timeout", None)]
    site.now_ms += 2 * HOUR_MS
    site.publisher._events._rests_until_s.clear()
    site.round()
    assert reasons(site, "node01/2026-12.events.json") == [("timeout", None)]
    site.keep(samples(1, site.now_ms), [Event("node01", EventKind.OUTAGE, begin_ms, site.now_ms, "timeout")])
    site.publisher._events._rests_until_s.clear()
    site.round()
    for month in ("2026-11", "2026-12"):
        document = site.json(f"node01/{month}.events.json")
        assert (document["month"], document["zone"], document["interval_s"]) == (month, ZONE, 10.0)
        assert reasons(site, f"node01/{month}.events.json") == [("timeout", days.iso(site.now_ms))]
    assert reasons(site, "node02/2026-12.events.json") == []


def test_months_that_had_no_events_file_get_one_at_the_start(site: Site) -> None:
    for months_ago in (5, 1, 0):
        begin_ms = site.now_ms - 30 * 24 * HOUR_MS * months_ago
        site.writer.append(samples(3, begin_ms), [Event("node01", EventKind.OUTAGE, begin_ms, begin_ms + 1, "busy")])
    site.round()
    site.now_ms += HOUR_MS
    site.round()
    folder = site.root / "lab/node01"
    months = ["2026-06.events.json", "2026-10.events.json", "2026-11.events.json"]
    before = {name: (folder / name).read_bytes() for name in months}
    assert all(b"busy" in content for content in before.values())
    (folder / months[0]).unlink()
    site.start()
    site.round()
    assert {path.name: path.read_bytes() for path in folder.glob("????-??.events.json")} == before


def test_an_event_that_was_stored_and_not_published_is_published_after_a_restart(site: Site) -> None:
    yesterday_ms = site.now_ms - 24 * HOUR_MS
    site.writer.append(samples(2, yesterday_ms))
    site.round()
    site.round()
    assert reasons(site, "node01/2026-11-23.events.json") == []
    site.writer.append([], [Event("node01", EventKind.OUTAGE, yesterday_ms, yesterday_ms + 1, "busy")])
    site.start()
    site.round()
    site.round()
    for name in ("2026-11-23", "2026-11"):
        assert reasons(site, f"node01/{name}.events.json") == [("busy", days.iso(yesterday_ms + 1))]


def test_an_outage_that_lasts_is_told_on_the_next_day_too(site: Site) -> None:
    site.keep(samples(1, site.now_ms - 10_000), [Event("node01", EventKind.OUTAGE, site.now_ms, None, "timeout")])
    site.round()
    site.now_ms += 24 * HOUR_MS
    site.keep([], [Event("node01", EventKind.OUTAGE, site.now_ms - 24 * HOUR_MS, None, "timeout")])
    site.round()
    (event,) = site.json("node01/2026-11-25.events.json")["events"]
    assert (event["reason"], event["end"]) == ("timeout", None)


def test_a_reading_from_before_the_start_is_not_fresh(site: Site) -> None:
    site.writer.append(samples(1, site.now_ms - 86_400_000))
    site.round()
    now = site.json("now.json")["bmcs"]["node01"]
    assert (now["state"], now["power_w"]) == ("waiting", 400)


def test_a_flood_that_comes_while_publishing_begins_is_published_all_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "MOST_WAITING", 10)
    kept = samples(40, site.now_ms)
    read_last = site.reader.last

    def flooded(bmc: str, count: int) -> list[Sample]:
        if bmc == "node02" and kept:  # node01 has been read
            site.keep([kept.pop(0) for _ in range(len(kept))])
        return read_last(bmc, count)

    expected = rows(kept)
    monkeypatch.setattr(site.reader, "last", flooded)
    site.round()
    site.round()
    assert site.csv("node01/2026-11-24.csv") == expected


def test_a_sample_that_was_read_before_it_was_told_of_is_published_once(site: Site) -> None:
    kept = samples(4, site.now_ms)
    outcome = site.writer.append(kept[:2])
    site.round()
    site.publisher.acknowledged(outcome.samples, ())
    site.round()
    site.keep(kept[2:])
    site.round()
    assert site.csv("node01/2026-11-24.csv") == rows(kept)


def test_an_outage_that_lasts_is_known_after_a_restart(site: Site) -> None:
    site.keep(samples(1, site.now_ms - 10_000), [Event("node01", EventKind.OUTAGE, site.now_ms, None, "timeout")])
    site.start()
    site.now_ms += 60_000
    site.round()
    assert site.json("now.json")["bmcs"]["node01"]["state"] == "silent"


def test_a_late_sample_of_a_day_that_is_over_is_put_into_its_day(site: Site) -> None:
    site.now_ms = MORNING_MS + HOUR_MS
    today = samples(2, site.now_ms)
    site.keep(today)
    site.round()
    late = samples(1, MORNING_MS - HOUR_MS)  # the clock was set back over midnight
    site.keep(late)
    site.round()
    assert site.csv("node01/2026-11-24.csv") == rows(today)
    assert site.csv("node01/2026-11-23.csv") == rows(late)


def test_trouble_with_the_disk_is_told_once_and_mended_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = samples(4, site.now_ms)
    site.keep(kept[:1])
    site.round()
    with monkeypatch.context() as patch:
        patch.setattr(files, "append", _full)
        site.keep(kept[1:3])
        site.round()
        site.keep(kept[3:])
        site.round()
        site.round()
    assert len(site.complaints) == 1
    assert "No space left" in site.complaints[0]
    site.round()
    assert site.csv("node01/2026-11-24.csv") == rows(kept)


def _full(path: Path, data: bytes) -> None:
    raise OSError(28, "No space left on device", str(path))


def test_events_that_could_not_be_written_are_written_when_they_can(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.keep(samples(3, MORNING_MS - HOUR_MS))
    site.round()
    site.keep([], [Event("node01", EventKind.OUTAGE, MORNING_MS - HOUR_MS, MORNING_MS + HOUR_MS, "timeout")])

    def fail(*_arguments: object, **_named: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace_if_other", fail)
        site.round()
    site.round()
    for day in ("2026-11-23", "2026-11-24"):
        events = site.json(f"node01/{day}.events.json")["events"]
        assert [event["reason"] for event in events if event["kind"] == "outage"] == ["timeout"]


def test_a_twin_that_cannot_be_written_leaves_none_of_the_former_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "now.json"
    files.replace(path, b"former " * 100)
    write = files.write

    def fails_for_brotli(path: Path, data: bytes) -> None:
        if path.suffix == ".br":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    monkeypatch.setattr(files, "write", fails_for_brotli)
    with pytest.raises(OSError, match="No space"):
        files.replace(path, b"new " * 200)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["now.json", "now.json.gz"]


@pytest.mark.parametrize("call", ["open", "fchmod", "write", "close", "replace"])
def test_a_file_that_cannot_be_written_leaves_nothing_and_is_named_as_it_would_be_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded", ".day.csv.new")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match="quota") as caught:
            files.write(tmp_path / "day.csv", b"timestamp,consumption\n")
    assert caught.value.filename == str(tmp_path / "day.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_lives_for_minutes_has_one_twin_and_none_of_a_former_version_beside_it(site: Site) -> None:
    for name in ("now.json", "overview.json", "node01/last.csv"):
        beside = site.root / f"lab/{name}.br"
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(brotli.compress(b"of a former version"))
    site.keep(samples(300, site.now_ms))
    site.round(with_tails=True)
    for name in ("now.json", "overview.json", "node01/last.csv"):
        path = site.root / "lab" / name
        twin = path.with_name(path.name + ".gz")
        assert (
            path.stat().st_size < 256 if not twin.exists() else gzip.decompress(twin.read_bytes()) == path.read_bytes()
        )
        assert not path.with_name(path.name + ".br").exists()


def test_a_file_that_is_written_alone_leaves_what_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "day.csv.gz").write_text("somebody's own")
    monkeypatch.chdir(tmp_path)
    files.write(Path("day.csv"), b"timestamp,consumption\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["day.csv", "day.csv.gz"]
    assert not list(Path("/").glob(".day.csv*"))


def test_everyone_may_read_what_is_published(site: Site) -> None:
    site.keep(samples(3, site.now_ms))
    site.round()
    for path in (site.root / "lab").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


@given(kept=st.lists(st.builds(Sample, st.just("n"), st.integers(0, days.LAST_MS), st.integers(0, 65534)), max_size=9))
def test_csv_comes_back_as_it_was(kept: list[Sample]) -> None:
    header, *lines = csv_files.table(kept).decode().splitlines()
    assert header == "timestamp,consumption"
    back = [line.split(",") for line in lines]
    assert [int(watts) for _, watts in back] == [sample.power_w for sample in kept]
    assert [days.to_ms(_parsed(at)) for at, _ in back] == [sample.at_ms for sample in kept]


def _parsed(text: str) -> Any:
    return datetime.fromisoformat(text)


def test_the_events_of_a_day_tell_the_interval_with_which_it_began(site: Site) -> None:
    def told(at_ms: int, interval_s: float) -> Event:
        return Event("node01", EventKind.INTERVAL, at_ms, at_ms, value=interval_s)

    yesterday_ms, today_ms = MORNING_MS - 5 * HOUR_MS, MORNING_MS + 5 * HOUR_MS
    site.keep(samples(2, yesterday_ms), [told(yesterday_ms, 10.0)])
    site.keep(samples(2, today_ms), [told(today_ms, 2.0)])
    site.round()
    assert site.json("node01/2026-11-23.events.json")["interval_s"] == 10.0
    assert site.json("node01/2026-11-24.events.json")["interval_s"] == 10.0
    site.now_ms += 24 * HOUR_MS
    site.keep(samples(2, site.now_ms))
    site.round()
    assert site.json("node01/2026-11-25.events.json")["interval_s"] == 2.0
