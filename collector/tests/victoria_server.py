"""Real VictoriaMetrics and vmauth of Debian's package, on free loopback ports, for tests."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from threading import Thread


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
        wait_until_it_listens(self.port, self._process)
        return self

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


class Stand:
    """In the place of a cluster's vminsert or vmselect, in front of a single server, whose data it shows at once.

    Debian has no cluster. What this knows of one is the path with the tenant in it, which it takes off.
    """

    def __init__(self, path: str, server: VictoriaServer) -> None:
        self.port = free_port()
        self._path = path
        self._server = server
        self._running: ThreadingHTTPServer | None = None

    def start(self) -> Stand:
        path, server = self._path, self._server

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, text = 404, b"unsupported path"
                if self.path.startswith(path):
                    server.flush()
                    with urllib.request.urlopen(server.url + self.path.removeprefix(path), body) as answer:
                        status, text = answer.status, answer.read()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments: object) -> None:
                pass

        self._running = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        Thread(target=self._running.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._running is not None:
            self._running.shutdown()
            self._running.server_close()
            self._running = None


class VmAuth:
    """A real vmauth of Debian's package, with TLS and one user, in front of what takes and what gives."""

    def __init__(self, folder: Path, user: str, password: str, insert: Stand, select: Stand) -> None:
        folder.mkdir()
        self.port = free_port()
        self.ca = folder / "ca.pem"
        certificate(self.ca, folder / "key.pem")
        routes = "".join(
            f'  - {{src_paths: ["{path}/.+"], url_prefix: "http://127.0.0.1:{stand.port}"}}\n'
            for path, stand in (("/insert/0/prometheus", insert), ("/select/0/prometheus", select))
        )
        config = folder / "vmauth.yml"
        config.write_text(f'users:\n- username: "{user}"\n  password: "{password}"\n  url_map:\n{routes}')
        self._process = subprocess.Popen(
            [
                "vmauth",
                f"-auth.config={config}",
                f"-httpListenAddr=127.0.0.1:{self.port}",
                "-tls",
                f"-tlsCertFile={self.ca}",
                f"-tlsKeyFile={folder / 'key.pem'}",
                "-loggerLevel=ERROR",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until_it_listens(self.port, self._process)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def certificate(path: Path, key: Path) -> None:
    """Write a certificate of 127.0.0.1, which is its own CA."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=powergraph test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", path],
        check=True,
        capture_output=True,
    )  # fmt: skip


def wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1200):
        try:
            with socket() as connection:
                connection.connect(("127.0.0.1", port))
            return
        except OSError:
            assert process.poll() is None, f"{process.args!r} did not start"
            time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not listen")
