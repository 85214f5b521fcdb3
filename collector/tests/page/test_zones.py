"""Whose clock: the site's, the visitor's or UTC; said on every chart; days of 23 and 25 hours."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from serving import NOW, render
from views import CHARTS, TODAY, everything, opened, shown

from published import Collector, every, iso, ms

HOUR = 3_600_000
BERLIN, KOLKATA = "Europe/Berlin", "Asia/Calcutta"
ZONES = {
    "": f"{BERLIN} (UTC+01:00)",
    "site": f"{BERLIN} (UTC+01:00)",
    "visitor": f"{KOLKATA} (UTC+05:30)",
    "utc": "UTC",
    "Mars/Olympus": f"{BERLIN} (UTC+01:00)",
}


@pytest.fixture
def full(lab, server):
    render(server.root / "powergraph", frontend_zone=BERLIN)
    lab.zone = BERLIN
    return everything(lab)


def with_zone(address, zone):
    return f"{address}{'&' if '?' in address else '?'}zone={zone}" if zone else address


def labels(page, chart="figure.chart"):
    """What stands at the ticks of a chart's time axis."""
    return page.evaluate(f"document.querySelector('{chart}').chart.axes[0]._values")


@pytest.mark.parametrize("zone", list(ZONES))
@pytest.mark.parametrize("view", ["index.html", "machine.html"])
def test_a_chart_is_in_the_zone_that_the_address_says_and_says_so(full, visit, view, zone):
    page = visit().open(with_zone(view, zone))
    shown(page, view)
    expect(page.locator("#choose-zone")).to_have_value(zone if zone in ("visitor", "utc") else "site")
    expect(page.locator(f"{CHARTS[view]} figcaption")).to_contain_text(f"times in {ZONES[zone]}")
    clocks = {each.split("\n")[0] for each in labels(page, CHARTS[view]) if each}
    # In India, quarters of UTC's hours stand at half past.
    assert clocks and all(re.fullmatch(r"\d\d:\d\d", each) for each in clocks)
    if view == "index.html":
        expect(page.locator("#total-note")).to_contain_text(
            {"UTC": ", 12:00:0"}.get(ZONES[zone], ", 17:30:0" if zone == "visitor" else ", 13:00:0")
        )


@pytest.mark.parametrize("zone", ["", "visitor", "utc"])
def test_compare_shows_common_spans_in_the_zone_and_says_it(full, visit, zone):
    address = f"compare.html?item=node01&item=node04&from={TODAY}T08:00:00Z&to={TODAY}T09:00:00Z"
    page = visit().open(with_zone(address, zone))
    shown(page, "compare.html")
    expect(page.locator("#together figcaption")).to_contain_text(f"times in {ZONES[zone]}")
    hour = {"": "09", "visitor": "13", "utc": "08"}[zone]
    minute = "30" if zone == "visitor" else "00"
    expect(page.locator("#from")).to_have_value(re.compile(rf"2026-11-24T{hour}:{minute}(:00)?$"))
    assert f"{hour}:{minute}" in labels(page)[0]


def test_the_chooser_changes_the_zone_keeps_the_span_and_is_remembered_by_other_views(full, visit):
    visitor = visit()
    page = opened(visitor, "machine.html")
    window = visitor.window()
    expect(page.locator("#figures-title")).to_contain_text("Selected: Tue 24 Nov 2026, 11:00:00 – 12:00:00")
    page.get_by_label("Times").select_option("of this device")
    expect(page.locator("#figures-title")).to_contain_text("Selected: Tue 24 Nov 2026, 15:30:00 – 16:30:00")
    assert "zone=visitor" in page.url and "sel=2026-11-24T10:00:00Z/2026-11-24T11:00:00Z" in page.url
    shown(page, "machine.html")
    assert visitor.window()[1] - visitor.window()[0] == window[1] - window[0]
    page = visitor.open("index.html")
    expect(page.locator("#total-note")).to_contain_text(ZONES["visitor"])
    page.get_by_label("Times").select_option("UTC")
    expect(page.locator("#total-note")).to_contain_text("12:00:")
    page.get_by_label("Times").select_option("of the site")
    expect(page.locator("#total-note")).to_contain_text(ZONES["site"])
    assert "zone" not in page.url


