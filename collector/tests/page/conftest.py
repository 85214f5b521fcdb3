"""The page as a visitor gets it: templates rendered, files published, served under its CSP, opened in real Chromium."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

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
    "frontend_about": {"operator": "The lab's operators", "contact": "power@example.org", "description": "", "location": ""},
    "frontend_tariff_per_kwh": 0.3,
}
# What a visitor of this moment sees: the server's clock, which the page goes by.
NOW = published.ms("2026-11-24T12:00:00Z")


def render(target: Path, **changed: Any) -> None:
    """Put the site into a folder as Ansible does: `*.j2` rendered without autoescaping, all else copied."""
    environment = Environment(
        loader=FileSystemLoader(SITE), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["to_json"] = json.dumps
    for source in SITE.rglob("*"):
        to = target / source.relative_to(SITE)
        if source.is_dir():
            to.mkdir(parents=True, exist_ok=True)
        elif source.suffix == ".j2":
            to.parent.mkdir(parents=True, exist_ok=True)
            template = environment.get_template(str(source.relative_to(SITE)))
            to.with_suffix("").write_text(template.render(VARIABLES | changed))
        else:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, to)


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
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return 416, b"", {"Content-Range": f"bytes */{len(content)}"}
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return 206, content[start:], headers

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(self.state.now_ms / 1000 if timestamp is None else timestamp, usegmt=True)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WebServer]:
    """The rendered site, served below /powergraph/ with an empty data folder."""
    state = WebServer(tmp_path)
    render(tmp_path / "powergraph")
    listening = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, server_state=state))
    listening.daemon_threads = True
    thread = threading.Thread(target=partial(listening.serve_forever, 0.02))
    thread.start()
    state.url = f"http://127.0.0.1:{listening.server_port}/powergraph/"
    yield state
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def lab(server: WebServer) -> published.Collector:
    """The published files of the collector `lab`."""
    return published.Collector(server.root / "powergraph" / "data", "lab", lambda: server.now_ms)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()


@dataclass
class Visitor:
    """A browser window on the site that takes down what a visitor should never cause."""

    context: BrowserContext
    page: Page
    server: WebServer
    complaints: list[str] = field(default_factory=list)
    # What Chromium itself writes to the console for the answers that a test provokes.
    expected: tuple[str, ...] = ()

    def open(self, path: str = "index.html") -> Page:
        self.page.goto(self.server.url + path)
        return self.page

    def drawn(self) -> tuple[list[int], list[int | None]]:
        """What the chart draws, by the figure's `chart` property: times in ms, watts."""
        self.page.wait_for_selector("#panel:not([hidden])")
        xs, ys = self.page.evaluate("document.querySelector('figure').chart.data")
        return xs, ys

    def tiles(self) -> dict[str, str]:
        """The statistics as shown, by name."""
        return dict(self.page.evaluate("[...document.querySelectorAll('.tiles > div')].map(d => [d.children[0].textContent, d.children[1].firstChild.textContent])"))

    def notices(self) -> str:
        return " | ".join(self.page.locator(".notice").all_inner_texts())


@pytest.fixture
def visit(browser: Browser, server: WebServer) -> Iterator[Callable[..., Visitor]]:
    """Open windows; afterwards, none may have written to the console or asked another origin."""
    visitors: list[Visitor] = []

    def opened(expected: tuple[str, ...] = (), **options: Any) -> Visitor:
        options = {"viewport": {"width": 1200, "height": 900}, "timezone_id": "Asia/Kolkata", "locale": "en"} | options
        context = browser.new_context(**options)
        context.set_default_timeout(8000)
        visitor = Visitor(context, context.new_page(), server, expected=expected)
        visitor.page.on("console", lambda message: visitor.complaints.append(message.text))
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        visitor.page.on(
            "request",
            lambda asked: asked.url.startswith(server.url.removesuffix("powergraph/"))
            or visitor.complaints.append(f"off origin: {asked.url}"),
        )
        visitors.append(visitor)
        return visitor

    yield opened
    for visitor in visitors:
        visitor.context.close()
        unexpected = [each for each in visitor.complaints if not any(text in each for text in visitor.expected)]
        assert unexpected == []
