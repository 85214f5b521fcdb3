"""A command that is killed while it collects: what it told as stored is stored, and the next one goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.commands.test_commands import PATIENT, bmc, run, start

from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.simulator.server import Simulator


def stored_w(folder: Path, simulator: Simulator) -> list[int]:
    host, port = simulator.addresses["node01"]
    history = TinyDbHistory(folder / "powergraph.db", access_mode="r")
    return [sample.power_w for sample in history.read(f"{host}-{port}", 0, 1 << 62)]


def test_what_was_told_as_stored_outlives_every_kill(simulate: Callable[..., Simulator], tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("".join(f"{second // 60:02d}:{second % 60:02d}:00,{400 + second}\n" for second in range(1_000)))
    power = {"kind": "trace", "file": str(trace), "step": "reading"}
    simulator = simulate(node01={**PATIENT, "power": power, "slots": 16})
    options = [*bmc(simulator), "--store", "--feedback", "--interval", 0.1]
    told: list[int] = []
    for lines in (1, 7, 20):
        process = start(tmp_path, "powergraph", *options)
        assert process.stdout
        told += [int(process.stdout.readline().split()[2]) for _ in range(lines)]
        process.kill()
        rest, err = process.communicate(timeout=60)
        told += [int(line.split()[2]) for line in rest.splitlines() if line.endswith("stored")]
        assert "Traceback" not in err
        stored = stored_w(tmp_path, simulator)
        assert set(told) <= set(stored)
        assert stored == sorted(set(stored))  # none twice, none invented, none out of its order
        assert set(stored) <= {power_w for _, _, power_w in simulator.served}
    code, out, err = run(tmp_path, "powergraph", *options, "--nread", 3)
    assert (code, err) == (0, "")
    told += [int(line.split()[2]) for line in out.splitlines()]
    assert len(told) >= 31
    assert set(told) <= set(stored_w(tmp_path, simulator))
