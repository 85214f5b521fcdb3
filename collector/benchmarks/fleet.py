"""PowerGraph and other readers on the same simulated BMCs, in one run on one machine, as one table.

Each reads at the rate that it sustains: PowerGraph and the trial at the interval that is given, all others as fast as
they can. With --isolation, the service reads one fleet twice instead: healthy, and with a third of it awkward.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from fleet_peers import Peers, Rate, trial
from fleet_room import (
    Fleet,
    Measured,
    Room,
    awkward_fleet,
    check_ports,
    cpu_s,
    healthy_fleet,
    percentile,
    raise_file_limit,
    resident_mb,
    settings_file,
)

DATABASE_PORT: Final = 19_291
SETTLING_S: Final = 7.5  # a round of publishing and a half, after the last login
REBOOT_EVERY_S: Final = 10.0
SYNCS: Final = "fsync,fdatasync,sync_file_range,syncfs,msync"


@dataclass(frozen=True)
class Part:
    """A part of PowerGraph that is measured as a process of its own."""

    name: str
    program: str
    is_published: bool = False


ALONE: Final = Part("polled alone", "polling")
STORED: Final = Part("polled and stored", "service")
ALL_IN: Final = Part("polled, stored and published", "service", is_published=True)


@dataclass(frozen=True)
class Window:
    """What a part did in the seconds in which it was measured; `counted` are differences of its counts."""

    name: str
    elapsed_s: float
    cpu_s: float
    database_cpu_s: float
    memory_mb: float
    counted: dict[str, Any]

    @property
    def readings(self) -> int:
        return int(self.counted["answers"])

    @property
    def cpu_us(self) -> float:
        return (self.cpu_s + self.database_cpu_s) / max(1, self.readings) * 1e6


class Bench:
    """One run: what was given, where its files are, and the table's console."""

    def __init__(self, given: argparse.Namespace, work: Path, console: Console) -> None:
        self.given = given
        self.work = work
        self.console = console

    def measure(self, part: Part, room: Room, fleet: Fleet) -> Window:
        """Start a part, wait until all that can have answered, and measure it at work."""
        given = self.given
        with ExitStack() as stack:
            server = self._database(stack) if part.program == "service" else None
            measured = self._started(stack, part, fleet)
            first_logins_s = measured.all_have_answered(fleet.well)
            time.sleep(SETTLING_S)
            processes = [process.pid for process in (measured.process, server) if process is not None]
            before, began_s = measured.counts(), time.monotonic()
            used_s, simulated_s = [cpu_s(pid) for pid in processes], room.cpu_s()
            while time.monotonic() < began_s + given.seconds:
                if given.isolation:  # of a healthy fleet nobody does, but the simulator has the same to do
                    room.reboot()
                time.sleep(min(REBOOT_EVERY_S, max(0.0, began_s + given.seconds - time.monotonic())))
            after, elapsed_s = measured.counts(), time.monotonic() - began_s  # in the order in which it began
            used_s = [cpu_s(pid) - former for pid, former in zip(processes, used_s, strict=True)]
            simulated_s = room.cpu_s() - simulated_s
            memory_mb = resident_mb(measured.pid)
        counted = {name: _difference(after[name], before[name]) for name in after}
        window = Window(part.name, elapsed_s, used_s[0], sum(used_s[1:]), memory_mb, counted)
        logins = "more than 300" if first_logins_s is None else f"{first_logins_s:.1f}"
        database = f"the database took {window.database_cpu_s / elapsed_s:.0%} of a core, " if server else ""
        self.console.print(
            f"{part.name}: {logins} s from the start until all had answered; in {elapsed_s:.0f} s {window.readings:,} "
            f"readings, {counted['failures']:,} failures, {counted['skipped']:,} skipped, {counted['stored']:,} "
            f"samples stored; {window.cpu_us:.0f} µs a reading, p99 lateness "
            f"{percentile(counted['lateness'], 0.99)} ms, {memory_mb:.0f} MB; "
            f"{database}the simulator, in none of the figures, {simulated_s / elapsed_s:.0%}."
        )
        return window

    def syncs_a_second(self, fleet: Fleet) -> float | None:
        """Syncs of the whole service, in a run of their own: being watched costs what CPU and lateness would show."""
        strace = shutil.which("strace")
        if strace is None:
            self.console.print("Syncs are left out: strace is not on this machine (apt install strace).")
            return None
        told = self.work / "syncs"
        wrapper = [strace, "-D", "-f", "-qq", "--seccomp-bpf", "-e", f"trace={SYNCS}", "-e", "signal=none"]
        with ExitStack() as stack:
            self._database(stack)
            measured = self._started(stack, ALL_IN, fleet, [*wrapper, "-o", str(told)])
            measured.all_have_answered(fleet.well)
            time.sleep(SETTLING_S)
            before, began_s = _lines(told), time.monotonic()
            time.sleep(self.given.seconds)
            return (_lines(told) - before) / (time.monotonic() - began_s)

    def _started(self, stack: ExitStack, part: Part, fleet: Fleet, wrapper: Sequence[str] = ()) -> Measured:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="part-", dir=self.work)))
        url = f'history = "victoriametrics"\n[victoriametrics]\nurl = "http://127.0.0.1:{DATABASE_PORT}"\n'
        extra = url if self.given.history == "victoriametrics" and part.program == "service" else ""
        config = settings_file(
            folder / "settings", fleet.names, self.given.interval, extra, is_published=part.is_published
        )
        if part.is_published and self.given.history == "tinydb":
            stack.callback(self._compare, part, config.parent)  # when the service has ended
        return Measured(stack, part.program, config, wrapper)

    def _compare(self, part: Part, folder: Path) -> None:
        """Say so if not all that was stored is published; a line of a store or of a day is a sample."""
        store = [path for path in (folder / "powergraph.db").glob("*/*.jsonl") if ".events" not in path.name]
        days = list((folder / "data").glob("*/*/????-??-??.csv"))
        stored, published = sum(map(_lines, store)), sum(map(_lines, days)) - len(days)  # each with its header
        if stored != published:
            self.console.print(f"{part.name}: {stored:,} samples are stored, and {published:,} published.")

    def _database(self, stack: ExitStack) -> subprocess.Popen[bytes] | None:
        """An empty VictoriaMetrics that ends with the stack, where the history is to be one."""
        if self.given.history != "victoriametrics":
            return None
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="database-", dir=self.work))
        listen = f"127.0.0.1:{DATABASE_PORT}"
        command = ["victoria-metrics", f"-storageDataPath={folder}", f"-httpListenAddr={listen}"]
        process = subprocess.Popen([*command, "-loggerLevel=ERROR", "-retentionPeriod=100y"])
        stack.callback(process.wait, 60)
        stack.callback(process.terminate)
        for _ in range(100):
            try:
                with urllib.request.urlopen(f"http://{listen}/health", timeout=1):
                    return process
            except OSError:
                time.sleep(0.1)
        sys.exit("victoria-metrics does not answer")


