"""Windows of a real Chromium on the page, served from a folder of published files that a test fills."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright
from serving import Handler, WebServer, render

import published

# Chromium without its own window, whose frames take a third of the processor's time.
CHROMIUM = "/usr/bin/chromium-headless-shell"
# After so long, what is awaited is given up: the end of a test that fails, no measure of the page. A busy machine is
# no fault.
PATIENCE_S = 30
# What the page draws with the next frame, and what it does after that frame, is done after three.
FRAMES = """async () => {
    for (let i = 0; i < 3; i++) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""
expect.set_options(timeout=PATIENCE_S * 1000)


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
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            env=os.environ | {"TMPDIR": str(tmp_path_factory.mktemp("chromium"))},  # where it leaves files behind
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
    under_way: set[Request] = field(default_factory=set)
    begun: int = 0

    def __post_init__(self) -> None:
        self.page.on("request", self._begins)
        self.page.on("requestfinished", self._ends)
        self.page.on("requestfailed", self._ends)

    def _begins(self, request: Request) -> None:
        self.begun += 1
        self.under_way.add(request)

    def _ends(self, request: Request) -> None:
        self.under_way.discard(request)

    def settled(self) -> None:
        """Wait until the page asks for nothing, and has drawn what it got.

        Playwright's "networkidle" does not serve: it is reached once after a page is opened, and says nothing of what
        the page asks for later.
        """
        deadline = time.monotonic() + PATIENCE_S
        is_settled = False
        while not is_settled:
            assert time.monotonic() < deadline, f"not settled: {[each.url for each in self.under_way]}"
            was_idle, begun = not self.under_way, self.begun
            self.page.evaluate(FRAMES)
            is_settled = was_idle and not self.under_way and self.begun == begun

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that is not in the page, such as what the server was asked for."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(20)

    def open(self, path: str = "index.html") -> Page:
        self.page.goto(self.server.url + path)
        return self.page

    def drawn(self) -> tuple[list[int], list[int | None]]:
        """What the chart draws, by the figure's `chart` property: times in ms, watts."""
        self.page.wait_for_selector("#panel:not([hidden]):not(.waiting)")
        xs, ys = self.page.evaluate(
            "document.querySelector('figure.chart').chart.data.slice(0, 2).map((each) => Array.from(each))"
        )
        return xs, ys

    def window(self) -> tuple[float, float]:
        """From when to when the chart draws, in ms."""
        low, high = self.page.evaluate(
            "(({min, max}) => [min, max])(document.querySelector('figure.chart').chart.scales.x)"
        )
        return low, high

    def tiles(self) -> dict[str, str]:
        """The statistics as shown, by name."""
        return dict(
            self.page.eval_on_selector_all(
                ".tiles > div",
                "all => all.map(({children: [name, value]}) => [name.textContent, value.firstChild.textContent])",
            )
        )

    def notices(self) -> str:
        return " | ".join(self.page.locator(".notice").all_inner_texts())


@pytest.fixture
def visit(browser: Browser, server: WebServer) -> Iterator[Callable[..., Visitor]]:
    """Open windows; afterwards, none may have written to the console or asked another origin."""
    visitors: list[Visitor] = []

    def opened(expected: tuple[str, ...] = (), **options: Any) -> Visitor:
        options = {"viewport": {"width": 1200, "height": 900}, "timezone_id": "Asia/Kolkata", "locale": "en"} | options
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_S * 1000)
        visitor = Visitor(context, context.new_page(), server, expected=expected)
        visitor.page.on("console", lambda message: visitor.complaints.append(message.text))
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        visitor.page.on(
            "request",
            lambda asked: (
                asked.url.startswith(server.url.removesuffix("powergraph/"))
                or visitor.complaints.append(f"off origin: {asked.url}")
            ),
        )
        visitors.append(visitor)
        return visitor

    yield opened
    for visitor in visitors:
        visitor.context.close()
        unexpected = [each for each in visitor.complaints if not any(text in each for text in visitor.expected)]
        assert unexpected == []
