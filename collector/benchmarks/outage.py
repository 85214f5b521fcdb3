"""What an outage of VictoriaMetrics costs: nothing that was served may be missing afterwards, nothing be there twice.

The service, as it is deployed, reads simulated BMCs and keeps their samples in a VictoriaMetrics of its own. That is
killed and stays away for `--minutes`; meanwhile the service is stopped and started again, and later killed and started
again. When the server is back and the spool empty, every reading that the simulator logged as served is looked for in
the server's raw rows and in the published files. Prints a table, and exits with 1 where something is missing or there
twice.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM, SocketKind, socket
from typing import Final

from rich.console import Console
from rich.table import Table

COLLECTOR: Final = Path(__file__).resolve().parents[1]
SIMULATOR: Final = "from powergraph_collector.commands.simulator import main; main()"
USER, PASSWORD = "powergraph", "a-password"
STOPPED_AT, KILLED_AT = 5 / 12, 8 / 12  # of the outage
IN_FLIGHT_MS: Final = 5_000  # before a kill: what was served then need not have been acknowledged
ANSWERS_WITHIN_MS: Final = 2_000  # after it was logged as served, a reading has its time
LONGEST_CATCHING_UP_S: Final = 1_200.0
POWER: Final = "powergraph_power_watts"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long the server is away (default %(default)s)")
    parser.add_argument("--around", type=float, default=1.5, help="minutes before and after it (default %(default)s)")
    parser.add_argument("--bmcs", type=int, default=20, help="simulated BMCs (default %(default)s)")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between readings (default %(default)s)")
    parser.add_argument("--folder", type=Path, help="where all is written (default: the system's temporary files)")
    given = parser.parse_args()
    if shutil.which("victoria-metrics") is None:
        sys.exit("victoria-metrics is missing: apt install victoria-metrics")
    with tempfile.TemporaryDirectory(prefix="powergraph-outage-", dir=given.folder) as folder, ExitStack() as stack:
        run = Run(Path(folder), stack, given.bmcs, given.interval)
        found = run.through(given.minutes * 60, given.around * 60)
    show(given, found)
    sys.exit(0 if found.is_right else 1)


@dataclass
class Found:
    """What came of it."""

    served: int = 0
    in_flight: int = 0
    missing: int = 0
    strange: int = 0
    twice: int = 0
    kept: int = 0
    series: int = 0
    published: int = 0
    unpublished: int = 0
    spooled: int = 0
    spool_bytes: int = 0
    caught_up_s: float = 0.0
    said: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        return not (self.missing or self.strange or self.twice or self.unpublished) and self.kept > 0


class Run:
    """The three processes, and what happens to them."""

    def __init__(self, work: Path, stack: ExitStack, bmcs: int, interval_s: float) -> None:
        self._work, self._stack = work, stack
        self._names = [f"node{index:04d}" for index in range(bmcs)]
        self._ports = free_ports(SOCK_DGRAM, bmcs)
        [self._server_port] = free_ports(SOCK_STREAM, 1)
        self._began_s = time.monotonic()
        self._killed_at_ms: list[int] = []
        self._write_configs(interval_s)

    def through(self, away_s: float, around_s: float) -> Found:
        found = Found()
        server = self._start_server()
        simulator = self._start([sys.executable, "-c", SIMULATOR, "--config", str(self._work / "simulator.toml")])
        service = self._start_service()
        self._wait(around_s, service)
        self._say("VictoriaMetrics is killed")
        end(server, signal.SIGKILL)
        self._wait(away_s * STOPPED_AT, service)
        self._say("the service is stopped and started again")
        end(service, signal.SIGTERM)
        service = self._start_service()
        self._wait(away_s * (KILLED_AT - STOPPED_AT), service)
        self._say("the service is killed and started again")
        end(service, signal.SIGKILL)
        self._killed_at_ms.append(time.time_ns() // 1_000_000)
        service = self._start_service()
        self._wait(away_s * (1 - KILLED_AT), service)
        found.spool_bytes, found.spooled = self._spooled()
        self._say(f"VictoriaMetrics is started again; {found.spooled} samples wait")
        server, back_s = self._start_server(), time.monotonic()
        last = time.time()
        while any(path.stat().st_mtime < last for path in self._segments()):
            if time.monotonic() - back_s > LONGEST_CATCHING_UP_S:
                sys.exit("the spool does not get empty")
            self._wait(0.5, service)
        found.caught_up_s = time.monotonic() - back_s
        self._say(f"what waited then is forwarded and confirmed after {found.caught_up_s:.0f} s")
        self._wait(around_s, service)
        self._say("the service is stopped")
        end(service, signal.SIGTERM)
        while self._segments():  # what it had not confirmed: another one does, which reads nothing new
            end(simulator, signal.SIGTERM)
            service = self._start_service()
            self._wait(90, service)
            end(service, signal.SIGTERM)
        end(simulator, signal.SIGTERM)
        self._compare(found)
        found.said = (self._work / "service.log").read_text().splitlines()
        return found

    def _compare(self, found: Found) -> None:
        series = [json.loads(line) for line in self._exported().splitlines()]
        stored: Counter[tuple[str, ...]] = Counter()
        for each in series:
            labels = tuple(f"{name}={value}" for name, value in sorted(each["metric"].items()))
            stored.update((*labels, str(at_ms)) for at_ms in each["timestamps"])
        found.series = len(series)
        found.twice = sum(count - 1 for count in stored.values())
        kept: dict[str, list[tuple[int, int]]] = {name: [] for name in self._names}
        for each in series:
            if each["metric"]["__name__"] == POWER:
                kept[each["metric"]["bmc"]] += zip(each["timestamps"], map(int, each["values"]), strict=True)
        served = self._served()
        for name in self._names:
            missing, strange = differences(served[name], sorted(kept[name]))
            in_flight = [at for at in missing if any(0 <= kill - at[0] < IN_FLIGHT_MS for kill in self._killed_at_ms)]
            found.served += len(served[name])
            found.kept += len(kept[name])
            found.in_flight += len(in_flight)
            found.missing += len(missing) - len(in_flight)
            found.strange += len(strange)
            rows = list(self._published(name))
            found.published += len(rows)
            found.unpublished += int(rows != [watts for _, watts in sorted(kept[name])])

    def _exported(self) -> bytes:
        urllib.request.urlopen(f"{self._url}/internal/force_flush").read()
        form = {"match[]": '{__name__=~"powergraph_.+"}', "start": "0", "max_rows_per_line": "10000000"}
        with urllib.request.urlopen(f"{self._url}/api/v1/export", urllib.parse.urlencode(form).encode()) as answer:
            text: bytes = answer.read()
        return text

    def _served(self) -> dict[str, list[tuple[int, int]]]:
        served: dict[str, list[tuple[int, int]]] = {name: [] for name in self._names}
        for line in (self._work / "served.csv").read_text().splitlines():
            name, at_ms, watts = line.split(",")
            served[name].append((int(at_ms), int(watts)))
        return served

    def _published(self, name: str) -> Iterator[int]:
        for path in sorted((self._work / "data/outage" / name).glob("????-??-??.csv")):
            yield from (int(row.partition(",")[2]) for row in path.read_text().splitlines()[1:])

    def _segments(self) -> list[Path]:
        return list((self._work / "powergraph.db.spool").glob("*.jsonl"))

    def _spooled(self) -> tuple[int, int]:
        contents = [path.read_bytes() for path in self._segments()]
        return sum(map(len, contents)), sum(each.count(b"\n") for each in contents)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._server_port}"

    def _start_server(self) -> subprocess.Popen[bytes]:
        process = self._start(
            [
                "victoria-metrics",
                f"-storageDataPath={self._work / 'victoria-metrics'}",
                f"-httpListenAddr=127.0.0.1:{self._server_port}",
                "-retentionPeriod=100y",
                "-loggerLevel=ERROR",
            ]
        )
        for _ in range(600):
            with socket() as connection:
                if not connection.connect_ex(("127.0.0.1", self._server_port)):
                    return process
            time.sleep(0.1)
        sys.exit("victoria-metrics does not answer")

    def _start_service(self) -> subprocess.Popen[bytes]:
        return self._start(
            [sys.executable, str(COLLECTOR / "graph_csv.py"), "--config", str(self._work / "powergraph.toml")]
        )

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(COLLECTOR / "src")}
        with (self._work / "service.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        self._stack.callback(end, process, signal.SIGKILL)
        return process

    def _wait(self, seconds: float, service: subprocess.Popen[bytes]) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            if service.poll() is not None:
                sys.exit(f"the service ended: {(self._work / 'service.log').read_text()}")
            time.sleep(min(0.5, max(0.0, until_s - time.monotonic())))

    def _say(self, what: str) -> None:
        print(f"{(time.monotonic() - self._began_s) / 60:6.1f} min: {what}", flush=True)

    def _write_configs(self, interval_s: float) -> None:
        bmcs = list(zip(self._names, self._ports, strict=True))
        simulator, secrets = self._work / "simulator.toml", self._work / "secrets.toml"
        for path in (simulator, secrets):
            path.touch(mode=0o600)
        secrets.write_text(f'[passwords]\n"*" = "{PASSWORD}"\n')
        simulator.write_text(
            'served_log = "served.csv"\n'
            + "".join(
                f'[[bmc]]\nname = "{name}"\nport = {port}\nuser = "{USER}"\npassword = "{PASSWORD}"\n'
                f'power = {{kind = "office", seed = {port}, idle_w = 180, peak_w = 60000}}\n'
                for name, port in bmcs
            )
        )
        (self._work / "powergraph.toml").write_text(
            f'name = "outage"\nsecrets = "secrets.toml"\ninterval_s = {interval_s}\nhistory = "victoriametrics"\n'
            f'store = "{self._work}/powergraph.db"\npublish = "{self._work}/data"\nruntime = "{self._work}"\n'
            f'[victoriametrics]\nurl = "{self._url}"\n'
            + "".join(
                f'[[bmc]]\nname = "{name}"\nhost = "127.0.0.1"\nport = {port}\nuser = "{USER}"\n' for name, port in bmcs
            )
        )


def differences(
    served: Sequence[tuple[int, int]], kept: Sequence[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Readings served that no sample is of, and samples that are of no reading; both ascend."""
    missing, index = [], 0
    strange = []
    for reading in served:
        while index < len(kept) and kept[index][0] < reading[0]:
            strange.append(kept[index])
            index += 1
        if index < len(kept) and kept[index][1] == reading[1] and kept[index][0] - reading[0] < ANSWERS_WITHIN_MS:
            index += 1
        else:
            missing.append(reading)
    return missing, strange + list(kept[index:])


