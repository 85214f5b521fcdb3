"""Copying moves every sample and event once, however often it is repeated or broken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.test_victoriametrics import DAY_MS, NOON_MS, SAMPLES, numbers, row
from tests.victoria_server import VictoriaServer

from powergraph_collector.days import LAST_MS
from powergraph_collector.history import copying
from powergraph_collector.history.begun_again import begun_again
from powergraph_collector.history.engine import HistoryAwayError, ReadableHistory
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.history.victoriametrics import VictoriaMetricsReader
from powergraph_collector.history.victoriametrics_http import Access, Server
from powergraph_collector.model import Event, EventKind, Sample, Statistics
from powergraph_collector.settings_model import Bmc

EVENTS = [
    Event("node01", EventKind.OUTAGE, NOON_MS, NOON_MS + 2 * DAY_MS, "timeout", "no answer"),
    Event("node01", EventKind.INTERVAL, NOON_MS, NOON_MS, value=2.0),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaServer]:
    running = VictoriaServer(tmp_path_factory.mktemp("vm")).start()
    yield running
    running.stop()


def target(server: VictoriaServer, events: copying.StoreTarget | None = None) -> copying.ServerTarget:
    return copying.ServerTarget(Server(Access(server.url, server.url)), {}, events, lambda _: server.flush())


def reader(server: VictoriaServer) -> VictoriaMetricsReader:
    return VictoriaMetricsReader(Server(Access(server.url, server.url)))


def copy(source: ReadableHistory, to: copying.Target, bmc: str) -> int:
    days = [each for each in copying.days_of(source) if each[0] == bmc]
    new = sum(missing for _, missing in copying.copied(source, to, days))
    to.finish()
    return new


def contents(readable: ReadableHistory, bmc: str) -> list[Sample]:
    return list(readable.read(bmc, 0, 1 << 48))


@given(batches=st.lists(st.lists(SAMPLES, max_size=12), max_size=4))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_history_comes_back_from_the_server_as_it_went(
    batches: list[list[Sample]], server: VictoriaServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    bmc = f"copied-{next(numbers)}"
    source, back = TinyDbHistory(folder / "source"), TinyDbHistory(folder / "back")
    for batch in batches:
        source.append(
            [Sample(bmc, each.at_ms, each.power_w, each.source, each.doubt, each.statistics) for each in batch]
        )
        copy(source, target(server), bmc)
    total = len(contents(source, bmc))
    assert copy(source, target(server), bmc) == 0
    assert copy(reader(server), copying.StoreTarget(back), bmc) == total
    assert copy(reader(server), copying.StoreTarget(back), bmc) == 0
    assert sorted(contents(back, bmc), key=repr) == sorted(contents(source, bmc), key=repr)
    if len(batches) < 2:
        assert contents(back, bmc) == contents(source, bmc)
    source.close()
    back.close()


def test_older_history_is_put_before_what_a_service_wrote_since(server: VictoriaServer, tmp_path: Path) -> None:
    source = TinyDbHistory(tmp_path / "source")
    older, newer = [row(number, "moved") for number in range(20)], [row(number, "moved") for number in range(20, 40)]
    source.append(newer)
    copy(source, target(server), "moved")
    source.append([older[0], *older[5:], *older[1:5]])  # the clock went back once
    assert copy(source, target(server), "moved") == 20
    server.flush()
    assert contents(reader(server), "moved") == [older[0], *older[5:], *older[1:5], *newer]
    assert reader(server).last("moved", 22) == [*older[3:5], *newer]
    source.close()


@pytest.mark.parametrize(
    "kept", [lambda number: number >= 40, lambda number: number % 40 >= 20], ids=["all older", "in between"]
)
@pytest.mark.parametrize("engine", ["store", "server"])
def test_late_samples_go_where_their_times_are_and_hide_nobody_elses_end(
    engine: str, kept: Callable[[int], bool], server: VictoriaServer, tmp_path: Path
) -> None:
    bmc = f"late-{next(numbers)}"
    whole = [row(number, bmc) for number in range(80)]
    own, late = TinyDbHistory(tmp_path / "own"), TinyDbHistory(tmp_path / "late")
    told = Event(bmc, EventKind.INTERVAL, NOON_MS, NOON_MS, value=1.0)
    own.append([each for number, each in enumerate(whole) if kept(number)], [told])
    late.append([each for number, each in enumerate(whole) if not kept(number)])
    there = own if engine == "store" else reader(server)
    if engine == "server":
        copy(own, target(server), bmc)
    to = copying.StoreTarget(own) if engine == "store" else target(server)
    assert copy(late, to, bmc) == 40
    assert copy(late, to, bmc) == 0
    assert contents(there, bmc) == whole
    assert there.last(bmc, 2) == whole[-2:]
    if engine == "store":
        assert begun_again(own, [Bmc(name=bmc, interval_s=1.0)], whole[-1].at_ms + 1000) == []
    own.close()
    late.close()


def test_of_two_samples_of_the_same_time_both_are_kept_and_the_end_stays_the_end(
    server: VictoriaServer, tmp_path: Path
) -> None:
    source = TinyDbHistory(tmp_path / "source")
    source.append([row(0, "twin"), row(5, "twin"), row(9, "twin")])
    copy(source, target(server), "twin")
    other = TinyDbHistory(tmp_path / "other")
    other.append([Sample("twin", row(5).at_ms, watts) for watts in (7, 8)])
    assert copy(other, target(server), "twin") == 2
    found = contents(reader(server), "twin")
    assert sorted(each.power_w for each in found) == sorted([400, 405, 409, 7, 8])
    assert reader(server).last("twin", 1) == [row(9, "twin")]
    source.close()
    other.close()


def test_events_go_to_the_store_beside_a_server_once(server: VictoriaServer, tmp_path: Path) -> None:
    source, store = TinyDbHistory(tmp_path / "source"), TinyDbHistory(tmp_path / "store")
    source.append([row(0)], EVENTS)
    to = target(server, copying.StoreTarget(store))
    assert copying.copy_events(source, to) == 2
    assert copying.copy_events(source, to) == 0
    assert store.read_events("node01", 0, 1 << 48) == source.read_events("node01", 0, 1 << 48)
    source.close()
    store.close()


ENDED = Event("node01", EventKind.OUTAGE, NOON_MS, NOON_MS + 5000, "timeout")
LASTING = replace(ENDED, end_ms=None)
MARKER = Event("node01", EventKind.MARKER, NOON_MS, NOON_MS, "job")
STEPS = [Event("node01", EventKind.CLOCK_STEP, NOON_MS, NOON_MS + step_ms) for step_ms in (10, 20)]


@pytest.mark.parametrize(
    ("there", "told", "left"),
    [
        ([ENDED], [LASTING], [ENDED]),
        ([LASTING], [ENDED], [ENDED]),
        ([ENDED], [replace(ENDED, end_ms=NOON_MS + 9000)], [ENDED]),
        ([LASTING], [replace(LASTING, detail="no answer")], [LASTING]),
        ([ENDED], [MARKER], [MARKER, ENDED]),
        (STEPS[:1], STEPS, STEPS),
    ],
)
def test_an_event_is_copied_once_and_may_end_one_that_lasts_but_changes_none_that_ended(
    there: list[Event], told: list[Event], left: list[Event], tmp_path: Path
) -> None:
    source, store = TinyDbHistory(tmp_path / "source"), TinyDbHistory(tmp_path / "store")
    store.append((), there)
    source.append((), told)
    assert copying.copy_events(source, copying.StoreTarget(store)) == (there != left)
    assert copying.copy_events(source, copying.StoreTarget(store)) == 0
    assert store.read_events("node01", 0, 1 << 48) == left
    source.close()
    store.close()


def test_a_server_that_does_not_keep_what_it_took_is_told(tmp_path: Path) -> None:
    server = VictoriaServer(tmp_path / "vm", "-retentionPeriod=1d").start()
    try:
        source = TinyDbHistory(tmp_path / "source")
        source.append([Sample("node01", NOON_MS, 400, statistics=Statistics(1, 2, 3, 4, 5))])
        with pytest.raises(HistoryAwayError, match="took 1 samples and does not give them back, those of node01 on"):
            copy(source, target(server), "node01")
        source.close()
    finally:
        server.stop()


def test_the_last_day_that_there_is_is_copied_too(tmp_path: Path) -> None:
    source, store = TinyDbHistory(tmp_path / "source"), TinyDbHistory(tmp_path / "store")
    source.append([Sample("node01", LAST_MS, 400)])
    assert copy(source, copying.StoreTarget(store), "node01") == 1
    source.close()
    store.close()


def test_twins_are_counted() -> None:
    assert copying.without([row(1), row(1), row(2)], [row(1)]) == [row(1), row(2)]
