"""Cost of keeping a sample for good, in stores with little and with much in them, beside TinyDB's own storage.

An append is one sample, inserted through TinyDB's interface, with its sync. The stores hold 1,000 samples, 1,000,000 in
the very table that grows, and 10,000,000 in days that are over. Each is a process of its own, so that its memory can be
told; they take turns, so that what else the machine and its disk do meets all alike. Prints a table; `--help` tells
what can be changed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from tinydb import TinyDB

from powergraph_collector.history.documents import sample_document
from powergraph_collector.history.powerdb import PowerDB
from powergraph_collector.model import Sample, Source, Statistics

TABLE: Final = "node01/2026-11-24"
BEGIN_MS: Final = 1_795_478_400_000
ROUND: Final = 20
BATCH: Final = 8640
APPENDS_TO_STOCK: Final = 40


@dataclass(frozen=True)
class Kind:
    """What is measured: a store, how many samples it holds, and whether they are in days that are over."""

    name: str
    make: Callable[[Path], TinyDB]
    samples: int
    in_former_days: bool = False


@dataclass
class Measured:
    """What the appends to a store took, in µs, and the memory of its process afterwards."""

    kind: Kind
    pipe: Connection
    wall_us: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    memory_mb: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--appends", type=int, default=2000, help="measured for each store (default %(default)s)")
    parser.add_argument("--few", type=int, default=1000, help="samples stored before (default %(default)s)")
    parser.add_argument("--many", type=int, default=1_000_000, help="in the table that grows (default %(default)s)")
    parser.add_argument("--most", type=int, default=10_000_000, help="in former days (default %(default)s)")
    parser.add_argument(
        "--folder", type=Path, help="where the stores are written (default: the system's temporary files)"
    )
    given = parser.parse_args()
    ours = [
        Kind(f"PowerGraph's, {given.few:,}", PowerDB, given.few),
        Kind(f"PowerGraph's, {given.many:,} in one table", PowerDB, given.many),
        Kind(f"PowerGraph's, {given.most:,} in former days", PowerDB, given.most, in_former_days=True),
    ]
    stock = [Kind(f"TinyDB as it comes, {count:,}", TinyDB, count) for count in (1000, 10_000)]
    console = Console(width=None if sys.stdout.isatty() else 140)
    with (
        tempfile.TemporaryDirectory(prefix="powergraph-", dir=given.folder) as work,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        measured = take_turns(ours, given.appends, Path(work), progress)
        measured += take_turns(stock, APPENDS_TO_STOCK, Path(work), progress)
    console.print(table_of(measured))


def document(index: int) -> dict[str, Any]:
    """A sample as the collector keeps it, with the BMC's own statistics."""
    at_ms = BEGIN_MS + index * 1000
    power_w = 416 + index * 7919 % 427
    statistics = Statistics(416, 842, 512, 1000, at_ms // 1000)
    return sample_document(Sample("node01", at_ms, power_w, Source.DCMI, statistics=statistics))


def take_turns(kinds: list[Kind], appends: int, work: Path, progress: Progress) -> list[Measured]:
    """Measure all, some appends of each in turn; the first round, in which files are opened, is not counted."""
    spawn = multiprocessing.get_context("spawn")
    stores = []
    for kind in kinds:
        ours, its = multiprocessing.Pipe()
        spawn.Process(target=serve, args=(kind, work, its), daemon=True).start()
        its.close()
        task = progress.add_task(f"filling {kind.name}", total=kind.samples)
        while (filled := ours.recv()) < kind.samples:
            progress.update(task, completed=filled)
        progress.remove_task(task)
        stores.append(Measured(kind, ours))
    for turn in progress.track(range(appends // ROUND + 1), description="appending"):
        for store in stores if turn % 2 else reversed(stores):
            store.pipe.send(turn)
            wall_us, cpu_us, store.memory_mb = store.pipe.recv()
            if turn:
                store.wall_us += wall_us
                store.cpu_us += cpu_us
    for store in stores:
        store.pipe.send(None)
        store.pipe.recv()
    return stores


def serve(kind: Kind, work: Path, pipe: Connection) -> None:
    """Fill a store, open it anew as after a restart of the collector, and append to it when told."""
    path = work / kind.name.replace(" ", "-")
    fill(kind, kind.make(path), pipe)
    db = kind.make(path)
    pipe.send(kind.samples)
    while (turn := pipe.recv()) is not None:
        pipe.send(appended(db, kind.samples + turn * ROUND))
    db.close()
    pipe.send(None)


def fill(kind: Kind, db: TinyDB, pipe: Connection) -> None:
    for number, begin in enumerate(range(0, kind.samples, BATCH)):
        table = f"former{number:05d}/2026-11-23" if kind.in_former_days else TABLE
        end = min(begin + BATCH, kind.samples)
        db.table(table).insert_multiple(document(index) for index in range(begin, end))
        if kind.in_former_days and isinstance(db, PowerDB):
            db.storage.compact(table)
            db.release(table)
        pipe.send(begin)
    db.close()


def appended(db: TinyDB, first: int) -> tuple[list[float], list[float], float]:
    """What a round of appends took, wall and CPU, and the memory of this process now."""
    wall_us, cpu_us = [], []
    for index in range(first, first + ROUND):
        sample = document(index)
        table = db.table(TABLE)
        began, cpu_began = time.perf_counter_ns(), time.process_time_ns()
        table.insert(sample)
        cpu_ended, ended = time.process_time_ns(), time.perf_counter_ns()
        wall_us.append((ended - began) / 1000)
        cpu_us.append((cpu_ended - cpu_began) / 1000)
    resident_kb = int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0])
    return wall_us, cpu_us, resident_kb / 1024


def table_of(stores: list[Measured]) -> Table:
    first = stores[0]
    table = Table(title="One append with its sync, medians")
    for column in ("store, samples in it", "appends", "time, µs", "ratio", "CPU, µs", "ratio", "memory, MB"):
        table.add_column(column, justify="left" if column.startswith("store") else "right")
    for store in stores:
        wall_us, cpu_us = median(store.wall_us), median(store.cpu_us)
        figures = [
            f"{len(store.wall_us):,}",
            f"{wall_us:,.0f}",
            f"{wall_us / median(first.wall_us):,.2f}",
            f"{cpu_us:,.0f}",
            f"{cpu_us / median(first.cpu_us):,.2f}",
            f"{store.memory_mb:,.0f}",
        ]
        table.add_row(store.kind.name, *figures)
    return table


if __name__ == "__main__":
    main()
