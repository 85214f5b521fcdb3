"""The overview of a large room in headless Chromium: until its table is complete, and the work of one refresh.

The page is served from a folder of published files by the small web server of the tests, so transport costs little.
Prints a table; `--help` tells what can be changed. Needs Chromium and playwright, as the tests do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Final

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "page"))

import serving

import published

# In the page: the moment at which every row, the day and the chart are there and were painted.
COMPLETE: Final = """count => new Promise((resolve) => {
    const look = () => {
        const rows = document.querySelectorAll('.machine').length;
        const chart = document.querySelector('#room-chart')?.chart?.data[1]?.length;
        if (rows < count || !chart || !document.querySelector('#fact-today')) requestAnimationFrame(look);
        else requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    };
    look();
})"""

# Real time on, which reads the present at once; until the total has changed and that was painted.
REFRESHED: Final = """() => new Promise((resolve) => {
    const seen = () => requestAnimationFrame(() => setTimeout(resolve, 20));
    new MutationObserver((_, observer) => { observer.disconnect(); seen(); })
        .observe(document.getElementById('total'), {childList: true});
    document.getElementById('follow').click();
})"""


def room(data: Path, machines: int) -> published.Collector:
    """A collector with many machines in groups and racks, each with a day behind it."""
    lab = published.Collector(data, "lab", lambda: serving.NOW)
    for i in range(machines):
        name = f"node{i:04d}"
        fields = {"title": f"Node {i}", "group": f"Group {i % 8}", "rack": f"R{i // 40:02d}"}
        lab.bmcs[name] = {"name": name, "interval_s": 10.0, "simulated": True, "days": []} | fields
        means = [200 + (i * 7 + step * 13) % 300 for step in range(published.STEPS)]
        lab.summary(name, list(means), [each + 40 for each in means])
    read(lab, 400)
    lab.write_index()
    lab.write_overview()
    return lab


def read(lab: published.Collector, watts: int) -> None:
    """A new reading of every machine."""
    usual = {"state": "fresh", "at": published.iso(serving.NOW - 2000), "age_s": 2.0, "source": "dcmi", "flags": []}
    lab.readings = {name: usual | {"power_w": watts + i} for i, name in enumerate(lab.bmcs)}
    lab.write_now()


def first_view(browser: Browser, url: str, machines: int) -> float:
    """Navigation to complete table, in ms, in a browser that has seen nothing of the page yet."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto(url)
        found: float = page.evaluate(COMPLETE, machines)
        return found


def refresh(page: Page, session: CDPSession, lab: published.Collector, watts: int) -> dict[str, float]:
    """The work of the page's one thread for one refresh in which every machine's watts are others, in ms."""
    read(lab, watts)
    before = metrics(session)
    page.evaluate(REFRESHED)
    after = metrics(session)
    page.locator("#follow").uncheck()
    return {name: (after[name] - before[name]) * 1000 for name in before}


def metrics(session: CDPSession) -> dict[str, float]:
    """What the thread did so far, in s."""
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return {name: found[name] for name in ("TaskDuration", "LayoutDuration", "RecalcStyleDuration")}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=500, help="how many (500)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is told (5)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="powergraph-benchmark-") as folder, sync_playwright() as playwright:
        root = Path(folder)
        # It refreshes when it is told to.
        serving.render(root / "powergraph", frontend_refresh_s=600)
        lab = room(root / "powergraph" / "data", arguments.machines)
        handler = partial(serving.Handler, server_state=serving.WebServer(root))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/powergraph/index.html"
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell", args=["--no-sandbox", "--disable-gpu"]
        )
        table = Table(title=f"The overview of {arguments.machines} machines, median of {arguments.rounds}")
        for column in ("", "complete, ms", "refresh, ms", "of it layout", "style"):
            table.add_column(column, justify="left" if column == "" else "right")
        for name, query in (
            ("rows", ""),
            ("tiles", "?show=tiles"),
            ("rows by watts", "?by=none&sort=-watts"),
        ):
            first = median(first_view(browser, url + query, arguments.machines) for _ in range(arguments.rounds))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            page.goto(url + query)
            page.evaluate(COMPLETE, arguments.machines)
            page.locator("#follow").uncheck()
            rounds = [refresh(page, session, lab, 500 + 100 * i) for i in range(arguments.rounds)]
            figures = [median(each[part] for each in rounds) for part in rounds[0]]
            table.add_row(name, f"{first:.0f}", *(f"{each:.1f}" for each in figures))
            page.close()
        browser.close()
        server.shutdown()
        server.server_close()
    Console().print(table)


if __name__ == "__main__":
    main()
