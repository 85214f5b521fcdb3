"""The embedded store beside stock TinyDB, SQLite (WAL) and VictoriaMetrics: the same samples, one run.

Every store gets the days of one BMC at 10 s, once with regular and once with jittered timestamps, watts alone, as that
is what all of them can hold; stock TinyDB gets two days, as more would take hours. Each works in a process of its own.
VictoriaMetrics is a server process (`apt install victoria-metrics`); without it, it is left out and that is said.
Prints tables; `--help` tells what can be changed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import isclose
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from tinydb import TinyDB

from powergraph_collector.days import utc_day
from powergraph_collector.history.documents import sample_document, sample_of
from powergraph_collector.history.tinydb_engine import TinyDbHistory
from powergraph_collector.model import Sample
from powergraph_collector.publish.rolling import Rolling
from powergraph_collector.publish.rollup_files import RollupFiles
from powergraph_collector.simulator.power import Office

BMC: Final = "node01"
BEGIN_MS: Final = 1_735_689_600_000  # 2025-01-01T00:00:00Z
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
UTC: Final = ZoneInfo("UTC")
STEP_MS: Final = 10_000
JITTER_MS: Final = 50
TAIL: Final = 300
STOCK_DAYS: Final = 2
TICKS: Final = 200
READS: Final = 15


class Store(Protocol):
    """What is compared. Times are UTC ms; a tick must be safe on the disk when it returns, where the store can."""

    folder: Path

    def fill(self, samples: Sequence[Sample]) -> None: ...
    def fold(self) -> None:
        """Bring it into the form in which the past is kept."""

    def tick(self, sample: Sample) -> None: ...
    def last(self, count: int) -> list[Sample]: ...
    def day(self, from_ms: int) -> list[Sample]: ...
    def mean_w_by_the_hour(self, to_ms: int) -> list[float]:
        """Of all hours from the beginning, the way in which a user of it gets them soonest."""

    def close(self) -> None: ...


@dataclass
class Embedded:
    folder: Path
    now_ms: int = BEGIN_MS
    history: TinyDbHistory = field(init=False)

    def __post_init__(self) -> None:
        self.history = TinyDbHistory(self.folder, now_ms=lambda: self.now_ms)

    def fill(self, samples: Sequence[Sample]) -> None:
        self.history.append(samples)

    def fold(self) -> None:
        self.now_ms = BEGIN_MS + 4000 * DAY_MS
        while self.history.tidy():
            pass

    def publish(self) -> None:
        """Write the hourly rows, which the service keeps up sample by sample."""
        files = RollupFiles(self.folder.with_name("published"), UTC)
        files.folder.mkdir()
        Rolling(BMC, self.history, files, STEP_MS).rebuild(self.now_ms)

    def tick(self, sample: Sample) -> None:
        self.history.append([sample])

    def last(self, count: int) -> list[Sample]:
        return self.history.last(BMC, count)

    def day(self, from_ms: int) -> list[Sample]:
        return list(self.history.read(BMC, from_ms, from_ms + DAY_MS))

    def mean_w_by_the_hour(self, to_ms: int) -> list[float]:
        found = RollupFiles(self.folder.with_name("published"), UTC).hour_columns(BEGIN_MS, to_ms)
        return [
            energy_ms_w / covered_ms
            for energy_ms_w, covered_ms in zip(found.energy_ms_w, found.covered_ms, strict=True)
        ]

    def close(self) -> None:
        self.history.close()


@dataclass
class Stock:
    folder: Path
    db: TinyDB = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.db = TinyDB(self.folder / "stock.json")

    def fill(self, samples: Sequence[Sample]) -> None:
        self.db.table(utc_day(samples[0].at_ms)).insert_multiple(map(sample_document, samples))

    def fold(self) -> None:
        pass

    def tick(self, sample: Sample) -> None:
        self.db.table(utc_day(sample.at_ms)).insert(sample_document(sample))

    def last(self, count: int) -> list[Sample]:
        days = sorted(self.db.tables())
        return [sample_of(BMC, document) for document in self.db.table(days[-1]).all()[-count:]]

    def day(self, from_ms: int) -> list[Sample]:
        return [sample_of(BMC, document) for document in self.db.table(utc_day(from_ms)).all()]

    def mean_w_by_the_hour(self, to_ms: int) -> list[float]:
        by_hour: dict[int, list[int]] = defaultdict(list)
        for name in self.db.tables():
            for document in self.db.table(name).all():
                if document["at_ms"] < to_ms:
                    by_hour[document["at_ms"] // HOUR_MS].append(document["power_w"])
        return [fmean(by_hour[hour]) for hour in sorted(by_hour)]

    def close(self) -> None:
        self.db.close()


@dataclass
class Sqlite:
    folder: Path
    db: sqlite3.Connection = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.db = sqlite3.connect(self.folder / "samples.sqlite")
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute(
            "CREATE TABLE s (bmc INTEGER, at_ms INTEGER, power_w INTEGER, PRIMARY KEY (bmc, at_ms)) WITHOUT ROWID"
        )

    def fill(self, samples: Sequence[Sample]) -> None:
        with self.db:
            self.db.executemany("INSERT INTO s VALUES (1, ?, ?)", [(each.at_ms, each.power_w) for each in samples])

    def fold(self) -> None:
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def tick(self, sample: Sample) -> None:
        self.fill([sample])

    def last(self, count: int) -> list[Sample]:
        rows = self.db.execute("SELECT at_ms, power_w FROM s WHERE bmc = 1 ORDER BY at_ms DESC LIMIT ?", (count,))
        return [Sample(BMC, at_ms, power_w) for at_ms, power_w in rows][::-1]

    def day(self, from_ms: int) -> list[Sample]:
        span = from_ms, from_ms + DAY_MS
        rows = self.db.execute("SELECT at_ms, power_w FROM s WHERE bmc = 1 AND at_ms >= ? AND at_ms < ?", span)
        return [Sample(BMC, at_ms, power_w) for at_ms, power_w in rows]

    def mean_w_by_the_hour(self, to_ms: int) -> list[float]:
        words = "SELECT at_ms / 3600000 AS hour, avg(power_w) FROM s WHERE bmc = 1 AND at_ms < ? GROUP BY hour"
        return [mean_w for _, mean_w in self.db.execute(words, (to_ms,))]

    def close(self) -> None:
        self.db.close()


@dataclass
class VictoriaMetrics:
    folder: Path
    port: int = 0
    server: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.server = subprocess.Popen(
            [
                "victoria-metrics",
                f"-storageDataPath={self.folder}",
                f"-httpListenAddr=127.0.0.1:{self.port}",
                "-retentionPeriod=100y",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            with suppress(urllib.error.URLError):
                self._get("/health")
                return
            time.sleep(0.05)
        raise TimeoutError("victoria-metrics does not answer")

    def _get(self, path: str, data: bytes | None = None) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=120) as answer:
            content: bytes = answer.read()
            return content

    def fill(self, samples: Sequence[Sample]) -> None:
        series = {
            "metric": {"__name__": "powergraph_power_watts", "bmc": BMC},
            "values": [each.power_w for each in samples],
            "timestamps": [each.at_ms for each in samples],
        }
        self._get("/api/v1/import", json.dumps(series).encode())

    def fold(self) -> None:
        self._get("/internal/force_flush")
        self._get("/internal/force_merge")
        while b"vm_active_force_merges 0" not in self._get("/metrics"):
            time.sleep(0.2)

    def tick(self, sample: Sample) -> None:
        self.fill([sample])

    def last(self, count: int) -> list[Sample]:
        from_ms = self.newest_ms - count * STEP_MS - DAY_MS // 24
        return self._export(from_ms, self.newest_ms + DAY_MS)[-count:]

    newest_ms: int = 0

    def day(self, from_ms: int) -> list[Sample]:
        return self._export(from_ms, from_ms + DAY_MS - 1)

    def mean_w_by_the_hour(self, to_ms: int) -> list[float]:
        asked = {
            "query": "avg_over_time(powergraph_power_watts[1h])",
            "start": (BEGIN_MS + HOUR_MS) / 1000 - 0.001,
            "end": to_ms / 1000 - 0.001,
            "step": "1h",
            "nocache": "1",
        }
        found = json.loads(self._get(f"/api/v1/query_range?{urlencode(asked)}"))
        return [float(mean_w) for _, mean_w in found["data"]["result"][0]["values"]]

    def _export(self, from_ms: int, to_ms: int) -> list[Sample]:
        path = f"/api/v1/export?match[]=powergraph_power_watts&start={from_ms / 1000}&end={to_ms / 1000}"
        pairs: list[tuple[int, int]] = []
        for line in self._get(path).splitlines():
            found = json.loads(line)
            pairs += zip(found["timestamps"], found["values"], strict=True)
        return [Sample(BMC, at_ms, int(power_w)) for at_ms, power_w in sorted(pairs)]

    def close(self) -> None:
        self.server.terminate()
        self.server.wait()


@dataclass(frozen=True)
class Figures:
    """What one store took: rates in samples a second, times in ms, sizes in bytes a sample."""

    samples: int
    insert_rate: float
    tick_ms: float
    tail_ms: float
    open_day_ms: float
    closed_day_ms: float
    hours_ms: float
    bytes_a_sample: float
    content_a_sample: float
    memory_mb: float


STORES: Final[dict[str, Callable[[Path], Store]]] = {
    "PowerGraph's": Embedded,
    "TinyDB as it comes": Stock,
    "SQLite, WAL": Sqlite,
    "VictoriaMetrics": VictoriaMetrics,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="days of history (default %(default)s)")
    parser.add_argument(
        "--folder", type=Path, help="where the stores are written (default: the system's temporary files)"
    )
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    stores = dict(STORES)
    if shutil.which("victoria-metrics") is None:
        console.print("VictoriaMetrics is left out: it is not installed (apt install victoria-metrics)")
        del stores["VictoriaMetrics"]
    for jitter_ms, words in ((0, "regular timestamps"), (JITTER_MS, f"timestamps late by up to {JITTER_MS} ms")):
        table = Table(title=f"{given.days} days of one BMC at 10 s, {words}")
        for column in ("store", "samples", "insert, 1/s", "synced tick, ms", f"last {TAIL}, ms"):
            table.add_column(column, justify="left" if column == "store" else "right")
        for column in ("open day, ms", "closed day, ms", "all by the hour, ms"):
            table.add_column(column, justify="right")
        for column in ("bytes a sample", "without rounding", "memory, MB"):
            table.add_column(column, justify="right")
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(words, total=len(stores))
            for name in stores:
                days = min(given.days, STOCK_DAYS) if name.startswith("TinyDB") else given.days
                figures = in_a_process(name, days, jitter_ms, given.folder)
                table.add_row(name, *row(figures))
                progress.advance(task)
        console.print(table)
    console.print("VictoriaMetrics answers before its data is on the disk; its memory is that of the server.")


def row(figures: Figures) -> list[str]:
    return [
        f"{figures.samples:,}",
        f"{figures.insert_rate:,.0f}",
        f"{figures.tick_ms:,.2f}",
        f"{figures.tail_ms:,.2f}",
        f"{figures.open_day_ms:,.1f}",
        f"{figures.closed_day_ms:,.1f}",
        f"{figures.hours_ms:,.1f}",
        f"{figures.bytes_a_sample:,.2f}",
        f"{figures.content_a_sample:,.2f}",
        f"{figures.memory_mb:,.0f}",
    ]


def in_a_process(name: str, days: int, jitter_ms: int, folder: Path | None) -> Figures:
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(name, days, jitter_ms, folder, its))
    process.start()
    its.close()
    try:
        figures: Figures = ours.recv()
    finally:
        process.join()
    return figures


def measure(name: str, days: int, jitter_ms: int, folder: Path | None, answer: Connection) -> None:
    with tempfile.TemporaryDirectory(prefix="powergraph-", dir=folder) as work:
        store = STORES[name](Path(work) / "store")
        try:
            answer.send(_measured(store, days, jitter_ms))
        finally:
            store.close()


def _measured(store: Store, days: int, jitter_ms: int) -> Figures:
    closed, spent_s = 0, 0.0
    for samples in generated(days, jitter_ms):
        spent_s += timed_s(lambda samples=samples: store.fill(samples))  # type: ignore[misc]
        closed += len(samples)
    spent_s += timed_s(store.fold)
    size, content = allocated(store.folder), written(store.folder)
    *_, (*today,) = generated(days + 1, jitter_ms, first=days)
    store.fill(today[:-TICKS])
    if isinstance(store, VictoriaMetrics):
        store.newest_ms = today[-1].at_ms
    ticks_ms = [1000 * timed_s(lambda sample=sample: store.tick(sample)) for sample in today[-TICKS:]]  # type: ignore[misc]
    if isinstance(store, VictoriaMetrics):
        store.fold()  # else the newest are not found yet
    if isinstance(store, Embedded):
        store.publish()
    some_day_ms = BEGIN_MS + (days // 2) * DAY_MS
    assert store.last(TAIL) == today[-TAIL:]
    (expected,) = generated(days // 2 + 1, jitter_ms, first=days // 2)
    assert store.day(some_day_ms) == expected
    end_ms = BEGIN_MS + days * DAY_MS
    hours = store.mean_w_by_the_hour(end_ms)
    assert len(hours) == days * 24
    of_expected = expected[: HOUR_MS // STEP_MS]
    assert isclose(hours[days // 2 * 24], fmean(sample.power_w for sample in of_expected), rel_tol=0.01)
    return Figures(
        closed + len(today),
        closed / spent_s,
        median(ticks_ms[10:]),
        in_ms(lambda: store.last(TAIL)),
        in_ms(lambda: store.day(BEGIN_MS + days * DAY_MS)),
        in_ms(lambda: store.day(some_day_ms)),
        in_ms(lambda: store.mean_w_by_the_hour(end_ms)),
        size / closed,
        content / closed,
        memory_mb(store),
    )


def generated(days: int, jitter_ms: int, first: int = 0) -> Iterator[list[Sample]]:
    """A list of samples a day, always the same."""
    office = Office(seed=1, idle_w=180, peak_w=620)
    for day in range(first, days):
        chance = random.Random(day)
        times = (
            BEGIN_MS + day * DAY_MS + step * STEP_MS + (chance.randint(0, jitter_ms) if jitter_ms else 0)
            for step in range(DAY_MS // STEP_MS)
        )
        yield [Sample(BMC, at_ms, office.watts(at_ms / 1000) or 0) for at_ms in times]


def timed_s(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_ms(work: Callable[[], Any]) -> float:
    return median(1000 * timed_s(work) for _ in range(READS))


def allocated(folder: Path) -> int:
    """Bytes of the disk's blocks that files take."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def written(folder: Path) -> int:
    """Bytes of the files themselves, which the disk rounds up to its blocks."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def memory_mb(store: Store) -> float:
    if isinstance(store, VictoriaMetrics):
        status = Path(f"/proc/{store.server.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
