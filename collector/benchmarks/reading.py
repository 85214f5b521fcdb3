"""Reading the embedded store from another process, while nobody writes and while a collector writes and compacts.

A BMC has a year of days that are over and an open one, read every 10 s, with the BMC's own statistics, and the hourly
rows of that year as they are published. The collector is
a process that appends and syncs the ticks of many other BMCs once a second, and puts one of their days after the other
into columns. Prints a table; `--help` tells what can be changed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from powergraph_collector.days import utc_day
from powergraph_collector.history.documents import sample_document
from powergraph_collector.history.table_files import TableFiles
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample, Source, Statistics
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.rollups import hours_of, rows_of
from powergraph_collector.simulator.power import Office

BMC: Final = "node01"
TODAY_MS: Final = 1_795_478_400_000  # 2026-11-24T00:00:00Z
DAY_MS: Final = 86_400_000
STEP_MS: Final = 10_000
JITTER_MS: Final = 50
TO_COMPACT: Final = 400
UTC: Final = ZoneInfo("UTC")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="days that are over (default %(default)s)")
    parser.add_argument("--bmcs", type=int, default=100, help="written every second (default %(default)s)")
    parser.add_argument("--reads", type=int, default=60, help="of each kind (default %(default)s)")
    parser.add_argument(
        "--folder", type=Path, help="where the store is written (default: the system's temporary files)"
    )
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="powergraph-", dir=given.folder) as work:
        store = Path(work) / "powergraph.db"
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            fill(store, given.days, progress)
            quiet = measured(store, given, progress)
            with writing(store, given.bmcs):
                busy = measured(store, given, progress)
    table = Table(title=f"A BMC with {given.days} days of history at 10 s, read from another process, ms")
    for column in (
        "what",
        "samples, rows",
        "nobody writes: least",
        "median",
        "95 %",
        "a collector writes and compacts: least",
        "median",
        "95 %",
    ):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, (count, alone_ms) in quiet.items():
        beside_ms = busy[what][1]
        figures = [of(took_ms) for took_ms in (alone_ms, beside_ms) for of in (min, median, highest_of_20)]
        table.add_row(what, f"{count:,}", *(f"{figure:.1f}" for figure in figures))
    console.print(table)


def highest_of_20(took_ms: list[float]) -> float:
    return quantiles(took_ms, n=20)[-1]


def samples(day: int) -> list[Sample]:
    """A day of the BMC, counted from today, always the same."""
    office, chance = Office(seed=1, idle_w=180, peak_w=620), random.Random(day)
    found = []
    for step in range(DAY_MS // STEP_MS):
        at_ms = TODAY_MS + day * DAY_MS + step * STEP_MS + chance.randint(0, JITTER_MS)
        power_w = office.watts(at_ms / 1000) or 0
        statistics = Statistics(180, 620, power_w, step * STEP_MS, at_ms // 1000)
        found.append(Sample(BMC, at_ms, power_w, Source.DCMI, statistics=statistics))
    return found


def fill(store: Path, days: int, progress: Progress) -> None:
    """A year of closed days, an open one, and days of other BMCs for the collector to compact."""
    history = TinyDbHistory(store)
    history.append(samples(0))
    history.close()
    task = progress.add_task("filling", total=days)
    files = published(store)
    files.folder.mkdir()
    for day in range(-days, 0):
        of_day = samples(day)
        documents = {number: sample_document(sample) for number, sample in enumerate(of_day, 1)}
        TableFiles.of(store, f"{BMC}/{utc_day(of_day[0].at_ms)}").replace(documents)
        files.append([], hours_of(rows_of(of_day, STEP_MS)), TODAY_MS)
        progress.advance(task)
    lines = store / BMC / f"{utc_day(TODAY_MS)}.jsonl"
    for number in range(TO_COMPACT):
        folder = store / f"former{number:03d}"
        folder.mkdir()
        shutil.copyfile(lines, folder / f"{utc_day(TODAY_MS - DAY_MS)}.jsonl")


def last_300(store: Path, _days: int) -> int:
    with opened(store) as history:
        return len(history.last(BMC, 300))


def open_day(store: Path, _days: int) -> int:
    with opened(store) as history:
        return len(list(history.read(BMC, TODAY_MS, TODAY_MS + DAY_MS)))


def closed_day(store: Path, days: int) -> int:
    begin_ms = TODAY_MS - days // 2 * DAY_MS
    with opened(store) as history:
        return len(list(history.read(BMC, begin_ms, begin_ms + DAY_MS)))


def year_by_the_hour(store: Path, days: int) -> int:
    return len(published(store).hour_columns(TODAY_MS - days * DAY_MS, TODAY_MS).at_ms)


READS: Final = {
    "last 300": last_300,
    "open day": open_day,
    "closed day": closed_day,
    "year by the hour": year_by_the_hour,
}


def published(store: Path) -> RollupFiles:
    return RollupFiles(store.with_name("published"), UTC)


@contextmanager
def opened(store: Path) -> Iterator[TinyDbHistory]:
    history = TinyDbHistory(store, access_mode="r")
    try:
        yield history
    finally:
        history.close()


@contextmanager
def writing(store: Path, bmcs: int) -> Iterator[None]:
    """A collector at work beside the block."""
    spawn = multiprocessing.get_context("spawn")
    begun, stop = spawn.Event(), spawn.Event()
    process = spawn.Process(target=collect, args=(store, bmcs, begun, stop))
    process.start()
    begun.wait()
    try:
        yield
        if not process.is_alive():
            raise SystemExit("the collector ended while it was read beside it")
    finally:
        stop.set()
        process.join()


def collect(store: Path, bmcs: int, begun: Flag, stop: Flag) -> None:
    """Append and sync a tick of every BMC once a second; in between, compact."""
    history = TinyDbHistory(store, now_ms=lambda: TODAY_MS + DAY_MS // 2)
    at_ms = TODAY_MS + DAY_MS // 2
    due_s = time.monotonic()
    while not stop.is_set():
        if time.monotonic() >= due_s:
            due_s += 1
            at_ms += 1000
            history.append([Sample(f"other{number:04d}", at_ms, 400) for number in range(bmcs)])
            begun.set()
        elif not history.tidy():
            stop.wait(max(0.0, due_s - time.monotonic()))
    history.close()


def measured(store: Path, given: argparse.Namespace, progress: Progress) -> dict[str, tuple[int, list[float]]]:
    """How many samples or rows each kind of read gives, and the ms that it takes, each with a reader opened for it."""
    found: dict[str, tuple[int, list[float]]] = {}
    for what, read in READS.items():
        count, took_ms = 0, []
        for _ in progress.track(range(given.reads), description=what):
            count, spent_ms = timed(lambda read=read: read(store, given.days))  # type: ignore[misc]
            took_ms.append(spent_ms)
        found[what] = count, took_ms
    return found


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    done = work()
    return done, (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
