"""End to end: what simulated BMCs answered is what the store and the published files hold, one to one and in order.

The BMCs replay a real day of a POWER8 server where its recording is at hand, else a made-up day of the same shape.
"""

from __future__ import annotations

import csv
import gzip
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from powergraph_collector import settings
from powergraph_collector.days import iso
from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.history.recorder import Recorder
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.polling.outages import SeriesState
from powergraph_collector.service import Service
from powergraph_collector.simulator.server import Simulator
from powergraph_collector.sources.contract import Answer, Reading, Secret
from powergraph_collector.sources.ipmi.lan import LanReader
from powergraph_collector.sources.ipmi.login import Login
from tests.conftest import PASSWORD, USER

RECORDED_DAY = Path(__file__).resolve().parents[3] / "shared" / "data" / "power8-2017-07-23.csv"
ROWS_IN_A_DAY = 42_542
TIME_LIMIT_S = 120.0

Simulate = Callable[..., Simulator]


def made_up_day() -> Iterator[tuple[str, int]]:
    """Times and watts: idle, jobs and spikes, a second now and then that comes twice, long runs of the same watts."""
    second = 0
    for row in range(ROWS_IN_A_DAY):
        load = max(0.0, math.sin(row / 900)) * 300 if row // 3000 % 3 else 0.0
        spike = 120 if row % 977 < 3 else 0
        yield (
            f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}",
            416 + round(load) + spike + row % 7 // 5,
        )
        second += 0 if row % 20_000 == 19_999 else 2 + (row % 33 == 0)


@pytest.fixture(scope="module")
def day() -> list[tuple[str, int]]:
    if not RECORDED_DAY.exists():
        return list(made_up_day())
    with RECORDED_DAY.open() as file:
        return [(clock, int(watts)) for clock, watts in csv.reader(file)]


@pytest.fixture
def replay(simulate: Simulate, tmp_path: Path) -> Callable[..., Simulator]:
    """Simulated BMCs that answer each reading with the next row of their trace, and with none when it is through."""

    def start(**traces: list[tuple[str, int]]) -> Simulator:
        bmcs: dict[str, dict[str, Any]] = {}
        for name, rows in traces.items():
            trace = tmp_path / f"{name}.trace.csv"
            trace.write_text("".join(f'"{clock}","{watts}"\n' for clock, watts in rows))
            bmcs[name] = {"power": {"kind": "trace", "file": trace, "step": "reading"}}
        return simulate(**bmcs)

    return start


def stored(store: Path, bmc: str) -> list[tuple[str, int]]:
    """What the BMC's tables hold, read as anyone reads a TinyDB."""
    with PowerDB(store, access_mode="r") as db:
        tables = sorted(name for name in db.tables() if name.startswith(f"{bmc}/") and not name.endswith(".events"))
        return [(iso(document["at_ms"]), document["power_w"]) for name in tables for document in db.table(name)]


def published(*paths: Path) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for path in sorted(paths):
        header, *rows = csv.reader(path.read_text().splitlines())
        assert header == ["timestamp", "consumption"]
        found += [(at, int(power_w)) for at, power_w in rows]
    return found


def test_the_service_stores_and_publishes_what_was_answered(
    replay: Callable[..., Simulator], day: list[tuple[str, int]], tmp_path: Path
) -> None:
    traces = {f"node{index:02d}": day[begin : begin + 100] for index, begin in enumerate((0, 16_000, 24_000, 33_000))}
    simulator = replay(**traces)
    store, root = tmp_path / "powergraph.db", tmp_path / "data"
    table = {
        "name": "lab",
        "interval_s": 0.1,
        "csv_interval_s": 1.0,
        "tail_length": 30,
        "store": store,
        "publish": root,
        "bmc": [
            {"name": name, "host": host, "port": port, "user": USER, "password": PASSWORD, "interval_s": 0.1}
            for name, (host, port) in simulator.addresses.items()
        ],
    }
    service = Service(settings.validated(table, "test"))
    collecting = threading.Thread(target=service.run)
    collecting.start()
    try:
        deadline = time.monotonic() + TIME_LIMIT_S
        while len(list(root.glob("*/*/????-??-??.csv"))) < len(traces) or any(
            len(stored(store, name)) < len(rows) for name, rows in traces.items()
        ):
            assert collecting.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        service.stop.set()
        collecting.join()
    for name, rows in traces.items():
        watts = [watts for _, watts in rows]
        kept = stored(store, name)
        assert [power_w for _, power_w in kept] == watts
        assert [power_w for bmc, _, power_w in simulator.served if bmc == name] == watts
        assert published(*(root / "lab" / name).glob("????-??-??.csv")) == kept
        tail = root / "lab" / name / "last.csv"
        assert published(tail) == kept[-30:]
        assert gzip.decompress(tail.with_name("last.csv.gz").read_bytes()) == tail.read_bytes()


def test_a_whole_day_comes_back_row_by_row(
    replay: Callable[..., Simulator], day: list[tuple[str, int]], tmp_path: Path
) -> None:
    host, port = replay(node01=day).addresses["node01"]
    login = Login("node01", host, port, USER, Secret(PASSWORD))
    history = TinyDbHistory(tmp_path / "powergraph.db")
    acknowledged: list[int] = []
    complaints: list[str] = []
    recorder = Recorder(
        history, lambda samples, _: acknowledged.extend(each.power_w for each in samples), complaints.append
    )
    recording = threading.Thread(target=recorder.run)
    recording.start()
    reader, series = LanReader(), SeriesState("node01")
    answers: list[Answer] = []
    try:
        while not answers or isinstance(answers[-1], Reading):
            expected = len(answers) + 1
            reader.ask(login, answers.append)
            while len(answers) < expected:
                reader.work(1.0)
            now_ms = time.time_ns() // 1_000_000
            recorder.hand_on(series.add(answers[-1], now_ms, now_ms))
    finally:
        reader.close()
        recorder.end()
        recording.join()
        history.close()
    watts = [watts for _, watts in day]
    assert acknowledged == watts
    assert [power_w for _, power_w in stored(tmp_path / "powergraph.db", "node01")] == watts
    assert complaints == []
