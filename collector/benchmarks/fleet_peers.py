"""Other programs that read the same BMCs, each at the rate that it sustains on all cores, for some seconds."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fleet_room import FIRST_PORT, PASSWORD, USER, cpu_s, started

FAN_OUT: Final = 64  # FreeIPMI's own default
SCRAPES_AT_A_TIME: Final = 8
PROCESSES_AT_A_TIME: Final = 4
EXPORTER_PORT: Final = 19_290
STUB: Final = "0\n  unknown\n"
_LIMIT_S: Final = 60
_TRIED: Final = re.compile(r"(\d+) of \d+; (\d+) us a reading.*at most (\d+) ms late")


@dataclass(frozen=True)
class Rate:
    """What a peer did: readings, the CPU of all its processes, the time that it took."""

    name: str
    readings: int
    cpu_s: float
    elapsed_s: float
    latest_ms: int | None = None

    @property
    def a_second(self) -> float:
        return self.readings / self.elapsed_s

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / max(1, self.readings) * 1e6


@dataclass(frozen=True)
class Peers:
    """Lets the peers that are on this machine read `bmcs` BMCs for `seconds` each."""

    work: Path
    bmcs: int
    seconds: float

    def all(self, missing: Callable[[str], None]) -> list[Rate]:
        """Their rates; `missing` is told in a sentence who is not there."""
        rates = []
        for program, package, measure in (
            ("ipmitool", "ipmitool", self.ipmitool),
            ("ipmitool", "ipmitool", self.stubbed_ipmitool),
            ("ipmi-dcmi", "freeipmi-tools", self.ipmi_dcmi),
            ("prometheus-ipmi-exporter", "prometheus-ipmi-exporter", self.exporter),
        ):
            path = shutil.which(program)
            if path is None:
                missing(f"{program} is left out: it is not on this machine (apt install {package}).")
            else:
                rates.append(measure(path))
        return rates

    def ipmitool(self, path: str) -> Rate:
        return self._ipmitool(f"ipmitool, {PROCESSES_AT_A_TIME} processes", path, self.work / "home")

    def stubbed_ipmitool(self, path: str) -> Rate:
        """The same with a stub for the vendor file of 4.7 MB that it parses at every start."""
        home = self.work / "stubbed"
        folder = home / ".local/usr/share/misc"
        folder.mkdir(parents=True)
        for name in ("enterprise-numbers", "enterprise-numbers.txt"):  # Debian's name for it ends in .txt
            (folder / name).write_text(STUB)
        return self._ipmitool("… vendor file stubbed", path, home)

    def _ipmitool(self, name: str, path: str, home: Path) -> Rate:
        home.mkdir(exist_ok=True)
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(home), "IPMI_PASSWORD": PASSWORD}
        options = ["-I", "lanplus", "-H", "127.0.0.1", "-U", USER, "-E", "-L", "USER", "-C", "17", "-N", "1", "-R", "1"]

        def read(number: int) -> int:
            port = str(FIRST_PORT + number % self.bmcs)
            command = [path, *options, "-p", port, "dcmi", "power", "reading"]
            return _output(command, environment).count("Instantaneous power reading")

        return self._many(name, read, PROCESSES_AT_A_TIME)

    def ipmi_dcmi(self, path: str) -> Rate:
        """A process for all BMCs, which reads so many at a time; all of them again and again."""
        config = self._secret(
            "freeipmi.conf",
            f"username {USER}\npassword {PASSWORD}\ndriver-type LAN_2_0\nprivilege-level USER\ncipher-suite-id 17\n",
        )
        hosts = f"127.0.0.1:[{FIRST_PORT}-{FIRST_PORT + self.bmcs - 1}]"
        command = [path, f"--config-file={config}", "-h", hosts, "-F", str(FAN_OUT), "--get-system-power-statistics"]
        return self._many(
            f"ipmi-dcmi, -F {FAN_OUT}", lambda number: _output(command, None).count("Current Power"), workers=1
        )

    def exporter(self, path: str) -> Rate:
        """The exporter, asked for one BMC after the other as Prometheus asks it, some at a time."""
        config = self._secret(
            "exporter.yml",
            f"modules:\n  default:\n    user: {USER}\n    pass: {PASSWORD}\n    driver: LAN_2_0\n    privilege: user\n"
            "    timeout: 10000\n    collectors: [dcmi]\n",
        )
        listen = f"127.0.0.1:{EXPORTER_PORT}"
        command = [path, f"--config.file={config}", f"--web.listen-address={listen}", "--log.level=error"]
        with ExitStack() as stack:
            process = started(stack, command)
            time.sleep(1.0)

            def read(number: int) -> int:
                target = f"127.0.0.1:{FIRST_PORT + number % self.bmcs}"
                url = f"http://{listen}/ipmi?target={target}&module=default"
                with urllib.request.urlopen(url, timeout=_LIMIT_S) as answer:
                    return int(b"\nipmi_dcmi_power_consumption_watts" in answer.read())

            before_s = cpu_s(process.pid)  # its children's too, which it waits for
            rate = self._many(f"prometheus-ipmi-exporter, {SCRAPES_AT_A_TIME} at a time", read, SCRAPES_AT_A_TIME)
            used_s = cpu_s(process.pid) - before_s
        return Rate(rate.name, rate.readings, used_s, rate.elapsed_s)

    def _many(self, name: str, read: Callable[[int], int], workers: int) -> Rate:
        """Read from some threads until the time is over; `read` gets a number of its own and returns its readings.

        Besides the processes that were waited for, nothing runs here: their CPU is that of this process's children.
        """
        before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()

        def work(worker: int) -> int:
            readings, number = 0, worker
            while time.monotonic() < began_s + self.seconds:
                readings += read(number)
                number += workers
            return readings

        with ThreadPoolExecutor(workers) as pool:
            readings = sum(pool.map(work, range(workers)))
        after, elapsed_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began_s
        if not readings:
            sys.exit(f"{name} gave no reading")
        used_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return Rate(name, readings, used_s, elapsed_s)

    def _secret(self, name: str, content: str) -> Path:
        path = self.work / name
        path.touch(mode=0o600)
        path.write_text(content)
        return path


def trial(program: Path, bmcs: int, seconds: float, interval_s: float) -> Rate:
    """Run a program that reads as we do: it gets N SECONDS INTERVAL FIRST_PORT and prints its CPU a reading.

    Its line is `ANSWERS of ASKED; CPU us a reading, … at most MS ms late`; its logins are in none of it.
    """
    arguments = [str(bmcs), f"{seconds:g}", f"{interval_s:g}", str(FIRST_PORT)]
    printed = _output([sys.executable, str(program), *arguments], None, limit_s=300 + seconds)
    found = _TRIED.search(printed)
    if found is None:
        sys.exit(f"{program} gave no figure: {printed[-300:]}")
    readings, cpu_us, latest_ms = map(int, found.groups())
    return Rate(f"the trial {program.name}", readings, readings * cpu_us / 1e6, seconds, latest_ms)


def _output(command: Sequence[str], environment: dict[str, str] | None, limit_s: float = _LIMIT_S * 5) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=limit_s)
    return done.stdout if done.stdout else done.stderr
