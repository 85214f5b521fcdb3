"""The room that `fleet.py` measures in: simulated BMCs, settings, processes, and what the system tells of them."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from powergraph_collector.polling.lateness import BOUNDS_S

COLLECTOR: Final = Path(__file__).resolve().parents[1]
SIMULATOR: Final = "from powergraph_collector.commands.simulator import main; main()"
USER, PASSWORD = "admin", "password"
HEALTHY: Final = "node"  # how the names of BMCs begin that are never made awkward
FIRST_PORT: Final = 20_000  # below the ephemeral ports, so that no socket of somebody's sits on one
BMCS_A_SIMULATOR: Final = 5_000
SLOT_S: Final = 0.02  # in which crowds are answered together; one after the other would cost half a core for 5,000
LOGINS_WITHIN_S: Final = 300.0
_SPARE_FILES: Final = 100
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Behaviour:
    """What BMCs of a kind do, as a line of the simulator's config."""

    name: str
    line: str = ""


WELL: Final = Behaviour("well")
REBOOTING: Final = Behaviour("rebooting")
FLOODING: Final = Behaviour("flooding")
AWKWARD: Final = (  # of each twenty BMCs
    Behaviour("silent", 'fault = "silent"\n'),
    Behaviour("silent", 'fault = "silent"\n'),
    Behaviour("slow", 'fault = "slow"\n'),
    REBOOTING,
    Behaviour("busy", "dcmi_code = 0xC0\n"),
    Behaviour("losing packets", "loss = 0.3\n"),
)
_OF: Final = 20


@dataclass(frozen=True)
class Fleet:
    """What each BMC does, and its name; BMCs whose names begin with HEALTHY are well in every fleet of a run."""

    behaviours: tuple[Behaviour, ...]
    names: tuple[str, ...]

    @property
    def well(self) -> int:
        """How many have to answer before anything is measured."""
        return sum(each is WELL for each in self.behaviours)

    @property
    def healthy(self) -> int:
        return sum(name.startswith(HEALTHY) for name in self.names)


def healthy_fleet(count: int) -> Fleet:
    return Fleet((WELL,) * count, tuple(f"{HEALTHY}{index:05d}" for index in range(count)))


def awkward_fleet(count: int) -> Fleet:
    """Six of each twenty are awkward, all over the room, and the first BMC floods."""
    behaviours = [AWKWARD[index % _OF - 1] if 1 <= index % _OF <= len(AWKWARD) else WELL for index in range(count)]
    behaviours[0] = FLOODING
    names = (f"{HEALTHY if each is WELL else 'awkward'}{index:05d}" for index, each in enumerate(behaviours))
    return Fleet(tuple(behaviours), tuple(names))


