"""Ctrl-C and SIGTERM at any time: too early, twice, while something is read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from tests.commands.test_commands import PATIENT, Simulate, bmc, start, tables_of_samples, wait_for

from powergraph_collector.commands import frame
from powergraph_collector.history.powerdb import PowerDB

# Runs a program that gets a signal when it imports click, the first of what takes long.
SIGNALLED = """
import importlib.abc, os, runpy, sys
number, program, *sys.argv[1:] = sys.argv[1:]

class Signalling(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "click":
            os.kill(os.getpid(), int(number))

sys.meta_path.insert(0, Signalling())
runpy.run_path(program, run_name="__main__")
"""
# Stops in order on a signal, which takes half a minute.
SLOW_TO_END = """
import threading, time
from powergraph_collector.stopping import stop_on_signals
stop = threading.Event()
with stop_on_signals(stop):
    print("ready", flush=True)
    stop.wait()
    print("stopping", flush=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.1)
"""


@pytest.mark.parametrize(
    ("program", "arguments", "number", "code"),
    [
        ("powergraph.py", [], signal.SIGINT, 0),
        ("powergraph.py", [], signal.SIGTERM, 0),
        ("graph_csv.py", [], signal.SIGINT, 0),
        ("graph_csv.py", ["--config", "x"], signal.SIGTERM, 0),
        ("csvcreator.py", [], signal.SIGINT, -signal.SIGINT),
        ("csvcreator.py", [], signal.SIGTERM, -signal.SIGTERM),
        ("powergraph.py", ["status"], signal.SIGINT, -signal.SIGINT),
    ],
)
def test_a_signal_while_a_program_loads_ends_it_without_a_word(
    program: str, arguments: list[str], number: signal.Signals, code: int
) -> None:
    path = Path(__file__).parents[2] / program
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED, str(int(number)), path, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_with_the_first_ends_in_order_too(
    simulate: Simulate, tmp_path: Path, second: signal.Signals
) -> None:
    simulator = simulate(node01=PATIENT)
    process = start(tmp_path, "powergraph", *bmc(simulator), "--store", "--interval", 0.1)
    wait_for(lambda: len(simulator.served) >= 5, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(second)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    with PowerDB(tmp_path / "powergraph.db", access_mode="r") as db:
        assert sum(len(db.table(name)) for name in tables_of_samples(db)) >= len(simulator.served) - 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_later_signal_ends_at_once_what_does_not_end_by_itself(number: signal.Signals) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    process = subprocess.Popen([sys.executable, "-c", SLOW_TO_END], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == "stopping\n"
    time.sleep(1.2)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == -number


def test_what_is_broken_off_has_not_succeeded() -> None:
    @click.command
    def broken_off() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        frame.run(broken_off, "x", [])
    assert ended.value.code == 130
