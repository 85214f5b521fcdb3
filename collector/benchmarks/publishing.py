"""CPU that publishing costs for one `csv_interval`, part by part.

A publisher, as the service runs it, follows BMCs that are read every 10 s: their samples are kept in a store, and each
round of 5 s publishes what came. Only the publisher's own rounds are measured, on a clock of its own, so that an
interval of 300 s takes as long as its work does. Prints a table; `--help` tells what can be changed.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import track
from rich.table import Table

from powergraph_collector.energy import Energy
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample, Source, Statistics
from powergraph_collector.publish.publisher import Publisher
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import HOUR_MS, Row
from powergraph_collector.settings import Settings, validated

NOON_MS: Final = 1_795_521_600_000  # 2026-11-24T12:00:00Z
TICK_MS: Final = 10_000
ROUND_MS: Final = 5_000
PARTS: Final = {
    "_take_new": "open days (appended), new samples taken",
    "_roll": "rollups (appended)",
    "_write_tails": "tails",
    "_write_index": "index",
    "_write_days": "rows of days",
    "_write_overview": "overview",
    "_write_now": "now",
    "_rewrite_old": "events, days that are over",
    "_agree": "what agrees with the store",
}


class Fleet:
    """BMCs that are read every 10 s, their store and their publisher, on a clock of its own."""

    def __init__(self, folder: Path, count: int, csv_interval_s: float) -> None:
        self.now_ms = NOON_MS
        self.names = [f"node{index:04d}" for index in range(count)]
        bmcs = [
            {"name": name, "host": f"192.0.2.{index % 250}", "port": 1000 + index}
            for index, name in enumerate(self.names)
        ]
        table = {"name": "lab", "store": folder / "db", "csv_interval_s": csv_interval_s, "bmc": bmcs}
        self.settings: Settings = validated(table, "benchmark")
        self.history = TinyDbHistory(folder / "db", now_ms=lambda: self.now_ms)
        self.publisher = Publisher(self.settings, self.history.reader(), folder / "data", complain, lambda: self.now_ms)
        self.cpu_s: dict[str, float] = defaultdict(float)
        for name in PARTS:
            setattr(self.publisher, name, self._measured(name, getattr(self.publisher, name)))

    def _measured(self, name: str, part: Callable[..., None]) -> Callable[..., None]:
        def run(*arguments: Any, **named: Any) -> None:
            began_s = time.thread_time()
            part(*arguments, **named)
            self.cpu_s[name] += time.thread_time() - began_s

        return run

    def pass_time(self, rounds: int, rounds_a_beat: int, what: str) -> float:
        """Let time pass; returns the CPU of the rounds in s."""
        cpu_s = 0.0
        for index in track(range(rounds), what, transient=True):
            self.now_ms += ROUND_MS
            due = self.names[index % 2 :: 2]  # each is read at every other round
            batch = [sample(name, self.now_ms - number % ROUND_MS) for number, name in enumerate(due)]
            outcome = self.history.append(batch)
            began_s = time.thread_time()
            self.publisher.acknowledged(outcome.samples, outcome.events)
            self.publisher.round(with_tails=index % rounds_a_beat == rounds_a_beat - 1)
            cpu_s += time.thread_time() - began_s
        return cpu_s


def sample(name: str, at_ms: int) -> Sample:
    watts = 380 + at_ms // 997 % 90
    return Sample(
        name, at_ms, watts, Source.DCMI, statistics=Statistics(watts - 9, watts + 9, watts, 9000, at_ms // 1000)
    )


def complain(sentence: str) -> None:
    raise SystemExit(sentence)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bmcs", type=int, default=1000, help="(default %(default)s)")
    parser.add_argument("--csv-interval", type=float, default=300.0, help="seconds (default %(default)s)")
    parser.add_argument("--intervals", type=int, default=3, help="how many of them are measured (default %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to put the store and the files")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="powergraph-", dir=given.folder))
    try:
        measure(folder, given.bmcs, given.csv_interval, given.intervals)
        measure_year(folder)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, count: int, csv_interval_s: float, intervals: int) -> None:
    fleet = Fleet(folder, count, csv_interval_s)
    rounds = round(csv_interval_s * 1000) // ROUND_MS
    with closing(fleet.history):
        fleet.pass_time(2 * rounds, rounds, "making the files")
        fleet.cpu_s.clear()
        total_s = fleet.pass_time(intervals * rounds, rounds, "publishing")
    table = Table(title=f"Publishing {count:,} BMCs, each read every 10 s, for {csv_interval_s:.0f} s")
    table.add_column("part")
    table.add_column("CPU, s", justify="right")
    for name, words in PARTS.items():
        table.add_row(words, f"{fleet.cpu_s[name] / intervals:.3f}")
    table.add_row("all", f"{total_s / intervals:.3f}")
    Console().print(table)


def measure_year(folder: Path) -> None:
    """Reading a year of a BMC back by the hour."""
    files = RollupFiles(folder / "year", ZoneInfo("Europe/Berlin"))
    files.folder.mkdir()
    begin_ms = NOON_MS - NOON_MS % HOUR_MS
    rows = [
        Row(begin_ms + hour * HOUR_MS, Energy(360, HOUR_MS, HOUR_MS * (400 + hour % 97) - hour, 380, 842))
        for hour in range(8760)
    ]
    files.append([], rows, begin_ms)
    took_s = []
    for _ in range(20):
        began_s = time.perf_counter()
        found = files.hour_columns(begin_ms, begin_ms + 8760 * HOUR_MS)
        took_s.append(time.perf_counter() - began_s)
    if found.rows() != rows:
        raise SystemExit("the year did not come back as it was")
    print(f"a year of one BMC by the hour, read back: {median(took_s) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
