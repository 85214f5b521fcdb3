"""A real VictoriaMetrics of Debian's package, on a free loopback port, for tests."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path
from socket import socket


def free_port() -> int:
    with socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class VictoriaServer:
    """Starts, stops and kills one server, which keeps its data and its port in between."""

    def __init__(self, folder: Path, *options: str, scheme: str = "http") -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> VictoriaServer:
        self._process = subprocess.Popen(
            [
                "victoria-metrics",
                f"-storageDataPath={self.folder}",
                f"-httpListenAddr=127.0.0.1:{self.port}",
                "-loggerLevel=ERROR",
                *(self._options or ["-retentionPeriod=100y"]),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(1200):
            try:
                with socket() as connection:
                    connection.connect(("127.0.0.1", self.port))
                return self
            except OSError:
                assert self._process.poll() is None, "victoria-metrics did not start"
                time.sleep(0.05)
        raise AssertionError("victoria-metrics does not listen")

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        """Let everything that it took be seen."""
        urllib.request.urlopen(f"{self.url}/internal/force_flush").read()

    def stored(self, metric: str = "powergraph_power_watts") -> Counter[tuple[str, int]]:
        """How often a BMC has a point at a time: raw rows, twins included."""
        self.flush()
        fields = urllib.parse.urlencode({"match[]": metric, "start": 0, "end": 4_102_444_800})
        answer = urllib.request.urlopen(f"{self.url}/api/v1/export", fields.encode()).read()
        rows: Counter[tuple[str, int]] = Counter()
        for line in answer.splitlines():
            series = json.loads(line)
            rows.update((series["metric"]["bmc"], at_ms) for at_ms in series["timestamps"])
        return rows
