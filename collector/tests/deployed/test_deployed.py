"""The deployed page in real Chromium: it draws what its files hold, and says what `powergraph energy` says of them.

POWERGRAPH_URL names the site, POWERGRAPH_MACHINE one of its machines.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

COLLECTOR = Path(__file__).parents[2]
sys.path.insert(0, str(COLLECTOR / "tests" / "page"))

from axe import violations  # noqa: E402

URL = os.environ["POWERGRAPH_URL"]
MACHINE = os.environ["POWERGRAPH_MACHINE"]
VIEWS = ["index", "machine", "compare", "daily", "calendar", "files", "about"]
SPAN_S = 20
# What the command line calls the page's figures.
FIGURES = {
    "energy": "energy",
    "mean": "mean",
    "p95": "p95",
    "minimum": "minimum",
    "peak": "peak",
    "base load": "base",
    "coverage": "coverage",
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell",
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser):
    """Open windows; none may write to the console, or ask anybody but the site."""
    complaints: list[str] = []
    contexts = []

    def opened(path: str, **options) -> Page:
        context = browser.new_context(**({"locale": "en-US", "timezone_id": "UTC"} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith(URL) or complaints.append(f"off the site: {asked.url}"))
        page.goto(URL + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def fetched(path: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(URL + path, timeout=10) as answer:
        return answer.read()


@pytest.fixture(scope="session")
def published() -> list[tuple[int, int]]:
    """The newest samples but the last few of the machine: times in ms, watts."""
    collector, _ = machine_of()
    index = json.loads(fetched(f"data/{collector}/index.json"))
    day = next(bmc for bmc in index["bmcs"] if bmc["name"] == MACHINE)["days"][-1][1]
    lines = fetched(f"data/{collector}/{MACHINE}/{day}.csv").decode().split("\n")[1:-1]
    rows = [line.split(",") for line in lines]
    return [(round(datetime.fromisoformat(at).timestamp() * 1000), int(watts)) for at, watts in rows][-60:-5]


def machine_of() -> tuple[str, str]:
    page = fetched("index.html").decode()
    site = json.loads(re.search(r'id="site">(.*?)</script>', page)[1])
    return site["collectors"][0], site["zone"]


@pytest.fixture(scope="session")
def span(published: list[tuple[int, int]]) -> tuple[str, str]:
    """Whole seconds that the published samples cover, as addresses and the command line take them."""
    first_s = published[0][0] // 1000 + 1
    last_s = min(first_s + SPAN_S, published[-1][0] // 1000)
    return iso(first_s), iso(last_s)


def iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def figures(page: Page) -> dict[str, str]:
    expect(page.locator("[data-figure=energy] dd")).to_contain_text("Wh")
    tiles = "all => all.map((tile) => [tile.dataset.figure, tile.querySelector('dd').firstChild.textContent])"
    return dict(page.locator("[data-figure]").evaluate_all(tiles))


def test_what_is_drawn_is_what_the_file_holds(open_page, published, span):
    page = open_page(f"machine.html?machine={MACHINE}&from={span[0]}&to={span[1]}")
    figures(page)
    at, watts = page.evaluate("document.querySelector('#chart').chart.data.slice(0, 2).map((each) => [...each])")
    from_ms, to_ms = (datetime.fromisoformat(each).timestamp() * 1000 for each in span)
    drawn = [(round(x), y) for x, y in zip(at, watts, strict=True) if from_ms <= x < to_ms]
    assert drawn == [(x, y) for x, y in published if from_ms <= x < to_ms]


def test_the_figures_are_those_of_the_command_line_to_the_last_digit(open_page, span):
    shown = figures(open_page(f"machine.html?machine={MACHINE}&from={span[0]}&to={span[1]}"))
    command = [sys.executable, "powergraph.py", "energy", "--site", URL, "--machine", MACHINE]
    told = subprocess.run(
        [*command, "--from", span[0], "--to", span[1]],
        cwd=COLLECTOR,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = {line[:10].strip(): line[10:].strip() for line in told.splitlines()}
    for name, figure in FIGURES.items():
        assert lines[name].startswith(shown[figure]), (figure, shown, told)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_stands_without_a_complaint_and_open_to_all(open_page, view):
    page = open_page(f"{view}.html", viewport={"width": 360, "height": 800})
    expect(page.locator("h1:visible")).to_have_count(1)
    page.wait_for_load_state("networkidle") if view in ("files", "about") else page.wait_for_timeout(1000)
    assert page.locator(".notice.bad").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
