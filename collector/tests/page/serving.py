"""The page as the web server hands it out: templates rendered as Ansible does, files served under the site's CSP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import published

SITE = Path(__file__).parents[3] / "files" / "frontend" / "site"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
VARIABLES: dict[str, Any] = {
    "frontend_site_name": "Power at <the> lab",
    "frontend_links": [{"title": "Lab & friends", "url": "https://www.example.org/?a=1&b=2"}],
    "frontend_refresh_s": 1,
    "frontend_zone": "UTC",
    "frontend_currency": "EUR",
    "frontend_collectors": ["lab"],
    "frontend_about": {
        "operator": "The lab's operators",
        "contact": "power@example.org",
        "description": "",
        "location": "",
    },
    "frontend_language": "en",
    "frontend_source": str(SITE),
}
# What a visitor of this moment sees: the server's clock, which the page goes by.
NOW = published.ms("2026-11-24T12:00:00Z")


def render(target: Path, **changed: Any) -> None:
    """Put the site into a folder as Ansible does: `*.j2` rendered without autoescaping, all else copied."""
    for path, content in _rendered(json.dumps(VARIABLES | changed)).items():
        to = target / path
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(content)


@cache
def _rendered(variables: str) -> dict[Path, bytes]:
    """The site's files for variables, as JSON; the same for most tests."""
    environment = Environment(
        loader=FileSystemLoader(SITE), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"to_json": json.dumps, "from_json": json.loads}
    environment.globals["lookup"] = lambda _plugin, path: Path(path).read_text()
    files = {}
    for source in SITE.rglob("*"):
        path = source.relative_to(SITE)
        if source.suffix == ".j2":
            files[path.with_suffix("")] = environment.get_template(str(path)).render(json.loads(variables)).encode()
        elif source.is_file():
            files[path] = source.read_bytes()
    return files


@dataclass
class Asked:
    """A request that reached the server."""

    path: str
    range: str | None
    status: int


@dataclass
class WebServer:
    """A small web server with Range, the site's CSP, a clock of its own, and faults on demand."""

    root: Path
    now_ms: int = NOW
    faults: dict[str, int] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def asked_for(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path.endswith(path)]


class Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the body waits for the acknowledgement of the head, which takes its 40 ms.
    disable_nagle_algorithm = True

    def __init__(self, *arguments: Any, server_state: WebServer) -> None:
        self.state = server_state
        super().__init__(*arguments, directory=str(server_state.root))

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        status, content, headers = self._answer(path)
        self.state.asked.append(Asked(path, self.headers.get("Range"), status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        fault = next((status for end, status in self.state.faults.items() if path.endswith(end)), None)
        file = Path(self.translate_path(path))
        if fault or not file.is_file():
            return fault or 404, b"", {}
        content = file.read_bytes()
        headers = {"Content-Type": self.guess_type(str(file)), "Accept-Ranges": "bytes"}
        asked = self.headers.get("Range")
        if asked is None:
            return 200, content, headers
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last) + 1, len(content)) if first and last else len(content)
        if start >= len(content):
            return 416, b"", {"Content-Range": f"bytes */{len(content)}"}
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        return 206, content[start:end], headers

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.state.now_ms / 1000 if timestamp is None else timestamp, usegmt=True)

    def log_message(self, *_: Any) -> None:
        pass
