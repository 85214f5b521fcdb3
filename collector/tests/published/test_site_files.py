"""Files of a site are bounded, checked, and what is wrong with them is one line that names the URL."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.site_server import WebSite, serving

from powergraph_collector.model import EventKind, Sample
from powergraph_collector.publish import csv_files, rollup_csv
from powergraph_collector.published import documents, fetching
from powergraph_collector.published.documents import DocumentError
from powergraph_collector.published.fetching import SiteAwayError, SiteClock, SiteError, SiteFiles
from powergraph_collector.published.records import Site

INDEX = {
    "format": 1,
    "collector": "lab",
    "zone": "Europe/Berlin",
    "tariff": {"currency": None, "per_kwh": 0.3, "rates": []},
    "co2_g_per_kwh": 380,
    "bmcs": [{"name": "node01", "title": "N", "interval_s": 2.0, "days": [["2026-11-01", "2026-11-02"]]}],
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[WebSite]:
    with serving(tmp_path, "lab") as site:
        yield site


def test_a_compressed_twin_is_taken_and_unpacked(site: WebSite) -> None:
    (site.folder / "a.csv").write_bytes(b"plain")
    (site.folder / "a.csv.gz").write_bytes(gzip.compress(b"packed"))
    assert SiteFiles(site.url).get("data/a.csv") == b"packed"


def test_what_is_not_there_is_none(site: WebSite) -> None:
    assert SiteFiles(site.url).get("data/none.json") is None
    assert SiteFiles(site.url).document("data/none.json") is None


def test_an_answer_that_unpacks_to_too_much_is_refused(site: WebSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 1 << 20)
    (site.folder / "a.csv").write_bytes(b"")
    (site.folder / "a.csv.gz").write_bytes(gzip.compress(bytes(1 << 22)))
    with pytest.raises(SiteError, match=r"a\.csv answers without an end"):
        SiteFiles(site.url).get("data/a.csv")


@pytest.mark.parametrize(("status", "error"), [(500, SiteAwayError), (503, SiteAwayError), (403, SiteError)])
def test_other_answers_are_told_with_their_status(site: WebSite, status: int, error: type[Exception]) -> None:
    site.answers["site.json"] = (status, b"<html>")
    with pytest.raises(error, match=f"site.json answered with HTTP {status}$"):
        SiteFiles(site.url).get("site.json")


def test_redirects_are_followed_but_not_in_circles(site: WebSite) -> None:
    site.answers["old.json"] = (302, f"{site.url}/site.json".encode())
    assert SiteFiles(site.url).document("old.json") == {"collectors": ["lab"]}
    site.answers["a.json"] = (302, f"{site.url}/a.json".encode())
    with pytest.raises(SiteError):
        SiteFiles(site.url).get("a.json")


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff{}", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(site: WebSite, content: bytes) -> None:
    site.answers["x.json"] = (200, content)
    with pytest.raises(SiteError, match=r"x\.json is not (a )?JSON"):
        SiteFiles(site.url).document("x.json")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": 2}, "has a format that this version does not know: '2'"),
        ({"zone": "../../etc/passwd"}, "names no zone"),
        ({"zone": None}, "names no zone"),
    ],
)
def test_an_index_that_cannot_be_used_is_refused(site: WebSite, changed: dict[str, Any], words: str) -> None:
    site.answers["data/lab/index.json"] = (200, json.dumps(INDEX | changed).encode())
    with pytest.raises(SiteError, match=words):
        Site(SiteFiles(site.url))


@pytest.mark.parametrize("answer", [{"collectors": []}, {"collectors": ["../up"]}, {"collectors": 3}, {}])
def test_a_site_without_collectors_is_none_of_ours(site: WebSite, answer: dict[str, Any]) -> None:
    site.answers["site.json"] = (200, json.dumps(answer).encode())
    with pytest.raises(SiteError, match="names no collectors"):
        Site(SiteFiles(site.url))


def test_a_machine_is_found_by_name_or_with_its_collector(site: WebSite) -> None:
    site.collectors.append("room2")
    both = {"bmcs": [*INDEX["bmcs"], {"name": "node02"}]}  # type: ignore[misc]
    site.answers["data/lab/index.json"] = (200, json.dumps(INDEX).encode())
    site.answers["data/room2/index.json"] = (200, json.dumps(INDEX | both).encode())
    found = Site(SiteFiles(site.url))
    assert found.machines() == ["lab/node01", "node02", "room2/node01"]
    assert found.find("node01") is None
    records = found.find("lab/node01")
    assert records is not None
    assert (records.index.collector, records.machine.interval_ms) == ("lab", 2000)
    assert found.find("node02") is not None
    assert found.find("room3/node02") is None


def test_parts_of_an_index_that_are_wrong_cost_no_more_than_themselves() -> None:
    hostile = [
        {"name": "../../x"},
        {
            "name": "node02",
            "interval_s": "soon",
            "days": [["2026-11-05", "2026-11-03"], [1, 2], "x", ["0001-01-01"] * 2],
        },
        7,
    ]
    document = INDEX | {"bmcs": hostile, "tariff": {"per_kwh": -1}, "co2_g_per_kwh": "much"}
    found = documents.index_of(document, "lab")
    assert list(found.machines) == ["node02"]
    assert (found.machines["node02"].days, found.machines["node02"].interval_ms) == ((), 10_000)
    assert (found.tariff, found.co2_g_per_kwh) == (None, None)


def test_the_nearest_days_with_samples_are_known() -> None:
    ranges = ((date(2026, 11, 1), date(2026, 11, 3)), (date(2026, 11, 7), date(2026, 11, 7)))
    machine = documents.Machine("n", "", 1000, False, ranges)
    assert machine.neighbour(date(2026, 11, 3), 1) == date(2026, 11, 7)
    assert machine.neighbour(date(2026, 11, 1), 1) == date(2026, 11, 2)
    assert machine.neighbour(date(2026, 11, 7), 1) is None
    assert machine.neighbour(date(2026, 11, 5), -1) == date(2026, 11, 3)
    assert machine.neighbour(date(2026, 11, 1), -1) is None


def test_lines_of_a_csv_file_that_are_broken_or_not_whole_yet_are_left_out() -> None:
    good = [Sample("n", 1_795_521_600_000, 436), Sample("n", 1_795_521_610_000, 0)]
    lines = csv_files.lines(good)
    bad = [b"2026-11-24T12:00:01.000Z,-4\n", b"\xff\n", b"2026-13-24T12:00:01.000Z,4\n", b"2026-11-24T12:00:30.000Z,4"]
    content = csv_files.HEADER + lines[0] + b"".join(bad[:3]) + lines[1] + bad[3]
    assert documents.samples_of(content, "n") == good
    with pytest.raises(DocumentError):
        documents.samples_of(b"<html>", "n")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers_of_csv(content: bytes) -> None:
    assert documents.samples_of(csv_files.HEADER + content, "n") == []
    documents.rows_of(rollup_csv.HEADER + content)


def test_events_of_later_versions_and_broken_ones_are_left_out() -> None:
    begin = {"begin": "2026-11-24T01:50:09.123Z", "end": None, "reason": "timeout", "detail": "x\x1b[2J"}
    found = [
        {"kind": "outage", **begin},
        {"kind": "interval", **begin, "interval_s": 2.0},
        {"kind": "interval", **begin, "interval_s": 1e9},
        {"kind": "clock_step", **begin, "step_ms": float("nan")},
        {"kind": "later", **begin},
        {"kind": "outage", "begin": "yesterday"},
        3,
    ]
    interval_ms, events = documents.events_of({"format": 1, "interval_s": 10.0, "events": found}, "n")
    assert interval_ms == 10_000
    assert [event.kind for event in events] == [EventKind.OUTAGE, EventKind.INTERVAL, EventKind.CLOCK_STEP]
    assert (events[0].detail, events[1].value, events[2].value) == ("x[2J", 2.0, None)


@pytest.mark.parametrize(("ahead_s", "told_ms"), [(0, 0), (0.4, 0), (90, 90_000), (-4000, -4_000_000)])
def test_a_clock_that_differs_by_more_than_a_second_is_noticed(site: WebSite, ahead_s: float, told_ms: int) -> None:
    site.ahead_s = ahead_s
    files = SiteFiles(site.url)
    files.get("site.json")
    assert files.clock.ahead_ms is not None
    assert abs(files.clock.ahead_ms - told_ms) < 2000
    assert bool(files.clock.ahead_ms) == bool(told_ms)


@pytest.mark.parametrize("header", [None, "", "yesterday", "Tue, 99 Nov 2026 12:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_not_heard(header: str | None) -> None:
    clock = SiteClock()
    clock.hear(header, 0, 0)
    assert clock.ahead_ms is None
