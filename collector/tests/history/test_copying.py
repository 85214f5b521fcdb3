"""Copying moves every sample and event once, however often it is repeated or broken off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.test_victoriametrics import DAY_MS, NOON_MS, SAMPLES, numbers, row
from tests.victoria_server import VictoriaServer

from powergraph_collector.history import copying
from powergraph_collector.history.engine import HistoryAwayError, ReadableHistory
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.history.victoriametrics import VictoriaMetricsReader
from powergraph_collector.history.victoriametrics_http import Access, Server
from powergraph_collector.model import Event, EventKind, Sample, Statistics

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


def test_events_go_to_the_store_beside_a_server_once(server: VictoriaServer, tmp_path: Path) -> None:
    source, store = TinyDbHistory(tmp_path / "source"), TinyDbHistory(tmp_path / "store")
    source.append([row(0)], EVENTS)
    to = target(server, copying.StoreTarget(store))
    assert copying.copy_events(source, to) == 2
    assert copying.copy_events(source, to) == 0
    assert store.read_events("node01", 0, 1 << 48) == source.read_events("node01", 0, 1 << 48)
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


def test_twins_are_counted() -> None:
    assert copying.without([row(1), row(1), row(2)], [row(1)]) == [row(1), row(2)]
