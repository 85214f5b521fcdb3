"""Whoever reads what a program says may leave, or never have been there: collecting goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.commands.test_commands import PATIENT, Simulate, bmc, complaint, start, tables_of_samples, wait_for

from powergraph_collector.history.powerdb import PowerDB


def stored(store: Path) -> int:
    with PowerDB(store, access_mode="r") as db:
        return sum(len(db.table(name)) for name in tables_of_samples(db))


@pytest.mark.parametrize("command", ["powergraph", "graph_csv"])
def test_a_gone_reader_of_errors_ends_no_collecting(simulate: Simulate, tmp_path: Path, command: str) -> None:
    simulator = simulate(node01=PATIENT)
    options = ["--jsonfile", "s.db", "--interval", 0.2, *(["--store"] if command == "powergraph" else [])]
    process = start(tmp_path, command, *bmc(simulator), *options)
    wait_for(lambda: len(simulator.served) >= 3, process)
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    simulator.set_fault("node01", "silent")
    wait_for(lambda: "outage" in "".join(path.read_text() for path in tmp_path.glob("s.db/*/*.events.jsonl")), process)
    count = len(simulator.served)
    simulator.set_fault("node01", "none")
    wait_for(lambda: len(simulator.served) >= count + 3, process)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_feedback_that_cannot_be_written_costs_no_sample(simulate: Simulate, tmp_path: Path) -> None:
    options = ["--store", "--feedback", "--interval", 0.1, "--nread", 5]
    with Path("/dev/full").open("w") as full:
        process = start(tmp_path, "powergraph", *bmc(simulate(node01=PATIENT)), *options, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert complaint(err).startswith("--feedback cannot be written any more (No space left")
    assert stored(tmp_path / "powergraph.db") == 5


@pytest.mark.parametrize("closed", ["<&- >&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_trouble(simulate: Simulate, tmp_path: Path, closed: str) -> None:
    for reader in ("lan", "ipmitool"):
        options = [
            "--store",
            "--feedback",
            "--interval",
            0.3,
            "--nread",
            3,
            "--reader",
            reader,
            "--jsonfile",
            f"{reader}.db",
        ]
        process = start(
            tmp_path,
            *("powergraph", *bmc(simulate(node01=PATIENT)), *options),
            before=("sh", "-c", f'exec "$@" {closed}', "sh", sys.executable),
        )
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert stored(tmp_path / f"{reader}.db") >= 1
