"""The service as a whole keeps samples through TinyDB, and in no other way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from powergraph_collector.history.powerdb import AppendTable, PowerDB
from powergraph_collector.history.storage import LogStorage
from powergraph_collector.service import Service
from powergraph_collector.settings import validated
from powergraph_collector.simulator.server import Simulator
from tests.conftest import PASSWORD, USER


def test_the_service_writes_into_its_store_through_tinydb_alone(
    simulate: Callable[..., Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inserted: list[tuple[str, int]] = []
    depth = [0]
    insert_multiple, append = AppendTable.insert_multiple, LogStorage.append

    def through_tinydb(table: AppendTable, documents: Any) -> list[int]:
        inserted.extend((table.name, document["at_ms"]) for document in documents)
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
        stored = sorted((name, document["at_ms"]) for name in db.tables() for document in db.table(name))
    files = {path.name for path in (tmp_path / "db").rglob("*") if path.is_file()}
    assert stored == sorted(inserted)
    assert len(stored) == len(simulator.served) == 6
    assert files == {".format.json", ".lock", *(f"{name.rpartition('/')[2]}.jsonl" for name, _ in stored)}