def main() -> None:
    given = _arguments()
    console = Console(width=max(140, Console().width))
    if given.history == "victoriametrics" and shutil.which("victoria-metrics") is None:
        sys.exit("victoria-metrics is missing: apt install victoria-metrics")
    check_ports(given.bmcs)
    raise_file_limit(given.bmcs)
    with tempfile.TemporaryDirectory(prefix="powergraph-", dir=given.folder) as folder:
        bench = Bench(given, Path(folder), console)
        _isolation(bench) if given.isolation else _side_by_side(bench)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bmcs", type=int, default=1000, help="simulated BMCs (default %(default)s)")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between readings (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each is measured (default %(default)s)")
    parser.add_argument("--peer-seconds", type=float, default=10.0, help="… of the others (default %(default)s)")
    parser.add_argument("--history", choices=("tinydb", "victoriametrics"), default="tinydb", help="the engine")
    parser.add_argument("--isolation", action="store_true", help="one fleet healthy, and with awkward BMCs among it")
    parser.add_argument("--trial", type=Path, metavar="PATH", help="a program to be measured beside, see docs")
    parser.add_argument("--no-peers", action="store_true", help="leave the others out")
    parser.add_argument("--no-syncs", action="store_true", help="leave out the run in which syncs are counted")
    parser.add_argument("--folder", type=Path, help="where stores are written (default: the system's temporary files)")
    return parser.parse_args()


