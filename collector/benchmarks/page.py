"""The page in real Chromium: a day of a reading a second, beside ECharts and the way of 2017, on the same file.

Each draws the same published day (86,400 rows) from the same small web server, into a new browser context each time, so
that nothing is cached. "To drawn" is from navigation until the frame with the chart is painted; a zoom is from its
cause until its frame is painted; "live" is the processor time of the main thread for one more look at the file, which
has grown by five rows. Heap is what is left after the garbage was collected, buffers included. ECharts comes from npm
(`npm ci`), and is left out where it is not there; the way of 2017 is an SVG circle for every row, by plain DOM calls.
Prints tables; `--help` tells what can be changed.
"""

from __future__ import annotations

import argparse
import gzip
import math
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "collector" / "tests" / "page"))

from serving import NOW, Handler, WebServer, render  # noqa: E402

import published  # noqa: E402  the same files and server as those of the page's tests

ECHARTS: Final = ROOT / "node_modules" / "echarts" / "dist" / "echarts.esm.min.mjs"
DAY_MS: Final = 86_400_000
DAY: Final = "2026-11-24"
MACHINES: Final = 20
# What Apache's mod_deflate compresses, as Debian and the role set it up.
DEFLATED: Final = {".html", ".css", ".js", ".json", ".svg", ".xml", ".txt"}
# The frame after the next one begins when the next one is painted.
PAINTED: Final = (
    "new Promise((done) => requestAnimationFrame(() => { const {port1, port2} = new MessageChannel();"
    " port1.onmessage = () => done(performance.now()); port2.postMessage(0); }))"
)

OTHER_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Beside</title>
<link rel="stylesheet" href="beside.css"><script type="module" src="{script}"></script></head>
<body><div id="chart"></div></body></html>
"""
BESIDE_CSS: Final = """#chart { width: 1390px; height: 440px; }
svg { width: 1390px; height: 440px; } path { fill: none; stroke: teal; } circle { fill: teal; }
"""
ECHARTS_SCRIPT: Final = """
import * as echarts from "./echarts.js";
const painted = () => %(painted)s;
const read = async () => {
  const text = await (await fetch("data/lab/node01/%(day)s.csv", { cache: "no-store" })).text();
  return text.trim().split("\\n").slice(1).map((line) => {
    const comma = line.indexOf(",");
    return [Date.parse(line.slice(0, comma)), Number(line.slice(comma + 1))];
  });
};
const chart = echarts.init(document.getElementById("chart"), null, { renderer: "canvas" });
const option = {
  animation: false, xAxis: { type: "time" }, yAxis: { type: "value" }, tooltip: { trigger: "axis" },
  dataZoom: [{ type: "inside" }, { type: "slider" }],
  series: [{ type: "line", showSymbol: false, sampling: "minmax", step: "end", areaStyle: {} }],
};
option.series[0].data = await read();
chart.setOption(option);
window.drawnAt = await painted();
window.zoom = async (from, to) => {
  const begin = performance.now();
  chart.dispatchAction({ type: "dataZoom", start: from * 100, end: to * 100 });
  return (await painted()) - begin;
};
window.live = async () => { chart.setOption({ series: [{ data: await read() }] }); await painted(); };
""" % {"painted": PAINTED, "day": DAY}
OLD_SCRIPT: Final = """
const painted = () => %(painted)s;
const SVG = "http://www.w3.org/2000/svg";
const read = async () => {
  const text = await (await fetch("data/lab/node01/%(day)s.csv", { cache: "no-store" })).text();
  return text.trim().split("\\n").slice(1).map((line) => {
    const [timestamp, consumption] = line.split(",");
    return { timestamp: new Date(timestamp), consumption: +consumption };
  });
};
const svg = document.createElementNS(SVG, "svg");
const path = document.createElementNS(SVG, "path");
const dots = document.createElementNS(SVG, "g");
svg.append(path, dots);
document.getElementById("chart").append(svg);
let rows = [];
let domain = [0, 1];
const place = () => {
  const [from, to] = domain;
  const x = (row) => ((row.timestamp - from) / (to - from)) * 1390;
  const y = (row) => 440 - row.consumption / 2;
  path.setAttribute("d", "M" + rows.map((row) => `${x(row)},${y(row)}`).join("L"));
  rows.forEach((row, i) => {
    const dot = dots.children[i];
    dot.setAttribute("cx", x(row));
    dot.setAttribute("cy", y(row));
  });
};
const draw = async () => {
  rows = await read();
  domain = [rows[0].timestamp.getTime(), rows.at(-1).timestamp.getTime()];
  while (dots.children.length < rows.length) {
    const dot = document.createElementNS(SVG, "circle");
    dot.setAttribute("r", 1.5);
    dot.addEventListener("mouseover", () => {});
    dots.append(dot);
  }
  place();
};
await draw();
window.drawnAt = await painted();
window.zoom = async (from, to) => {
  const begin = performance.now();
  const [first, last] = domain;
  domain = [first + from * (last - first), first + to * (last - first)];
  place();
  const took = (await painted()) - begin;
  domain = [first, last];
  return took;
};
window.live = async () => { await draw(); await painted(); };
""" % {"painted": PAINTED, "day": DAY}
# Ours tells when it is drawn by a class that goes; the frame after that has it.
OURS_WATCH: Final = (
    """
