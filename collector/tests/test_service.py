"""The service as a whole keeps samples through TinyDB, and in no other way."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from powergraph_collector import heartbeat
from powergraph_collector.history.begun_again import begun_again
from powergraph_collector.history.powerdb import AppendTable, PowerDB
from powergraph_collector.history.storage import LogStorage
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Event, EventKind, Sample
from powergraph_collector.service import Service
from powergraph_collector.settings import Settings, load, validated
from powergraph_collector.simulator.config import validated as simulator_config
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.stopping import stop_on_signals
from tests.conftest import PASSWORD, USER


def moment_of(document: Any) -> int:
    return int(document["at_ms"] if "at_ms" in document else document["begin_ms"])


def test_the_service_writes_into_its_store_through_tinydb_alone(
    simulate: Callable[..., Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inserted: list[tuple[str, int]] = []
    depth = [0]
    insert_multiple, append = AppendTable.insert_multiple, LogStorage.append

    def through_tinydb(table: AppendTable, documents: Any) -> list[int]:
        inserted.extend((table.name, moment_of(document)) for document in documents)
        depth[0] += 1
        try:
            return insert_multiple(table, documents)
        finally:
            depth[0] -= 1

    def only_then(storage: LogStorage, name: str, documents: Any) -> None:
        assert depth[0], "the store was written to past TinyDB's interface"
        append(storage, name, documents)

    simulator = simulate(node01={"latency_s": 0.003}, node02={"latency_s": 0.003})
    bmcs = [
        {"name": name, "host": host, "port": port, "user": USER, "password": PASSWORD, "interval_s": 0.2}
        for name, (host, port) in simulator.addresses.items()
    ]
    table = {"name": "lab", "store": tmp_path / "db", "publish": tmp_path / "data", "bmc": bmcs}
    monkeypatch.setattr(AppendTable, "insert_multiple", through_tinydb)
    monkeypatch.setattr(LogStorage, "append", only_then)
    assert Service(validated(table, "test"), ticks=3).run()
    with PowerDB(tmp_path / "db", access_mode="r") as db:
        stored = sorted((name, moment_of(document)) for name in db.tables() for document in db.table(name))
    files = {path.name for path in (tmp_path / "db").rglob("*") if path.is_file()}
    assert stored == sorted(inserted)
    assert len([name for name, _ in stored if not name.endswith(".events")]) == len(simulator.served) == 6
    assert len(stored) == 6 + len(bmcs)  # the interval of each
    assert files == {".format.json", ".lock", *(f"{name.rpartition('/')[2]}.jsonl" for name, _ in stored)}


def test_a_store_knows_its_intervals_whether_they_change_while_it_is_collected_into_or_not(tmp_path: Path) -> None:
    def begun(interval_s: float, now_ms: int) -> list[Event]:
        table = {"bmc": [{"name": "n", "host": "192.0.2.1", "interval_s": interval_s}]}
        events = begun_again(history, validated(table, "test").bmcs, now_ms)
        history.append([Sample("n", now_ms, 1)], events)
        return [event for event in events if event.kind is EventKind.INTERVAL]

    history = TinyDbHistory(tmp_path / "db", now_ms=lambda: 10**12)
    assert [event.value for event in begun(10.0, 10**12)] == [10.0]
    assert begun(10.0, 10**12 + 60_000) == []
    assert begun(10.0, 10**12 + 400 * 86_400_000) == []
    assert [event.value for event in begun(2.0, 10**12 + 401 * 86_400_000)] == [2.0]
    history.close()


def test_a_doubt_that_lasted_when_the_collector_was_killed_ends_with_the_last_sample(tmp_path: Path) -> None:
    history = TinyDbHistory(tmp_path / "db", now_ms=lambda: 10**12)
    lasting = Event("n", EventKind.DOUBT, 10**12, None, "inactive", "the BMC says that it does not measure")
    history.append([Sample("n", 10**12, 1), Sample("n", 10**12 + 2000, 1)], [lasting])
    bmcs = validated({"bmc": [{"name": "n", "host": "192.0.2.1"}]}, "test").bmcs
    ended = [event for event in begun_again(history, bmcs, 10**12 + 90_000) if event.kind is EventKind.DOUBT]
    assert ended == [replace(lasting, end_ms=10**12 + 2001)]
    history.close()


def test_a_cap_outlasts_restarts_in_one_event_and_ends_when_the_bmc_says_so(
    simulate: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = simulate(node01={"latency_s": 0.003, "limit_w": 300})
    host, port = simulator.addresses["node01"]
    bmc = {"name": "node01", "host": host, "port": port, "user": USER, "password": PASSWORD, "interval_s": 0.2}
    usual = {"name": "lab", "store": tmp_path / "db", "publish": tmp_path / "data"}

    def caps_after(ticks: int, **changes: object) -> list[Event]:
        assert Service(validated({**usual, "bmc": [{**bmc, **changes}]}, "test"), ticks=ticks).run()
        history = TinyDbHistory(tmp_path / "db", access_mode="r")
        caps = [event for event in history.read_events("node01", 0, 1 << 50) if event.kind is EventKind.CAP]
        history.close()
        return caps

    (begun,) = caps_after(4)
    assert (begun.value, begun.end_ms) == (300.0, None)
    assert caps_after(4) == [begun]
    assert caps_after(1, port=9) == [begun]  # not heard of: it is not known to have ended
    published = [json.loads(path.read_text()) for path in (tmp_path / "data/lab/node01").glob("*.events.json")]
    told = [event for file in published for event in file["events"] if event["kind"] == "cap"]
    assert {(event["limit_w"], event["end"]) for event in told} == {(300.0, None)}
    config = simulator_config({"bmc": [{**simulated(host, port), "limit_w": None}]}, "test")
    simulator.reconfigure(config)
    (ended,) = caps_after(4)
    assert ended == replace(begun, end_ms=ended.end_ms)
    assert ended.end_ms is not None


def simulated(host: str, port: int) -> dict[str, Any]:
    power = {"kind": "constant", "watts": 436}
    return {"name": "node01", "host": host, "port": port, "user": USER, "password": PASSWORD, "power": power}


def test_the_heartbeat_is_that_of_the_loop_while_publishing_hangs(
    simulate: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = simulate(node01={"latency_s": 0.003})
    host, port = simulator.addresses["node01"]
    bmc = {"name": "node01", "host": host, "port": port, "user": USER, "password": PASSWORD, "interval_s": 0.2}
    table = {"name": "lab", "store": tmp_path / "db", "publish": tmp_path / "data", "runtime": tmp_path, "bmc": [bmc]}
    (tmp_path / "data" / "lab").mkdir(parents=True)
    fifo = tmp_path / "data" / "lab" / ".now.json.new"
    os.mkfifo(fifo)  # opening it waits for a reader, as a web root of a server that is away would
    service = Service(validated(table, "test"), reload=lambda: validated(table, "test"))
    running = threading.Thread(target=service.run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signal.signal", lambda *_: None)  # threads may not
        running.start()
        beats = tmp_path / "heartbeat"
        wait_for(beats.exists)
        service.reload_asked.set()
        first = beats.read_text()
        wait_for(lambda: beats.read_text() != first)
        second = beats.read_text()
        wait_for(lambda: beats.read_text() != second)
        with fifo.open("rb"):
            service.stop.set()
            running.join(60)
    assert not running.is_alive()


def test_a_heartbeat_that_cannot_be_written_is_said_once_until_it_can(
    simulate: Callable[..., Simulator], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = simulate(node01={"latency_s": 0.003}).addresses["node01"]
    bmc = {"name": "node01", "host": host, "port": port, "user": USER, "password": PASSWORD, "interval_s": 0.2}
    runtime = tmp_path / "run"
    service = Service(validated({"store": tmp_path / "db", "runtime": runtime, "bmc": [bmc]}, "test"))
    tries = []
    write = heartbeat.write

    def counted(path: Path, last_round_s: float) -> None:
        tries.append(path)
        write(path, last_round_s)

    def told() -> list[str]:
        return [each.getMessage() for each in caplog.records if "no sign of life" in each.getMessage()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signal.signal", lambda *_: None)  # threads may not
        patch.setattr("powergraph_collector.service._BEAT_S", 0.02)
        patch.setattr(heartbeat, "write", counted)
        running = threading.Thread(target=service.run)
        running.start()
        wait_for(lambda: len(tries) > 5)
        assert told() == [f"no sign of life for the watchdog: {runtime} cannot be written: No such file or directory"]
        runtime.mkdir()
        wait_for((runtime / "heartbeat").exists)
        runtime.rename(tmp_path / "gone")
        wait_for(lambda: len(told()) > 1)
        count = len(tries)
        wait_for(lambda: len(tries) > count + 5)
        service.stop.set()
        running.join(60)
    assert len(told()) == 2


def test_no_reload_ends_the_service(
    simulate: Callable[..., Simulator], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    simulator = simulate(node01={"latency_s": 0.003})
    host, port = simulator.addresses["node01"]
    bmc = {"name": "node01", "host": host, "port": port, "user": USER, "password": PASSWORD, "interval_s": 0.2}
    table = {"name": "lab", "store": tmp_path / "db", "publish": tmp_path / "data", "bmc": [bmc]}
    with_another = {**table, "bmc": [bmc, {**bmc, "name": "node02", "port": 9}]}
    (tmp_path / "deep.toml").write_text("x = " + "[" * 10**5)

    def fail(*_arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    reloads: list[Callable[[], Settings]] = [
        lambda: load(tmp_path / "deep.toml"),
        lambda: validated(1 / 0, "test"),  # type: ignore[arg-type]  # a mistake of ours
        lambda: validated(with_another, "test"),  # of which the store cannot tell since when it was not collected
    ]

    def reload() -> Settings:
        return reloads.pop(0)()

    service = Service(validated(table, "test"), reload=reload)
    running = threading.Thread(target=service.run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("signal.signal", lambda *_: None)  # threads may not
        running.start()
        wait_for(lambda: simulator.served)
        patch.setattr("powergraph_collector.service.begun_again", fail)
        while reloads and running.is_alive():
            left = len(reloads)
            service.reload_asked.set()
            wait_for(lambda: len(reloads) < left or not running.is_alive())  # noqa: B023
        served = len(simulator.served)
        wait_for(lambda: len(simulator.served) > served + 5 or not running.is_alive())
        assert running.is_alive()
        service.stop.set()
        running.join(60)
    assert [bmc.name for bmc in service.settings.bmcs] == ["node01"]
    told = [record.getMessage() for record in caplog.records if "not reloaded" in record.getMessage()]
    assert len(told) == 3
    assert "within each other without end" in told[0]
    assert "Input/output error" in told[2]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_terminal_that_says_twice_that_it_closes_ends_in_order_all_the_same() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    stop = threading.Event()
    try:
        with stop_on_signals(stop):
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, former)
    assert stop.is_set()
