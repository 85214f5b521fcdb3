"""All views of the page, a room that has something of everything for them, and when each has shown all that it will."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import rollup_files
from playwright.sync_api import Page, expect
from serving import NOW

from published import Collector, csv, every, iso

if TYPE_CHECKING:
    from conftest import Visitor

VIEWS = ["index.html", "machine.html", "compare.html", "daily.html", "calendar.html", "files.html", "about.html"]
# Those that tell what a collector is up to.
OF_FIGURES = VIEWS[:-1]
TODAY = "2026-11-24"
DAY = "2026-11-23"
HOUR = 3_600_000
LONG = "A machine with a name that somebody thought about for very long, and found"
UNBROKEN = "averyveryverylongnamewithoutanyspace-0123456789"


def everything(lab: Collector) -> Collector:
    """A day and a half of machines in all states: simulated, doubtful, silent, new, unheard of; holes, markers."""
    names = {
        "node01": "Node 1",
        "node02": LONG,
        UNBROKEN: "",
        "node04": "Node 4",
        "node05": "Node 5",
        "node06": "Node 6",
    }
    for i, (name, title) in enumerate(names.items()):
        place = {"group": "Web" if i % 2 == 0 else "Batch", "rack": f"R{i % 3}" if i < 3 else ""}
        lab.bmc(name, title=title, interval_s=60.0, simulated=i % 2 == 0, **place)
        if i < 4:
            lab.summary(name, [400] * 40 + [None] * 20 + [400] * 36, covered_s=11 * 3600.0)
            _publish(lab, name)
    since = {"since": iso(NOW - 1_800_000), "at": iso(NOW - 1_810_000), "age_s": 1810.0}
    lab.reading("node02", flags=["inactive", "peculiar"])
    lab.reading("node04", state="silent", reason="login-refused", detail="RAKP: unauthorised name", **since)
    lab.reading("node05", state="waiting", at=None, power_w=None, age_s=None, source=None)
    del lab.readings["node06"]
    night = {"name": "night", "days": ["mon", "tue"], "from": "22:00", "to": "06:00", "per_kwh": 0.18}
    lab.write_index(tariff={"currency": "EUR", "per_kwh": 0.3, "rates": [night]}, co2_g_per_kwh=380.0)
    lab.write_now()
    lab.write_overview()
    return lab


HOLE = (NOW - 4 * HOUR, NOW - 3 * HOUR)
TAKEN = [row for row in every(60, f"{DAY}T00:00:00Z", NOW) if not HOLE[0] <= row[0] < HOLE[1]]


@cache
def _rollups(zone: str) -> dict[str, bytes]:
    return rollup_files.files_of(rollup_files.of_samples(TAKEN, 60.0), zone, TODAY)


def _publish(lab: Collector, name: str) -> None:
    rollup_files.write(lab, name, _rollups(lab.zone))
    events = [
        {"kind": "outage", "begin": iso(HOLE[0]), "end": iso(HOLE[1]), "reason": "unreachable", "detail": ""},
        {
            "kind": "marker",
            "begin": iso(NOW - 2 * HOUR),
            "end": iso(NOW - HOUR),
            "reason": "marker",
            "detail": "job 42",
        },
        {"kind": "cap", "begin": iso(NOW - 6 * HOUR), "end": None, "reason": "", "detail": "", "limit_w": 500},
        {"kind": "source", "begin": iso(NOW - HOUR), "end": iso(NOW - HOUR), "reason": "sdr", "detail": ""},
    ]
    for day in (DAY, TODAY):
        of_day = [row for row in TAKEN if iso(row[0]).startswith(day)]
        lab.day(name, day, of_day, events if day == TODAY else [])
    (lab.folder / name / "last.csv").write_text(csv(TAKEN[-300:]))


def shown(page: Page, view: str) -> None:
    """Wait until a view of `everything` has shown all that it will."""
    match view.split(".", maxsplit=1)[0]:
        case "index":
            page.wait_for_function("() => document.querySelector('#room-chart')?.chart?.data[1]?.length > 0")
        case "machine":
            page.wait_for_selector("#panel:not([hidden]):not(.waiting)")
            page.wait_for_function("() => document.querySelector('#figures-title').textContent !== ''")
        case "compare":
            expect(page.locator(".comparison tbody tr")).to_have_count(2)
            expect(page.locator(".comparison")).not_to_contain_text("…")
            page.wait_for_function("() => document.querySelector('#together').chart?.data[1]?.length > 0")
        case "daily":
            page.wait_for_selector("#comparison table")
            expect(page.locator("#notices")).not_to_contain_text(re.compile("Reading …|Lendo …"))
        case "calendar":
            page.wait_for_selector("#report:not([hidden]) .tiles")
            expect(page.locator("#notices")).not_to_contain_text(re.compile("Reading …|Lendo …"))
            page.wait_for_load_state("networkidle")
        case "files":
            page.wait_for_selector(".month")
        case "about":
            page.wait_for_selector("#prices dt")


def open_view(visitor: Visitor, view: str) -> Page:
    page = visitor.open(view)
    shown(page, view)
    return page


# Each view with something of everything that it can show.
FULL = {
    "index.html": "index.html",
    "machine.html": f"machine.html?machine=node04&span=24h&sel={TODAY}T10:00:00Z/{TODAY}T11:00:00Z&label=job",
    "compare.html": f"compare.html?item=node01&item=node04&item={UNBROKEN}@{DAY}T10:00:00Z/{DAY}T11:00:00Z",
    "daily.html": f"daily.html?machine=node04&date={TODAY}",
    "calendar.html": "calendar.html?machine=node04&month=2026-11",
    "files.html": "files.html?machine=node04",
    "about.html": "about.html",
}
CHARTS = {"index.html": "#room-chart", "machine.html": "#chart", "compare.html": "#together", "daily.html": "#chart"}


def opened(visitor: Visitor, view: str) -> Page:
    """One of `FULL`, when it has shown all."""
    page = visitor.open(FULL[view])
    if view == "compare.html":
        expect(page.locator(".comparison tbody tr")).to_have_count(3)
        expect(page.locator(".comparison")).not_to_contain_text("…")
        page.wait_for_function("() => document.querySelector('#together').chart?.data[1]?.length > 0")
    else:
        shown(page, view)
    return page