addEventListener("DOMContentLoaded", () => {
  const gone = () => document.querySelector("#panel:not(.waiting)");
  const look = async () => {
    if (!gone() || window.drawnAt) return;
    window.drawnAt = -1;
    window.drawnAt = await %s;
  };
  new MutationObserver(look).observe(document.documentElement, { subtree: true, attributes: true, childList: true });
});
"""
    % PAINTED
)


@dataclass
class Measured:
    """One way of drawing. Times in ms, heaps in bytes."""

    to_drawn: list[float] = field(default_factory=list)
    zoom: list[float] = field(default_factory=list)
    live: float = math.nan
    heap: float = math.nan
    heap_later: float = math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="navigations of each, in turn (default %(default)s)")
    parser.add_argument("--updates", type=int, default=120, help="live updates, 120 being 10 min (default %(default)s)")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser (default %(default)s)")
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="powergraph-") as work, serving(Path(work)) as server:
        lab = publish(server)
        ways = write_pages(server)
        with sync_playwright() as playwright, chromium(playwright, given.chromium) as browser:
            found = {name: Measured() for name in ways}
            for _ in range(given.rounds):
                for name, path in ways.items():
                    navigate(browser, server, path, found[name])
            for name, path in ways.items():
                updates = given.updates if name == "PowerGraph" else 5
                follow(browser, server, lab, path, found[name], updates)
            year = [compare_year(browser, server) for _ in range(given.rounds)]
            visit = first_visit(browser, server)
    show(console, found, given.updates)
    console.print(f"A year of {MACHINES} machines, compared: {median(year):.0f} ms to drawn")
    console.print(f"First visit, gzip, without data: {visit / 1000:.1f} kB")


def navigate(browser: Browser, server: WebServer, path: str, into: Measured) -> None:
    """Open it anew, and zoom."""
    with window(browser) as page:
        page.goto(server.url + path)
        into.to_drawn.append(drawn_at(page))
        page.wait_for_timeout(500)
        if path.startswith("machine"):
            into.zoom.append(dragged(page, 0.4, 0.6))
            page.wait_for_timeout(300)
            into.zoom.append(dragged(page, 0.2, 0.5))
        else:
            into.zoom += [page.evaluate("window.zoom(0.4, 0.6)"), page.evaluate("window.zoom(0.2, 0.5)")]


def follow(
    browser: Browser, server: WebServer, lab: published.Collector, path: str, into: Measured, updates: int
) -> None:
    """Let the file grow, and look at it again and again."""
    is_ours = path.startswith("machine")
    with window(browser) as page:
        page.goto(server.url + path)
        drawn_at(page)
        page.wait_for_timeout(1000)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        into.heap = heap(session)
        if is_ours:
            page.locator("#follow").uncheck()
        busy = []
        last = lab.rows("node01", DAY)[-1][0]
        for _ in range(updates):
            lab.append("node01", DAY, published.csv((last + i * 1000, 300 + i) for i in range(1, 6)).split("\n", 1)[1])
            last += 5000
            server.now_ms += 5000
            before = task_ms(session)
            if is_ours:
                asked = len(server.asked)
                page.evaluate("document.getElementById('follow').dispatchEvent(new Event('change'))")
                while len(server.asked) < asked + 3:
                    page.wait_for_timeout(5)
                page.wait_for_timeout(60)
            else:
                page.evaluate("window.live()")
            busy.append(task_ms(session) - before)
        into.live = median(busy)
        into.heap_later = heap(session)


def compare_year(browser: Browser, server: WebServer) -> float:
    """Until the lines of a year of all machines are painted, and their figures are there."""
    with window(browser) as page:
        page.goto(f"{server.url}compare.html?span=1y&" + "&".join(f"item=room{i:02d}" for i in range(MACHINES)))
        return float(
            page.wait_for_function(
                "async () => { if (document.getElementById('together').hidden) return false;"
                " window.compared ??= await PAINTED; return window.compared; }".replace("PAINTED", PAINTED)
            ).json_value()
        )


def first_visit(browser: Browser, server: WebServer) -> int:
    """Bytes of all files that the machine's view asks for, compressed as the web server does; data apart."""
    server.asked.clear()
    with window(browser) as page:
        page.goto(server.url + "machine.html?machine=node01")
        drawn_at(page)
        page.wait_for_timeout(500)
    files = {urlsplit(each.path).path for each in server.asked if "/data/" not in each.path}
    total = 0
    for path in files:
        file = server.root / path.lstrip("/")
        content = file.read_bytes()
        total += len(gzip.compress(content, 6)) if file.suffix in DEFLATED else len(content)
    return total


