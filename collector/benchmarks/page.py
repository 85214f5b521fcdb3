"""The page in real Chromium: a day of a reading a second, beside ECharts and the way of 2017, on the same file.

Each draws the same published day (86,400 rows) from the same small web server, each time in a new browser context, so
that nothing is cached. "To drawn" is from navigation until the frame with the chart is painted, a zoom from its cause
until its frame is; processor times are those of the page's main thread. A live update is one more look at the file,
which has grown by five rows. Heap is what is left when the garbage was collected, buffers included. ECharts comes from
npm (`npm ci`) and is left out where it is not there; the way of 2017 is an SVG circle for every row.
Prints tables; `--help` tells what can be changed.
"""

from __future__ import annotations

import argparse
import gzip
import math
import os
import random
import shutil
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

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).parents[2]
# The same published files, and the same server, as in the page's tests.
sys.path.insert(0, str(ROOT / "collector" / "tests" / "page"))
published: Any = __import__("published")
serving: Any = __import__("serving")

BESIDE: Final = Path(__file__).parent / "beside"
ECHARTS: Final = ROOT / "node_modules" / "echarts" / "dist" / "echarts.esm.min.mjs"
DAY: Final = "2026-11-24"
DAY_MS: Final = 86_400_000
MACHINES: Final = 20
OURS: Final = "PowerGraph"
CHROMIUM: Final = "/usr/bin/chromium-headless-shell"
# What Apache's mod_deflate compresses, as Debian and the role set it up.
DEFLATED: Final = {".html", ".css", ".js", ".json", ".svg"}
# What comes right after a frame; the page's own work for after it waits as long.
PAINTED: Final = """new Promise((done) => requestAnimationFrame(() =>
    scheduler.postTask(() => done(performance.now()), { priority: "user-blocking" })
))"""
# Our views tell by an attribute that they have drawn: the frame after that shows it.
WATCH: Final = f"""addEventListener("DOMContentLoaded", () => {{
    const look = async () => {{
        if (window.drawnAt || !document.querySelector("#panel:not(.waiting), #together:not([hidden])")) return;
        window.drawnAt = -1;
        window.drawnAt = await {PAINTED};
    }};
    new MutationObserver(look).observe(document.documentElement, {{ subtree: true, attributes: true }});
}});"""
TIME_ZOOM: Final = f"""() => document.querySelector("#chart .u-over").addEventListener("pointerup", () => {{
    const begin = performance.now();
    window.zoomed = {PAINTED}.then((end) => end - begin);
}}, {{ once: true, capture: true }})"""


@dataclass
class Measured:
    """One way of drawing. Times in ms, heaps in bytes."""

    drawn: list[float] = field(default_factory=list)
    drawn_cpu: list[float] = field(default_factory=list)
    zoom: list[float] = field(default_factory=list)
    live_cpu: float = math.nan
    heap: float = math.nan
    heap_later: float = math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="navigations of each, in turn (default %(default)s)")
    parser.add_argument("--updates", type=int, default=120, help="live updates, 120 being 10 min (default %(default)s)")
    parser.add_argument("--chromium", default=CHROMIUM, help="the browser (default %(default)s)")
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory(prefix="powergraph-") as work, served(Path(work)) as server:
        lab = publish(server)
        ways = write_pages(server)
        found = {name: Measured() for name in ways}
        with sync_playwright() as playwright, chromium(playwright, given.chromium) as browser:
            for _ in range(given.rounds):
                for name, path in ways.items():
                    navigate(browser, server.url + path, found[name])
            visit = first_visit(browser, server)
            year = [compare_year(browser, server) for _ in range(given.rounds)]
            for name, path in ways.items():
                with window(browser) as page:
                    page.goto(server.url + path)
                    drawn_at(page)
                    follow(page, server, lab, found[name], given.updates if name == OURS else 5)
    show(console, found, given.updates)
    console.print(f"A year of {MACHINES} machines, compared: {median(year):.0f} ms to drawn (median of {given.rounds})")
    console.print(f"First visit of the machine's view, gzip, without data: {visit / 1000:.1f} kB")


def navigate(browser: Browser, url: str, into: Measured) -> None:
    """Open it anew, and zoom twice."""
    with window(browser) as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(url)
        into.drawn.append(drawn_at(page))
        into.drawn_cpu.append(task_ms(session))
        page.wait_for_timeout(700)
        for begin, end in ((0.4, 0.6), (0.2, 0.5)):
            is_ours = page.locator("#chart .u-over").count() > 0
            zoom = dragged(page, begin, end) if is_ours else page.evaluate(f"window.zoom({begin}, {end})")
            into.zoom.append(zoom)
            page.wait_for_timeout(300)


def follow(page: Page, server: Any, lab: Any, into: Measured, updates: int) -> None:
    """Let the file grow, and look at it again and again."""
    page.wait_for_timeout(1000)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    into.heap = heap(session)
    is_ours = page.locator("#follow").count() > 0
    busy = []
    last = lab.rows("node01", DAY)[-1][0]
    for _ in range(updates):
        lab.append("node01", DAY, published.csv((last + i * 1000, 300 + i) for i in range(1, 6)).split("\n", 1)[1])
        last += 5000
        server.now_ms += 5000
        before = task_ms(session)
        if is_ours:
            page.evaluate("document.getElementById('follow').dispatchEvent(new Event('change'))")
            page.wait_for_timeout(300)
        else:
            page.evaluate("window.live()")
        busy.append(task_ms(session) - before)
    into.live_cpu = median(busy)
    into.heap_later = heap(session)


