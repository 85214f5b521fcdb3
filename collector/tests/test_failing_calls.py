"""The running service while system calls fail under it: it goes on, and stores everything when they work again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.simulator.server import Simulator
from tests.conftest import PASSWORD, USER

COLLECTOR = Path(__file__).parents[1]
READINGS = 120

# strace makes these fail from the FIRST-th call of a thread to the LAST-th, each STEP-th of them.
FAULTS = {
    "the disk gives errors": ["fdatasync:error=EIO:when=2..8+3", "pwrite64:error=EIO:when=5..13+4"],
    "the disk is full for a while": ["pwrite64:error=ENOSPC:when=3..4", "ftruncate:error=EIO:when=1..2"],
    "what failed cannot be cut off": ["fdatasync:error=EIO:when=3..7+2", "ftruncate:error=EIO:when=1..4"],
    "syncs are slow": ["fdatasync:delay_enter=300000:when=1..20"],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_what_is_told_as_stored_is_stored_and_in_the_end_that_is_everything(
    simulate: Callable[..., Simulator], tmp_path: Path, faults: list[str]
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("".join(f"00:00:{second:02d},{400 + second}\n" for second in range(READINGS + 10)))
    power = {"kind": "trace", "file": str(trace), "step": "reading"}
    simulator = simulate(node01={"power": power, "latency_s": 0.003})
    host, port = simulator.addresses["node01"]
    calls = sorted({fault.partition(":")[0] for fault in faults})
    run = subprocess.run(
        [
            *("strace", "-f", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", f"trace={','.join(calls)}"),
            *(word for fault in faults for word in ("-e", f"inject={fault}")),
            *(sys.executable, COLLECTOR / "powergraph.py", "--host", host, "--port", str(port), "--user", USER),
            *("--store", "--feedback", "--interval", "0.1", "--nread", str(READINGS)),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "POWERGRAPH_PASSWD": PASSWORD, "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in run.stderr, run.stderr
    assert run.returncode == 0, run.stderr
    told = [int(line.split()[2]) for line in run.stdout.splitlines() if line.endswith("stored")]
    history = TinyDbHistory(tmp_path / "powergraph.db", access_mode="r")
    stored = [sample.power_w for sample in history.read(f"{host}-{port}", 0, 1 << 62)]
    assert stored == told == [watts for _, _, watts in simulator.served][: len(stored)]
    assert len(stored) == len(simulator.served)
    if any("error" in fault for fault in faults):
        assert "samples cannot be stored" in run.stderr, "nothing failed"
        assert "all that waited is stored" in run.stderr
