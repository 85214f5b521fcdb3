"""kill -9 while storing and compacting, and while others read: whatever was acknowledged is there.

How many kills is in POWERGRAPH_KILLS: `bin/test soak` takes a thousand.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from powergraph_collector.history.tinydb_engine import TinyDbHistory

KILLS = int(os.environ.get("POWERGRAPH_KILLS", "100"))
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PATH": ""}

# A process for each number that comes in, of modules that are loaded once; its pid first, then what is acknowledged.
WRITERS = """
import os
import sys
from pathlib import Path
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample

def write(number):
    print(os.getpid(), flush=True)
    history = TinyDbHistory(Path(sys.argv[1]))
    while True:
        batch = [Sample(f"node{index % 3}", 1_795_435_200_000 + number + index, 400) for index in range(6)]
        for sample in history.append(batch).samples:
            print(sample.bmc, sample.at_ms)
        sys.stdout.flush()
        number += 6
        history.db.storage.compact(f"node{number // 6 % 3}/2026-11-23")

for line in sys.stdin:
    if os.fork() == 0:
        write(int(line))
    assert os.WTERMSIG(os.wait()[1]) == 9, "it ended by itself"
    print("\\nkilled", flush=True)
"""

READER = """
import sys
from pathlib import Path
from powergraph_collector.history.tinydb_engine import TinyDbHistory

history = TinyDbHistory(Path(sys.argv[1]), access_mode="r")
seen, rounds = set(), 0
print("ready", flush=True)
while not Path(sys.argv[2]).exists():
    for bmc in ("node0", "node1", "node2"):
        found = [(bmc, sample.at_ms) for sample in history.read(bmc, 0, 2_000_000_000_000)]
        assert len(found) == len(set(found)), "a sample came twice"
        assert {each for each in seen if each[0] == bmc} <= set(found), "a sample went that had been there"
        seen.update(found)
        assert [sample.at_ms for sample in history.last(bmc, 4)][:1] >= [at_ms for _, at_ms in found[-4:]][:1]
    rounds += 1
print(rounds, flush=True)
"""


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def acknowledged_before_kill(writers: subprocess.Popen[str], number: int, after_s: float) -> list[str]:
    """The whole lines of a writer that is killed so long after its first one."""
    assert writers.stdin is not None
    assert writers.stdout is not None
    print(number, file=writers.stdin, flush=True)
    pid = int(writers.stdout.readline())
    first = writers.stdout.readline()
    assert first.startswith("node"), "the store did not open after a kill"
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    lines = [first]
    while (line := writers.stdout.readline()) != "killed\n":
        assert line, "a writer ended by itself"
        lines.append(line)
    return lines[:-1]  # the last is empty, or the piece of a line


def test_kills_lose_no_acknowledged_sample_invent_none_and_disturb_no_reader(tmp_path: Path) -> None:
    acknowledged: set[tuple[str, int]] = set()
    chance = random.Random(1)
    TinyDbHistory(tmp_path / "db").close()
    with python(READER, tmp_path / "db", tmp_path / "enough") as reader, python(WRITERS, tmp_path / "db") as writers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        for kill in range(KILLS):
            lines = acknowledged_before_kill(writers, kill * 40_000, chance.uniform(0, 0.03))
            acknowledged.update((bmc, int(at_ms)) for bmc, at_ms in (line.split() for line in lines))
        (tmp_path / "enough").touch()
        assert int(reader.stdout.read()) > KILLS // 10
    assert reader.returncode == 0
    history = TinyDbHistory(tmp_path / "db")
    found = [(bmc, sample.at_ms) for bmc in history.bmcs() for sample in history.read(bmc, 0, 2_000_000_000_000)]
    history.close()
    assert len(acknowledged) >= KILLS * 6
    assert acknowledged <= set(found)
    assert len(found) == len(set(found))
