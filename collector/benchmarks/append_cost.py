"""Cost of keeping a sample for good, in a store with little in it and in one with much, beside TinyDB's own storage.

An append is one sample, inserted through TinyDB's interface, with its sync. Prints a table; `--help` tells what can be
changed. Rounds of both sizes take turns, so that what else the machine and its disk do meets both alike.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.progress import track
from rich.table import Table
from tinydb import TinyDB

from powergraph_collector.history.documents import sample_document
from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.model import Sample, Source, Statistics

TABLE: Final = "node01/2026-11-24"
BEGIN_MS: Final = 1_795_478_400_000
ROUND: Final = 20
BATCH: Final = 10_000


@dataclass
class Measured:
    """One store and what its appends took, in µs."""

    name: str
    stored: int
    db: TinyDB
    wall_us: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def append(self, index: int) -> None:
        sample = document(index)
        table = self.db.table(TABLE)
        began, cpu_began = time.perf_counter_ns(), time.process_time_ns()
        table.insert(sample)
        cpu_ended, ended = time.process_time_ns(), time.perf_counter_ns()
        self.wall_us.append((ended - began) / 1000)
        self.cpu_us.append((cpu_ended - cpu_began) / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--appends", type=int, default=2000, help="measured for each store (default %(default)s)")
    parser.add_argument("--few", type=int, default=1000, help="samples stored before (default %(default)s)")
    parser.add_argument("--many", type=int, default=1_000_000, help="samples stored before (default %(default)s)")
    parser.add_argument(
        "--folder", type=Path, help="where the stores are written (default: the system's temporary files)"
    )
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="powergraph-", dir=given.folder))
    try:
        ours = [
            filled(f"PowerGraph's, {count:,}", PowerDB, work / str(count), count) for count in (given.few, given.many)
        ]
        take_turns(ours, given.appends, "our store")
        stock = [
            filled(f"TinyDB as it comes, {count:,}", TinyDB, work / f"{count}.json", count) for count in (1000, 10_000)
        ]
        take_turns(stock, 2 * ROUND, "TinyDB's own")
    finally:
        for each in work.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        work.rmdir()
    show([*ours, *stock])


def document(index: int) -> dict[str, Any]:
    """A sample as the collector keeps it, with the BMC's own statistics."""
    at_ms = BEGIN_MS + index * 1000
    power_w = 416 + index * 7919 % 427
    statistics = Statistics(416, 842, 512, 1000, at_ms // 1000)
    return sample_document(Sample("node01", at_ms, power_w, Source.DCMI, statistics=statistics))


def filled(name: str, kind: Callable[[Path], TinyDB], path: Path, count: int) -> Measured:
    """A store that holds so many samples, opened anew, as after a restart of the collector."""
    db = kind(path)
    for begin in track(range(0, count, BATCH), f"filling {name}", transient=True):
        db.table(TABLE).insert_multiple(document(index) for index in range(begin, min(begin + BATCH, count)))
    db.close()
    return Measured(name, count, kind(path))


def take_turns(stores: list[Measured], appends: int, what: str) -> None:
    """Measure all, some appends of each in turn; the first round, in which files are opened, is not counted."""
    for turn in track(range(appends // ROUND + 1), f"appending to {what}", transient=True):
        for store in stores if turn % 2 else reversed(stores):
            for index in range(ROUND):
                store.append(store.stored + turn * ROUND + index)
            if turn == 0:
                store.wall_us.clear()
                store.cpu_us.clear()
    for store in stores:
        store.db.close()


def show(stores: list[Measured]) -> None:
    first = stores[0]
    table = Table(title="One append with its sync, medians")
    for column in ("store, samples in it", "appends", "time, µs", "ratio", "CPU, µs", "ratio"):
        table.add_column(column, justify="left" if column.startswith("store") else "right")
    for store in stores:
        wall_us, cpu_us = median(store.wall_us), median(store.cpu_us)
        ratios = wall_us / median(first.wall_us), cpu_us / median(first.cpu_us)
        figures = [
            f"{len(store.wall_us):,}",
            f"{wall_us:,.0f}",
            f"{ratios[0]:,.2f}",
            f"{cpu_us:,.0f}",
            f"{ratios[1]:,.2f}",
        ]
        table.add_row(store.name, *figures)
    Console().print(table)


if __name__ == "__main__":
    main()
