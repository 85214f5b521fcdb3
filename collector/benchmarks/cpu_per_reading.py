"""CPU of a reading that is polled, stored and published, beside that of an ipmitool process a reading.

One run, one machine, the same simulated BMCs for all. Prints a table; `--help` tells what can be changed.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

COLLECTOR: Final = Path(__file__).resolve().parents[1]
SIMULATOR: Final = "from powergraph_collector.commands.simulator import main; main()"
USER, PASSWORD = "powergraph", "a-password"
FIRST_PORT: Final = 46_230
PUBLISHING_S: Final = 5.0  # the window is a multiple of it, so that it holds whole rounds of publishing
STUB: Final = "0\n  unknown\n"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU seconds, user and system, and the readings that they bought."""

    cpu_s: float
    readings: int

    @property
    def us(self) -> float:
        return self.cpu_s / self.readings * 1e6


@dataclass(frozen=True)
class Window:
    """What was measured of the service and of the simulator in the same seconds."""

    elapsed_s: float
    service: Cost
    simulator: Cost
    resident_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bmcs", type=int, default=500, help="simulated BMCs (default %(default)s)")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between readings (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of publishing, 5 s each (default %(default)s)")
    parser.add_argument("--runs", type=int, default=50, help="runs of ipmitool of each kind (default %(default)s)")
    parser.add_argument(
        "--folder", type=Path, help="where the store is written (default: the system's temporary files)"
    )
    given = parser.parse_args()
    ipmitool = shutil.which("ipmitool")
    if ipmitool is None:
        sys.exit("ipmitool is missing: apt install ipmitool")
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="powergraph-", dir=given.folder)))
        simulator = start(stack, ["-c", SIMULATOR, "--config", str(simulator_config(work, given.bmcs))])
        config = service_config(work, given.bmcs, given.interval)
        service = start(stack, [str(COLLECTOR / "graph_csv.py"), "--config", str(config)])
        wait_until_all_are_published(service, work, given.bmcs)
        window = measure_service(service, simulator, work, given.rounds * PUBLISHING_S)
        shipped = measure_ipmitool(ipmitool, work / "home", given.runs)
        stub_vendors(work / "stubbed")
        stubbed = measure_ipmitool(ipmitool, work / "stubbed", given.runs)
    show(given, window, shipped, stubbed)


def start(stack: ExitStack, arguments: list[str]) -> subprocess.Popen[bytes]:
    """A Python process of the collector's, which is ended with the stack."""
    environment = {**os.environ, "PYTHONPATH": str(COLLECTOR / "src")}
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    stack.callback(stop, process)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def simulator_config(work: Path, count: int) -> Path:
    path = work / "simulator.toml"
    bmcs = "".join(
        f'[[bmc]]\nname = "node{index:04d}"\nport = {FIRST_PORT + index}\nuser = "{USER}"\npassword = "{PASSWORD}"\n'
        f'power = {{kind = "office", seed = {index}, idle_w = 180, peak_w = 620}}\n'
        for index in range(count)
    )
    path.touch(mode=0o600)
    path.write_text(f'served_log = "served.csv"\n{bmcs}')
    return path


def service_config(work: Path, count: int, interval_s: float) -> Path:
    secrets, path = work / "secrets.toml", work / "powergraph.toml"
    secrets.touch(mode=0o600)
    secrets.write_text(f'[passwords]\n"*" = "{PASSWORD}"\n')
    bmcs = "".join(
        f'[[bmc]]\nname = "node{index:04d}"\nhost = "127.0.0.1"\nport = {FIRST_PORT + index}\nuser = "{USER}"\n'
        for index in range(count)
    )
    path.write_text(
        f'name = "benchmark"\nsecrets = "secrets.toml"\ninterval_s = {interval_s}\n'
        f'store = "{work}/powergraph.db"\npublish = "{work}/data"\nruntime = "{work}"\n{bmcs}'
    )
    return path


def wait_until_all_are_published(service: subprocess.Popen[bytes], work: Path, count: int) -> None:
    """Return a round after every BMC's day was first published: all logins are over, and all files made."""
    deadline = time.monotonic() + 300
    while len(rows(work / "data")) < count:
        if service.poll() is not None or time.monotonic() > deadline:
            sys.exit("the service does not collect")
        time.sleep(0.5)
    time.sleep(1.5 * PUBLISHING_S)  # and not at a round's very beginning