def free_ports(kind: SocketKind, count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket(type=kind)) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in taken]


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(how)
        process.wait(120)


def show(given: argparse.Namespace, found: Found) -> None:
    console = Console()
    table = Table(
        title=f"{given.minutes:g} minutes without VictoriaMetrics: {given.bmcs} BMCs every {given.interval:g} s"
    )
    table.add_column("")
    table.add_column("", justify="right")
    for what, count in (
        ("readings served", f"{found.served:,}"),
        ("of them under way when the service was killed, never acknowledged", f"{found.in_flight:,}"),
        ("samples in VictoriaMetrics", f"{found.kept:,}"),
        ("readings served, and missing there", f"{found.missing:,}"),
        ("samples there that nobody served", f"{found.strange:,}"),
        ("rows there twice, of all series", f"{found.twice:,}"),
        ("rows published", f"{found.published:,}"),
        ("BMCs whose published rows are others", f"{found.unpublished:,}"),
        ("samples that waited in the spool", f"{found.spooled:,}"),
        ("the spool, MB", f"{found.spool_bytes / 1e6:.1f}"),
        ("s until they were forwarded and confirmed", f"{found.caught_up_s:.0f}"),
    ):
        table.add_row(what, count)
    console.print(table)
    print("What the service said:")
    print("\n".join(f"  {line}" for line in found.said))


if __name__ == "__main__":
    main()