def compare_year(browser: Browser, server: Any) -> float:
    """Until the lines of a year of all machines are painted."""
    items = "&".join(f"item=room{i:02d}" for i in range(MACHINES))
    with window(browser) as page:
        page.goto(f"{server.url}compare.html?span=1y&{items}")
        return drawn_at(page)


def first_visit(browser: Browser, server: Any) -> int:
    """Bytes of all files that the machine's view asks for, compressed as the web server does; data apart."""
    server.asked.clear()
    with window(browser) as page:
        page.goto(server.url + "machine.html?machine=node01")
        drawn_at(page)
        page.wait_for_timeout(500)
    files = {server.root / each.path.lstrip("/") for each in server.asked if "/data/" not in each.path}
    return sum(
        len(gzip.compress(file.read_bytes(), 6)) if file.suffix in DEFLATED else file.stat().st_size for file in files
    )


def show(console: Console, found: dict[str, Measured], updates: int) -> None:
    table = Table(title="A day of 86,400 readings: times in ms, heaps in MB, ratios to PowerGraph")
    table.add_column("what")
    for name in found:
        table.add_column(name, justify="right")
        if name != OURS:
            table.add_column("ratio", justify="right")
    rows: dict[str, Callable[[Measured], float]] = {
        "navigation to drawn": lambda each: median(each.drawn),
        "… processor time": lambda each: median(each.drawn_cpu),
        "zoom to painted": lambda each: median(each.zoom),
        "live update, processor time": lambda each: each.live_cpu,
        "heap, day open": lambda each: each.heap / 1e6,
        f"heap after {updates} updates ({OURS}) or 5": lambda each: each.heap_later / 1e6,
    }
    for what, value in rows.items():
        cells = []
        for name, each in found.items():
            cells += [f"{value(each):,.1f}", f"{value(each) / value(found[OURS]):.1f}"][: 1 if name == OURS else 2]
        table.add_row(what, *cells)
    console.print(table)


def drawn_at(page: Page) -> float:
    """Ms since navigation began."""
    return float(page.wait_for_function("() => window.drawnAt > 0 && window.drawnAt", timeout=120_000).json_value())


def dragged(page: Page, begin: float, end: float) -> float:
    """Zoom with the mouse; ms from letting go until it is painted."""
    box = page.locator("#chart .u-over").bounding_box()
    assert box
    page.evaluate(TIME_ZOOM)
    page.mouse.move(box["x"] + begin * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    return float(page.evaluate("window.zoomed"))


def task_ms(session: CDPSession) -> float:
    """Processor time of the main thread."""
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"] * 1000)


def heap(session: CDPSession) -> float:
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    usage: dict[str, float] = session.send("Runtime.getHeapUsage")
    return usage["usedSize"] + usage.get("backingStorageSize", 0)


def publish(server: Any) -> Any:
    """A machine with a day of a reading a second, until now, and a room of machines with a year of rows."""
    server.now_ms = published.ms(f"{DAY}T23:59:59Z")
    lab = published.Collector(server.root / "powergraph" / "data", "lab", lambda: server.now_ms)
    rng = random.Random(42)
    lab.bmc("node01", title="Node 1", interval_s=1.0)
    lab.day("node01", DAY, published.every(1, f"{DAY}T00:00:00Z", server.now_ms, lambda _: 300 + rng.randrange(180)))
    for i in range(MACHINES):
        name = f"room{i:02d}"
        lab.bmc(name, days=[["2025-11-24", DAY]], months=[["2025-11", "2026-11"]], years=[["2025", "2026"]])
        write_rows(lab.folder / name, server.now_ms - 366 * DAY_MS, server.now_ms, rng)
    lab.write_index()
    return lab


def write_rows(folder: Path, begin_ms: int, end_ms: int, rng: random.Random) -> None:
    """A row a day, and the hours of the years."""
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


def write_pages(server: Any) -> dict[str, str]:
    """The addresses of all ways, by their names."""
    folder = server.root / "powergraph" / "beside"
    shutil.copytree(BESIDE, folder)
    html = (folder / "beside.html").read_text()
    ways = {OURS: f"machine.html?machine=node01&from={DAY}T00:00:00Z&to=2026-11-25T00:00:00Z"}
    if ECHARTS.is_file():
        shutil.copy(ECHARTS, folder)
        ways["ECharts"] = "echarts"
    ways["as in 2017"] = "circles"
    for name, way in ways.items():
        if name == OURS:
            continue
        (folder / f"{way}.html").write_text(html.replace("WAY", way))
        ways[name] = f"beside/{way}.html?file=../data/lab/node01/{DAY}.csv"
    return ways


@contextmanager
def window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en", timezone_id="UTC")
    page = context.new_page()
    page.add_init_script(WATCH)
    yield page
    context.close()


@contextmanager
def chromium(playwright: Any, path: str) -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(prefix="powergraph-") as folder:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            env=os.environ | {"TMPDIR": folder},
        )
        yield browser
        browser.close()


@contextmanager
def served(folder: Path) -> Iterator[Any]:
    """The site, and a web server of it that the page asks by itself only when it is told to."""
    state = serving.WebServer(folder)
    serving.render(folder / "powergraph", frontend_refresh_s=3600)
    listening = ThreadingHTTPServer(("127.0.0.1", 0), partial(serving.Handler, server_state=state))
    listening.daemon_threads = True
    threading.Thread(target=partial(listening.serve_forever, 0.02), daemon=True).start()
    state.url = f"http://127.0.0.1:{listening.server_port}/powergraph/"
    yield state
    listening.shutdown()
    listening.server_close()


if __name__ == "__main__":
    main()
