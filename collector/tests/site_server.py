"""A web server for published files as Apache serves them: compressed twins, a clock of its own, faults on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time


@dataclass
class WebSite:
    """A site below `/powergraph`: its folder of published files, what was asked, answers that replace files."""

    folder: Path
    collectors: list[str]
    url: str = ""
    ahead_s: float = 0
    asked: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def content(self, path: str, takes_gzip: bool) -> tuple[int, bytes, bool]:
        if path in self.answers:
            return (*self.answers[path], False)
        if path == "site.json":
            return 200, json.dumps({"collectors": self.collectors}).encode(), False
        file = self.folder / path.removeprefix("data/")
        twin = file.with_name(f"{file.name}.gz")
        if takes_gzip and twin.is_file():
            return 200, twin.read_bytes(), True
        return (200, file.read_bytes(), False) if file.is_file() else (404, b"", False)


@contextmanager
def serving(folder: Path, *collectors: str) -> Iterator[WebSite]:
    site = WebSite(folder, [*collectors])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/powergraph/")
            site.asked.append(path)
            takes_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
            status, content, is_gzip = site.content(path, takes_gzip)
            self.send_response_only(status)
            self.send_header("Date", formatdate(time() + site.ahead_s, usegmt=True))
            if 300 <= status < 400:
                self.send_header("Location", content.decode())
            if is_gzip:
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}/powergraph"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
