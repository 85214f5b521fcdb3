"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from powergraph_collector.simulator.config import validated
from powergraph_collector.simulator.server import Simulator

# No timed tests: a busy machine is not a fault.
hypothesis.settings.register_profile("powergraph", deadline=None)
hypothesis.settings.load_profile("powergraph")

# What is started by nohup or in the background ignores these, and so would every command that the tests interrupt.
for _number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

USER, PASSWORD = "powergraph", "a-password"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Leave a line for each test that failed in the file that bin/test ends with."""
    path = os.environ.get("POWERGRAPH_FAILURES")
    if path is None or hasattr(terminalreporter.config, "workerinput"):  # xdist's workers report to another
        return
    with Path(path).open("a") as file:
        for report in [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]:
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = crash.message.partition("\n")[0] if crash else "see above"
            file.write(f"{report.nodeid}: {reason}\n")


@pytest.fixture
def simulate() -> Iterator[Callable[..., Simulator]]:
    """Start simulated BMCs on free loopback ports: `simulate(node01={"fault": "silent"}, node02={})`.

    Each name's table is merged into a BMC that draws 436 W, whose user and password are USER and PASSWORD.
    """
    running: list[Simulator] = []

    def start(**bmcs: dict[str, Any]) -> Simulator:
        usual = {"port": 0, "user": USER, "password": PASSWORD, "power": {"kind": "constant", "watts": 436}}
        tables = [{"name": name, **usual, **table} for name, table in bmcs.items()]
        running.append(Simulator(validated({"bmc": tables}, "test")).start())
        return running[-1]

    yield start
    for simulator in running:
        simulator.stop()