def show(console: Console, found: dict[str, Measured], updates: int) -> None:
    table = Table(title=f"A day of 86,400 readings; times in ms, heaps in MB; heap after {updates} updates for ours")
    table.add_column("what")
    for name in found:
        table.add_column(name, justify="right")
        if name != "PowerGraph":
            table.add_column("ratio", justify="right")
    rows: dict[str, Callable[[Measured], float]] = {
        "navigation to drawn": lambda each: median(each.to_drawn),
        "zoom to painted": lambda each: median(each.zoom),
        "live update, main thread": lambda each: each.live,
        "heap, day open": lambda each: each.heap / 1e6,
        "heap, later": lambda each: each.heap_later / 1e6,
    }
    ours = found["PowerGraph"]
    for what, value in rows.items():
        cells = []
        for name, each in found.items():
            cells.append(f"{value(each):,.1f}")
            if name != "PowerGraph":
                cells.append(f"{value(each) / value(ours):.1f}")
        table.add_row(what, *cells)
    console.print(table)


def drawn_at(page: Page) -> float:
    """Ms since navigation began."""
    return float(page.wait_for_function("() => window.drawnAt > 0 && window.drawnAt", timeout=60_000).json_value())


def dragged(page: Page, begin: float, end: float) -> float:
    """Zoom with the mouse; ms from letting go until it is painted."""
    box = page.locator("#chart .u-over").bounding_box()
    assert box
    page.evaluate(
        "() => document.querySelector('#chart .u-over').addEventListener('pointerup', () => {"
        " const begin = performance.now(); window.zoomed = PAINTED.then((end) => end - begin);"
        " }, { once: true, capture: true })".replace("PAINTED", PAINTED)
    )
    page.mouse.move(box["x"] + begin * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    return float(page.evaluate("window.zoomed"))


def task_ms(session: CDPSession) -> float:
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"] * 1000)


def heap(session: CDPSession) -> float:
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    usage: dict[str, float] = session.send("Runtime.getHeapUsage")
    return usage["usedSize"] + usage.get("backingStorageSize", 0)


def publish(server: WebServer) -> published.Collector:
    """A machine with a day of a reading a second, until now, and a room of machines with a year of rows."""
    server.now_ms = published.ms(f"{DAY}T23:59:59Z")
    lab = published.Collector(server.root / "powergraph" / "data", "lab", lambda: server.now_ms)
    rng = random.Random(42)
    lab.bmc("node01", title="Node 1", interval_s=1.0)
    lab.day("node01", DAY, published.every(1, f"{DAY}T00:00:00Z", server.now_ms, lambda i: 300 + rng.randrange(180)))
    begin = server.now_ms - 366 * DAY_MS
    for i in range(MACHINES):
        name = f"room{i:02d}"
        lab.bmc(name, days=[["2025-11-24", DAY]], months=[["2025-11", "2026-11"]], years=[["2025", "2026"]])
        write_rows(lab.folder / name, begin, server.now_ms, rng)
    lab.write_index()
    return lab


def write_rows(folder: Path, begin_ms: int, end_ms: int, rng: random.Random) -> None:
    """A row a day, and the hours of the years; the ends' five minutes are left out."""
    columns = "mean_w,min_w,max_w,energy_wh,covered_s,samples\n"

    def row(seconds: int) -> str:
        mean = 300 + rng.randrange(100_000) / 1000
        return (
            f"{mean:.3f},{mean - 60:.0f},{mean + 200:.0f},{mean * seconds / 3600:.9f},{seconds:.3f},{seconds // 10}\n"
        )

    hours: dict[str, list[str]] = {}
    for at in range(begin_ms - begin_ms % 3_600_000, end_ms, 3_600_000):
        hours.setdefault(published.iso(at)[:4], []).append(f"{published.iso(at)},{row(3600)}")
    for year, lines in hours.items():
        (folder / f"{year}.csv").write_text(f"timestamp,{columns}" + "".join(lines))
    first = begin_ms - begin_ms % DAY_MS
    days = "".join(f"{published.iso(at)[:10]},{row(86_400)}" for at in range(first, end_ms - DAY_MS, DAY_MS))
    (folder / "days.csv").write_text(f"day,{columns}{days}")


def write_pages(server: WebServer) -> dict[str, str]:
    """The pages of all ways, by their names."""
    root = server.root / "powergraph"
    (root / "beside.css").write_text(BESIDE_CSS)
    (root / "old.html").write_text(OTHER_PAGE.format(script="old.js"))
    (root / "old.js").write_text(OLD_SCRIPT)
    ways = {"PowerGraph": f"machine.html?machine=node01&from={DAY}T00:00:00Z&to=2026-11-25T00:00:00Z"}
    if ECHARTS.is_file():
        (root / "echarts.html").write_text(OTHER_PAGE.format(script="echarts-page.js"))
        (root / "echarts-page.js").write_text(ECHARTS_SCRIPT)
        (root / "echarts.js").write_bytes(ECHARTS.read_bytes())
        ways["ECharts"] = "echarts.html"
    return ways | {"as in 2017": "old.html"}


@contextmanager
def window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en", timezone_id="UTC")
    page = context.new_page()
    page.add_init_script(OURS_WATCH)
    yield page
    context.close()


@contextmanager
def chromium(playwright: Any, path: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(
        executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    )
    yield browser
    browser.close()


class WithoutPolicy(Handler):
    """ECharts sets inline styles, which the site's policy forbids: the others go without one."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Content-Security-Policy" or not self.path.endswith(("echarts.html", "old.html")):
            super().send_header(keyword, value)


@contextmanager
def serving(folder: Path) -> Iterator[WebServer]:
    state = WebServer(folder, now_ms=NOW)
    render(folder / "powergraph", frontend_refresh_s=3600)
    listening = ThreadingHTTPServer(("127.0.0.1", 0), partial(WithoutPolicy, server_state=state))
    listening.daemon_threads = True
    threading.Thread(target=partial(listening.serve_forever, 0.02), daemon=True).start()
    state.url = f"http://127.0.0.1:{listening.server_port}/powergraph/"
    yield state
    listening.shutdown()
    listening.server_close()


if __name__ == "__main__":
    main()
