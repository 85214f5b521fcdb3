"""kill -9 while storing and compacting: whatever was acknowledged is there."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from powergraph_collector.history.tinydb_engine import TinyDbHistory

KILLS = 100
SOURCES = Path(__file__).parents[2] / "src"

WRITER = """
import sys
from pathlib import Path
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample

history = TinyDbHistory(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    batch = [Sample(f"node{index % 3}", 1_795_435_200_000 + number + index, 400) for index in range(6)]
    for sample in history.append(batch).samples:
        print(sample.bmc, sample.at_ms)
    sys.stdout.flush()
    number += 6
    history.db.storage.compact(f"node{number // 6 % 3}/2026-11-23")
"""


def test_a_hundred_kills_lose_no_acknowledged_sample_and_invent_none(tmp_path: Path) -> None:
    acknowledged: set[tuple[str, int]] = set()
    chance = random.Random(1)
    for kill in range(KILLS):
        begin = kill * 100_000
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "db"), str(begin)],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(SOURCES), "PATH": ""},
        )
        assert process.stdout is not None
        first = process.stdout.readline()  # it has begun
        assert first, "the store did not open after a kill"
        time.sleep(chance.uniform(0, 0.03))
        process.kill()
        lines = [first, *process.stdout.read().split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        acknowledged.update((bmc, int(at_ms)) for bmc, at_ms in (line.split() for line in lines))
    history = TinyDbHistory(tmp_path / "db")
    found = [(bmc, sample.at_ms) for bmc in history.bmcs() for sample in history.read(bmc, 0, 2_000_000_000_000)]
    history.close()
    assert len(acknowledged) >= KILLS * 6
    assert acknowledged <= set(found)
    assert len(found) == len(set(found))