def test_dates_typed_into_compare_are_of_the_zone_that_is_shown(full, visit):
    page = visit().open("compare.html?item=node01&item=node04&zone=visitor")
    shown(page, "compare.html")
    page.locator("#from").fill("2026-11-24T13:30:00")
    page.locator("#to").fill("2026-11-24T14:30:00")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**from=2026-11-24T08:00:00Z&to=2026-11-24T09:00:00Z**")
    assert "zone=visitor" in page.url


def test_reports_are_of_the_sites_days_whoever_looks_and_say_so(full, visit):
    visitor = visit()
    page = visitor.open(f"daily.html?machine=node01&date={TODAY}&zone=visitor")
    shown(page, "daily.html")
    expect(page.locator("#days-of")).to_contain_text(ZONES["site"])
    expect(page.locator("#days-of")).to_contain_text("reports are always of the site’s days and clocks")
    expect(page.locator("#chart figcaption")).to_contain_text(ZONES["site"])
    assert visitor.window()[0] == ms("2026-11-23T23:00:00Z")
    page = visitor.open("calendar.html?zone=visitor")
    shown(page, "calendar.html")
    expect(page.locator("#days-of")).to_contain_text(BERLIN)


def test_each_machine_has_the_zone_of_its_collector(lab, server, visit):
    render(server.root / "powergraph", frontend_collectors=["lab", "annex"])
    annex = Collector(server.root / "powergraph" / "data", "annex", lambda: server.now_ms, "America/Sao_Paulo")
    for collector, name in ((lab, "here"), (annex, "there")):
        collector.bmc(name)
        collector.day(name, TODAY, every(10, NOW - HOUR, NOW))
    visitor = visit(expected=("404",))
    for name, words in (("here", "times in UTC"), ("there", "times in America/Sao_Paulo (UTC−03:00)")):
        page = visitor.open(f"machine.html?machine={name}")
        visitor.drawn()
        expect(page.locator("#chart figcaption")).to_contain_text(words)


@pytest.mark.parametrize(
    "case",
    [
        (BERLIN, "2026-03-29", "2026-03-30", 23, {"00:00", "04:00"}, {"02:00"}),
        (BERLIN, "2026-10-25", "2026-10-26", 25, {"00:00", "02:00", "04:00"}, set()),
        # Here, midnight itself is skipped; the last tick is the next day's.
        ("America/Asuncion", "2023-10-01", "2023-10-02", 23, {"02:00", "04:00"}, {"00:00"}),
        # Half an hour.
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-06", 24.5, {"00:00", "02:00", "04:00"}, set()),
    ],
)
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_was_with_ticks_at_its_clocks(lab, visit, case):
    zone, day, next_day, hours, there, missing = case
    lab.zone = zone
    lab.bmc("node01")
    begin, end = lab.midnight(day), lab.midnight(next_day)
    begin = next(at for at in range(begin - 2 * HOUR, begin + 2 * HOUR, HOUR // 2) if local(at, zone).startswith(day))
    assert end - begin == hours * HOUR
    lab.day("node01", day, every(60, begin, end))
    visitor = visit()
    page = visitor.open(f"machine.html?from={iso(begin)}&to={iso(end)}")
    visitor.drawn()
    assert visitor.window() == (begin, end)
    ticks = page.evaluate("document.querySelector('figure.chart').chart.axes[0]._splits")
    named = [each.split("\n")[0] for each in labels(page)]
    assert [local(at, zone)[11:16] for at in ticks] == named
    assert there <= set(named) and not missing & set(named[:-1])
    expect(page.locator("figcaption")).to_contain_text(zone)
    # Of compare, the same window has the same ticks.
    page = visitor.open(f"compare.html?item=node01&from={iso(begin)}&to={iso(end)}")
    page.wait_for_function("() => document.querySelector('#together').chart?.data[1]?.length > 0")
    assert page.evaluate("document.querySelector('#together').chart.axes[0]._splits") == ticks


def local(at, zone):

    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).isoformat()