def _side_by_side(bench: Bench) -> None:
    given, console = bench.given, bench.console
    fleet = healthy_fleet(given.bmcs)
    with ExitStack() as stack:
        room = Room(stack, bench.work, fleet)
        tried = trial(given.trial, given.bmcs, given.seconds, given.interval) if given.trial else None
        windows = [bench.measure(part, room, fleet) for part in (ALONE, STORED, ALL_IN)]
        syncs = None if given.no_syncs else bench.syncs_a_second(fleet)
    rates = []
    if not given.no_peers:
        with ExitStack() as stack:
            Room(stack, bench.work, fleet, slot_s=0.0)  # they wait for each answer of a login, and would for each slot
            rates = Peers(bench.work, given.bmcs, given.peer_seconds).all(console.print)
    _show(bench, windows, syncs, tried, rates)


def _show(bench: Bench, windows: list[Window], syncs: float | None, tried: Rate | None, rates: list[Rate]) -> None:
    given, all_in = bench.given, windows[-1]
    base_us = tried.cpu_us if tried else windows[0].cpu_us
    title = f"{given.bmcs:,} simulated BMCs every {given.interval:g} s, {given.history}"
    columns = ("readings/s", "CPU, µs", "ratio", "core", "late: p50, ms", "p99", "max", "skipped", "MB", "syncs/s")
    table = _table(title, columns)
    if tried:
        late = ("-", "-", f"{tried.latest_ms}")
        table.add_row(tried.name, *_cost(tried.a_second, tried.cpu_us, base_us), *late, "-", "-", "-")
    for window in windows:
        synced = f"{syncs:,.1f}" if window is all_in and syncs is not None else "-"
        table.add_row(
            window.name,
            *_cost(window.readings / window.elapsed_s, window.cpu_us, base_us),
            *_lateness(window),
            f"{window.counted['skipped']:,}",
            f"{window.memory_mb:.0f}",
            synced,
        )
    for rate in rates:
        table.add_row(rate.name, *_cost(rate.a_second, rate.cpu_us, base_us), *["-"] * 6)
    bench.console.print(table)


def _isolation(bench: Bench) -> None:
    """The service over a fleet, once healthy and once awkward; the healthy ones are the same in both."""
    awkward = awkward_fleet(bench.given.bmcs)
    healthy = replace(healthy_fleet(bench.given.bmcs), names=awkward.names)
    table = _table(
        f"{bench.given.bmcs:,} simulated BMCs every {bench.given.interval:g} s; "
        f"{awkward.healthy:,} of them are healthy in both rows",
        ("answers of the healthy/s", "late: p50, ms", "p99", "max", "skipped", "failures", "CPU, core"),
    )
    for name, fleet in (("all healthy", healthy), ("a third awkward, one flooding", awkward)):
        with ExitStack() as stack:
            room = Room(stack, bench.work, fleet)
            window = bench.measure(ALL_IN, room, fleet)
        counted = window.counted
        table.add_row(
            name,
            f"{counted['healthy_reads'] / window.elapsed_s:,.1f}",
            *_lateness(window),
            f"{counted['skipped']:,}",
            f"{counted['failures']:,}",
            f"{window.cpu_s / window.elapsed_s:.0%}",
        )
    bench.console.print(table)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _cost(a_second: float, cpu_us: float, base_us: float) -> tuple[str, str, str, str]:
    return f"{a_second:,.0f}", f"{cpu_us:,.0f}", f"{cpu_us / base_us:,.2f}", f"{a_second * cpu_us / 1e6:.0%}"


def _lateness(window: Window) -> list[str]:
    return [percentile(window.counted["lateness"], share) for share in (0.5, 0.99, 1.0)]


def _difference(after: Any, before: Any) -> Any:
    if isinstance(after, list):
        return [later - sooner for later, sooner in zip(after, before, strict=True)]
    return after - before


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


if __name__ == "__main__":
    main()