def measure_service(
    service: subprocess.Popen[bytes], simulator: subprocess.Popen[bytes], work: Path, seconds: float
) -> Window:
    """Measure the service at work, then end it and make sure that all that is stored is published."""
    before = at(work, service, simulator)
    time.sleep(seconds)
    after = at(work, service, simulator)
    resident_mb = resident_of(service.pid)
    stop(service)
    kept, shown = sum(samples(work).values()), sum(rows(work / "data").values())
    if kept != shown:
        sys.exit(f"{kept} samples are stored and {shown} published")
    elapsed_s, service_s, simulator_s, stored, served = (
        later - sooner for sooner, later in zip(before, after, strict=True)
    )
    return Window(elapsed_s, Cost(service_s, int(stored)), Cost(simulator_s, int(served)), resident_mb)


def at(
    work: Path, service: subprocess.Popen[bytes], simulator: subprocess.Popen[bytes]
) -> tuple[float, float, float, int, int]:
    """Now: time, CPU of the two processes, samples stored, readings served."""
    times = time.monotonic(), cpu_s(service.pid), cpu_s(simulator.pid)
    return *times, sum(samples(work).values()), lines(work / "served.csv")


def cpu_s(pid: int) -> float:
    """User and system time of all threads of a process and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS_PER_S


def resident_of(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def samples(work: Path) -> dict[Path, int]:
    """Lines by table of samples; a line of the store is a sample."""
    return counted(path for path in (work / "powergraph.db").glob("*/*.jsonl") if ".events" not in path.name)


def rows(root: Path) -> dict[Path, int]:
    """Samples by day file that the page reads."""
    return {path: count - 1 for path, count in counted(root.glob("*/*/????-??-??.csv")).items()}


def counted(paths: Iterable[Path]) -> dict[Path, int]:
    return {path: lines(path) for path in paths}


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def stub_vendors(home: Path) -> None:
    """Stand in for the vendor file of 4.7 MB that ipmitool parses at every start; Debian's name for it ends in .txt."""
    folder = home / ".local/usr/share/misc"
    folder.mkdir(parents=True)
    for name in ("enterprise-numbers", "enterprise-numbers.txt"):
        (folder / name).write_text(STUB)


def measure_ipmitool(program: str, home: Path, runs: int) -> Cost:
    """A process a reading, as a loop in a shell script has it; the first run, which warms caches, is not counted."""
    home.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(home), "IPMI_PASSWORD": PASSWORD}
    command = [program, "-I", "lanplus", "-H", "127.0.0.1", "-U", USER, "-E", "-L", "USER", "-C", "17"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for run in range(-1, runs):
        if run == 0:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [*command, "-p", str(FIRST_PORT + max(0, run) % 50), "-N", "1", "-R", "1", "dcmi", "power", "reading"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        if "Instantaneous power reading" not in done.stdout:
            sys.exit(f"ipmitool gave no reading: {done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, runs)


def show(given: argparse.Namespace, window: Window, shipped: Cost, stubbed: Cost) -> None:
    console = Console()
    table = Table(title=f"CPU of a reading: polled, stored, published; {given.bmcs} simulated BMCs")
    for column in ("", "readings", "CPU, µs", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    for name, cost in (
        (f"the service, every {given.interval:g} s", window.service),
        ("ipmitool, as Debian ships it", shipped),
        ("ipmitool, vendor file stubbed", stubbed),
    ):
        ratio = f"{cost.us / window.service.us:.0f}" if cost is not window.service else "1"
        table.add_row(name, f"{cost.readings:,}", f"{cost.us:,.0f}", ratio)
    console.print(table)
    share = window.simulator.cpu_s / window.elapsed_s
    console.print(
        f"Service: {window.service.cpu_s / window.elapsed_s:.1%} of a core for "
        f"{window.service.readings / window.elapsed_s:,.0f} readings a second; {window.resident_mb:.0f} MB resident.\n"
        f"Simulator, a process of its own, in none of the figures above: {window.simulator.us:.0f} µs a reading, "
        f"{share:.1%} of a core; it could serve {1 / share:.0f} times as much, so it is not the bottleneck."
    )


if __name__ == "__main__":
    main()