def raise_file_limit(needed: int) -> None:
    """Open as many files as everybody may; say so and end where that is not enough."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < needed + _SPARE_FILES:
        sys.exit(
            f"{needed} BMCs want {needed + _SPARE_FILES} open files, and the hard limit here is {most}: "
            f"raise it (ulimit -Hn), or give --bmcs {most - _SPARE_FILES}"
        )


def check_ports(count: int) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if FIRST_PORT + count > lowest:
        sys.exit(f"--bmcs {count} wants ports up to {FIRST_PORT + count}, and ephemeral ports begin at {lowest} here")


class Room:
    """Simulators that run until the stack closes."""

    def __init__(self, stack: ExitStack, work: Path, fleet: Fleet, slot_s: float = SLOT_S) -> None:
        self._work = work
        self._slot_s = slot_s
        self._bmcs = bmcs = fleet.behaviours
        self.simulators: list[subprocess.Popen[bytes]] = []
        for first in range(0, len(bmcs), BMCS_A_SIMULATOR):
            config = self._write(first, is_rebooting=False)
            self.simulators.append(started(stack, [sys.executable, "-c", SIMULATOR, "--config", str(config)]))
        program = str(COLLECTOR / "benchmarks/fleet_flooder.py")
        flooders = [
            started(stack, [sys.executable, program, str(FIRST_PORT + index)])
            for index, each in enumerate(bmcs)
            if each is FLOODING
        ]
        time.sleep(2.0 + len(bmcs) / 1000)
        if any(process.poll() is not None for process in (*self.simulators, *flooders)):
            sys.exit(f"the simulator has ended: is somebody else on the ports from {FIRST_PORT} on?")

    def reboot(self) -> None:
        """Let those that reboot lose their sessions now."""
        for number, simulator in enumerate(self.simulators):
            for is_rebooting in (True, False):
                self._write(number * BMCS_A_SIMULATOR, is_rebooting=is_rebooting)
                simulator.send_signal(signal.SIGHUP)
                time.sleep(1.0)

    def cpu_s(self) -> float:
        return sum(cpu_s(simulator.pid) for simulator in self.simulators)

    def _write(self, first: int, *, is_rebooting: bool) -> Path:
        path = self._work / f"simulator{first}.toml"
        blocks = [f"slot_s = {self._slot_s}\n"]
        for index, each in list(enumerate(self._bmcs))[first : first + BMCS_A_SIMULATOR]:
            if each is FLOODING:
                continue  # a program of its own plays it
            fault = 'fault = "reboot"\n' if each is REBOOTING and is_rebooting else each.line
            blocks.append(
                f'[[bmc]]\nname = "bmc{index}"\nport = {FIRST_PORT + index}\nuser = "{USER}"\npassword = "{PASSWORD}"\n'
                f'power = {{kind = "office", seed = {index}, idle_w = 180, peak_w = 620}}\n{fault}'
            )
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text("".join(blocks))
        new.replace(path)
        return path


def settings_file(folder: Path, names: Sequence[str], interval_s: float, extra: str, *, is_published: bool) -> Path:
    """Settings of a service for these BMCs in a folder of its own."""
    folder.mkdir()
    secrets, path = folder / "secrets.toml", folder / "powergraph.toml"
    secrets.touch(mode=0o600)
    secrets.write_text(f'[passwords]\n"*" = "{PASSWORD}"\n')
    published = f'publish = "{folder}/data"\n' if is_published else ""
    bmcs = "".join(
        f'[[bmc]]\nname = "{name}"\nhost = "127.0.0.1"\nport = {FIRST_PORT + index}\nuser = "{USER}"\n'
        for index, name in enumerate(names)
    )
    path.write_text(
        f'name = "benchmark"\nsecrets = "secrets.toml"\ninterval_s = {interval_s}\nstore = "{folder}/powergraph.db"\n'
        f'runtime = "{folder}"\n{published}{extra}{bmcs}'
    )
    return path


def started(
    stack: ExitStack, command: Sequence[str], extra: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A process that is ended with the stack."""
    environment = {**os.environ, "PYTHONPATH": str(COLLECTOR / "src"), **(extra or {})}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    stack.callback(stop, process)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_s(pid: int) -> float:
    """User and system time of all threads of a process and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS_PER_S


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


class Measured:
    """A process of `fleet_program.py`, which tells what it counts."""

    def __init__(self, stack: ExitStack, what: str, config: Path, wrapper: Sequence[str] = ()) -> None:
        self._counts_file = config.with_name("counts.json")
        program = str(COLLECTOR / "benchmarks/fleet_program.py")
        command = [*wrapper, sys.executable, program, what, str(config), str(self._counts_file)]
        self.began_s = time.monotonic()
        self.process = started(stack, command)
        self.pid = self.process.pid

    def counts(self) -> dict[str, Any]:
        """What it has counted by now."""
        self._counts_file.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        deadline_s = time.monotonic() + 30
        while not self._counts_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                sys.exit("what is measured has ended, or does not tell its counts")
            time.sleep(0.002)
        content: dict[str, Any] = json.loads(self._counts_file.read_text())
        return content

    def all_have_answered(self, expected: int) -> float | None:
        """Seconds from the start until so many BMCs had answered once; None if they never did."""
        while not self._counts_file.exists() and self.process.poll() is None:
            time.sleep(0.1)  # without the file, the signal would end it
        while time.monotonic() < self.began_s + LOGINS_WITHIN_S:
            if self.counts()["answered_bmcs"] >= expected:
                return time.monotonic() - self.began_s
            time.sleep(0.25)
        return None


def percentile(classes: Sequence[int], share: float) -> str:
    """The class of a histogram of lateness in which this share of all ticks is reached, in ms."""
    total = sum(classes)
    if not total:
        return "-"
    bounds: Iterator[tuple[float, int]] = zip(BOUNDS_S, accumulate(classes), strict=False)
    for bound_s, reached in bounds:
        if reached >= share * total:
            return f"≤ {bound_s * 1000:g}"
    return f"> {BOUNDS_S[-1] * 1000:g}"
