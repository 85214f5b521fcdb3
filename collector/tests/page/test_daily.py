"""Daily report: any day by its date; what is wrong with a day is said, and never is another day shown for it."""

from __future__ import annotations

import re

import pytest
import rollup_files
from axe import violations
from playwright.sync_api import expect
from serving import render

from published import Collector, csv, every, iso, ms

DAY = "2026-11-20"
ROWS = every(10, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")
HOUR = 3_600_000
TARIFF = {"currency": "EUR", "per_kwh": 0.3, "rates": []}
CHART = "document.querySelector('figure').chart"


@pytest.fixture
def node(lab):
    lab.bmc("node01", title="Node 1")
    lab.day("node01", DAY, ROWS)
    return lab


def daily(date: str, machine: str = "node01", more: str = "") -> str:
    return f"daily.html?machine={machine}&date={date}{more}"


def shown(visitor):
    """Wait for a report, with what comes last."""
    visitor.page.wait_for_selector("#panel:not([hidden])")
    expect(visitor.page.locator("#notices")).not_to_contain_text("Reading …")
    return visitor.page


def drawn(visitor):
    """What the chart draws: its times in ms, and the mean of each."""
    shown(visitor)
    return visitor.page.evaluate(f"{CHART}.data.slice(0, 2).map((values) => [...values])")


def hours(page):
    return page.locator("#hours tbody tr")


def compared(page):
    return page.locator("#comparison tbody tr").all_inner_texts()


def kwh(rows):
    """The energy of samples every 10 s, of which the last holds nothing."""
    return sum(watts for _, watts in rows[:-1]) * 10 / 3_600_000


def test_a_day_is_drawn_from_zero_watts_and_counted(node, visit):
    node.write_index(tariff=TARIFF, co2_g_per_kwh=400)
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    scales = page.evaluate(f"(({{x, y}}) => [x.min, x.max, y.min])({CHART}.scales)")
    assert scales == [ms("2026-11-20T00:00:00Z"), ms("2026-11-21T00:00:00Z"), 0]
    tiles = visitor.tiles()
    energy = kwh(ROWS)
    assert tiles["Energy"] == f"{energy:.3f} kWh"
    assert tiles["Cost"] == f"€{energy * 0.3:.2f}"
    assert tiles["CO₂"] == f"{energy * 0.4:.3f} kg"
    assert (tiles["Peak"], tiles["Minimum"], tiles["Coverage"]) == ("449 W", "400 W", "99.98 %")
    assert (tiles["95th percentile"], tiles["Base load"]) == ("447 W", "402 W")
    expect(page.get_by_role("heading", level=1)).to_have_text("Friday, 20 November 2026")
    expect(page.locator("#days-of")).to_have_text("Day of UTC")


def test_read_again_the_chart_is_the_same(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    axis = f"[{CHART}.axes[0]._values, {CHART}.data[0].length, {CHART}.width]"
    before = page.evaluate(axis)
    assert len(before[0]) > 6
    page.evaluate("""() => {
        const panel = document.getElementById('panel');
        window.hidings = 0;
        new MutationObserver(() => { window.hidings += panel.hidden; }).observe(panel, { attributes: true });
    }""")
    with page.expect_response("**/index.json"):
        page.get_by_role("button", name="Update").click()
    shown(visitor)
    assert page.evaluate(axis) == before
    assert page.evaluate("window.hidings") == 0


def test_zoomed_to_minutes_every_sample_is_drawn(node, visit):
    visitor = visit()
    visitor.open(daily(DAY, more="&from=2026-11-20T10:00:00Z&to=2026-11-20T10:30:00Z"))
    xs, ys = drawn(visitor)
    wanted = [row for row in ROWS if ms("2026-11-20T10:00:00Z") <= row[0] <= ms("2026-11-20T10:30:00Z")]
    assert [pair for pair in zip(xs, ys, strict=True) if pair[0] in dict(wanted)] == [tuple(row) for row in wanted]


def test_a_day_of_a_sample_a_second_keeps_its_only_peak(lab, visit):
    lab.bmc("node01", interval_s=1.0)
    lab.day(
        "node01", DAY, every(1, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", lambda i: 842 if i == 43_211 else 400)
    )
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    assert visitor.tiles()["Peak"] == "842 W"
    assert page.locator("[data-figure=peak] small").inner_text() == "at 12:00:11"
    assert page.evaluate(f"Math.max(...{CHART}.data.at(-1))") == 842


def test_a_hole_stays_a_hole_with_its_reason(lab, visit):
    lab.bmc("node01")
    rows = [row for row in ROWS if not ms("2026-11-20T08:00:00Z") <= row[0] < ms("2026-11-20T10:00:00Z")]
    outage = {"kind": "outage", "begin": "2026-11-20T08:00:00.000Z", "end": "2026-11-20T10:00:00.000Z"}
    lab.day("node01", DAY, rows, [outage | {"reason": "unreachable", "detail": "No route."}])
    visitor = visit()
    page = visitor.open(daily(DAY))
    xs, ys = drawn(visitor)
    holes = [x for x, y in zip(xs, ys, strict=True) if y is None]
    assert holes[0] == ms("2026-11-20T07:59:50Z") + 30_000
    assert visitor.tiles()["Coverage"] == "91.67 %"
    expect(page.locator("#happenings li")).to_have_text(
        "08:00:00 – 10:00:00, 2 h No reading: the network does not reach it (No route.)"
    )
    expect(hours(page).nth(9)).to_have_text("09:00no readings")
    expect(hours(page).nth(8)).to_contain_text("0.55 %")


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("2026-11-21", "No readings of Node 1 on Saturday, 21 November 2026"),
        ("2027-01-01", "Friday, 1 January 2027 has not come yet"),
        ("2026-12-00", "“2026-12-00” is not a date"),
        ("<b>x</b>", "“<b>x</b>” is not a date"),
    ],
)
def test_a_day_without_readings_is_said_and_the_report_of_the_day_before_is_gone(node, visit, date, words):
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    page.evaluate(
        "address => { history.pushState(null, '', address); dispatchEvent(new PopStateEvent('popstate')); }",
        daily(date),
    )
    expect(page.locator("#notices")).to_contain_text(words)
    assert page.locator("#panel").is_hidden()


def test_the_picker_leads_to_a_missing_day_and_from_there_to_the_nearest_ones(node, visit):
    node.day("node01", "2026-11-23", every(10, "2026-11-23T00:00:00Z", "2026-11-23T01:00:00Z"))
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    page.get_by_label("Day", exact=True).fill("2026-11-22")
    expect(page.locator("#notices")).to_contain_text("No readings of Node 1 on Sunday, 22 November 2026")
    assert page.locator("#panel").is_hidden()
    assert "date=2026-11-22" in page.url
    expect(page.locator("#notices a")).to_have_text(["Friday, 20 November 2026", "Monday, 23 November 2026"])
    page.get_by_role("link", name="After").click()
    page.wait_for_url("**date=2026-11-23")
    shown(visitor)
    assert visitor.tiles()["Coverage"] == "4.15 %"


def test_on_the_first_of_a_month_the_picker_ends_with_that_day_of_the_zone(lab, server, visit):
    server.now_ms = ms("2026-12-01T02:30:00Z")
    lab.zone = "America/Sao_Paulo"
    lab.bmc("node01")
    lab.day("node01", "2026-11-30", every(10, "2026-11-30T03:00:00Z", server.now_ms))
    page = visit().open("daily.html")
    expect(page.get_by_label("Day", exact=True)).to_have_attribute("max", "2026-11-30")
    server.now_ms = ms("2026-12-01T03:30:00Z")
    page.reload()
    expect(page.get_by_label("Day", exact=True)).to_have_attribute("max", "2026-12-01")


@pytest.mark.parametrize("content", ["", "timestamp,consumption\n"])
def test_a_file_without_readings_says_so_and_why(lab, visit, content):
    lab.bmc("node01")
    outage = {
        "kind": "outage",
        "begin": f"{DAY}T00:00:00.000Z",
        "end": None,
        "reason": "not-supported",
        "detail": "DCMI: C1.",
    }
    lab.day("node01", DAY, content, [outage])
    visitor = visit()
    page = visitor.open(daily(DAY))
    expect(page.locator("#notices")).to_contain_text("The file of Friday, 20 November 2026 holds no reading")
    expect(page.locator("#notices")).to_contain_text("it cannot measure power. DCMI: C1.")
    assert page.locator("#panel").is_hidden()


def test_of_a_half_bad_file_the_good_rows_are_shown_and_the_bad_ones_counted(lab, visit):
    lines = csv(ROWS).splitlines()
    lines[3] = "2026-11-20T00:00:20.000Z,-17"
    lines[9] = "\x00\x00<script>"
    lab.bmc("node01")
    lab.day("node01", DAY, "\n".join(lines) + "\n2026-11-20T23:5")
    visitor = visit()
    visitor.open(daily(DAY, more="&from=2026-11-20T00:00:00Z&to=2026-11-20T00:05:00Z"))
    xs, _ = drawn(visitor)
    wanted = [at for at, _ in [*ROWS[:2], *ROWS[3:8], *ROWS[9:30]]]
    assert [x for x in xs if x < ROWS[30][0]] == wanted
    assert "3 of 8,641 rows could not be read" in visitor.notices()
    assert f"line 4 of data/lab/node01/{DAY}.csv: “2026-11-20T00:00:20.000Z,-17”" in visitor.notices()


def test_a_file_that_is_no_csv_at_all_is_not_drawn(lab, visit):
    lab.bmc("node01")
    lab.day("node01", DAY, "<!doctype html>\n<title>Moved</title>\n")
    visitor = visit()
    page = visitor.open(daily(DAY))
    expect(page.locator("#notices")).to_contain_text("No row of this file can be read")
    assert page.locator("#panel").is_hidden()


@pytest.mark.parametrize(("status", "words"), [(404, "A file of this time is gone"), (503, "answered with status 503")])
def test_a_file_that_is_gone_or_refused_is_said(node, server, visit, status, words):
    server.faults[f"{DAY}.csv"] = status
    visitor = visit(expected=(str(status),))
    page = visitor.open(daily(DAY))
    expect(page.locator("#notices")).to_contain_text(words)
    assert page.locator("#panel").is_hidden()


def test_without_the_events_the_day_is_shown_and_it_is_said_that_reasons_are_missing(node, visit):
    (node.folder / "node01" / f"{DAY}.events.json").write_text("{")
    visitor = visit()
    visitor.open(daily(DAY))
    shown(visitor)
    assert visitor.tiles()["Energy"] == f"{kwh(ROWS):.3f} kWh"
    assert "Why there are holes is not known" in visitor.notices()


@pytest.mark.parametrize(("day", "count"), [("2026-10-25", 25), ("2026-03-29", 23)])
def test_a_day_of_another_length_has_its_hours_and_says_which_is_which(lab, visit, day, count):
    lab.zone = "Europe/Berlin"
    lab.bmc("node01")
    begin = lab.midnight(day)
    end = begin + count * HOUR
    lab.day("node01", day, every(10, begin, end, lambda i: 300 + i // 360))
    visitor = visit()
    page = visitor.open(daily(day))
    shown(visitor)
    assert page.evaluate(f"[{CHART}.scales.x.min, {CHART}.scales.x.max]") == [begin, end]
    expect(hours(page)).to_have_count(count)
    names = hours(page).locator("th").all_inner_texts()
    energies = hours(page).locator("td:nth-child(2)").all_inner_texts()
    # The last sample holds nothing.
    assert energies[:-1] == [f"{300 + i}.00 Wh" for i in range(count - 1)]
    if count == 25:
        assert names[2:4] == ["02:00 UTC+02:00", "02:00 UTC+01:00"]
    else:
        assert names[1:3] == ["01:00 UTC+01:00", "03:00 UTC+02:00"]
    expect(page.locator("#days-of")).to_contain_text(f"Day of Europe/Berlin (UTC+0{2 if count == 25 else 1}:00)")
    expect(page.locator("#days-of")).to_contain_text("as the clocks change")


def test_in_a_zone_at_half_past_the_hours_are_those_of_its_clocks(lab, visit):
    lab.zone = "Asia/Kolkata"
    lab.bmc("node01")
    begin = lab.midnight(DAY)
    lab.day("node01", DAY, every(10, begin, begin + 24 * HOUR, lambda i: 300 + i // 360))
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    names = hours(page).locator("th").all_inner_texts()
    assert names == [f"{hour:02}:00" for hour in range(24)]
    assert hours(page).locator("td:nth-child(2)").nth(7).inner_text() == "307.00 Wh"


def test_whatever_zone_the_visitor_chose_a_report_is_of_the_sites_day(lab, visit):
    lab.zone = "America/Sao_Paulo"
    lab.bmc("node01")
    begin = lab.midnight(DAY)
    lab.day("node01", DAY, every(10, begin, begin + 24 * HOUR, lambda i: 900 if i == 3000 else 400))
    visitor = visit()
    page = visitor.open(daily(DAY, more="&zone=utc"))
    shown(visitor)
    expect(page.locator("#days-of")).to_have_text(
        "Day of America/Sao_Paulo (UTC−03:00) · reports are always of the site’s days and clocks"
    )
    assert page.locator("[data-figure=peak] small").inner_text() == "at 08:20:00"
    expect(page.locator("figcaption")).to_contain_text("America/Sao_Paulo (UTC−03:00)")


def drag(page, begin, end):
    """Drag over the chart with the mouse, between two distances from its left edge in pixels; return its box."""
    box = page.locator(".plot .u-over").bounding_box()
    page.mouse.move(box["x"] + begin, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + end, box["y"] + 90, steps=5)
    page.mouse.up()
    return box


def test_dragging_zooms_the_figures_follow_and_the_address_shows_the_same_again(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    whole = visitor.tiles()
    box = drag(page, 300, 400)
    expect(page.locator("#of-what")).to_contain_text("Shown: ")
    span = page.evaluate(f"(({{min, max}}) => max - min)({CHART}.scales.x)")
    assert abs(span / (24 * HOUR) - 100 / box["width"]) < 0.01
    zoomed = visitor.tiles()
    assert zoomed["Energy"] != whole["Energy"]
    page.reload()
    shown(visitor)
    assert visitor.tiles() == zoomed
    page.locator(".plot").press("Escape")
    expect(page.locator("#of-what")).to_have_text("The whole day")
    assert visitor.tiles() == whole
    assert "from=" not in page.url


def test_a_selection_counts_to_the_second_and_leads_to_the_machine_view(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY, more="&sel=2026-11-20T10:00:05Z/2026-11-20T10:01:00Z"))
    shown(visitor)
    at = ms("2026-11-20T10:00:00Z")
    watts = dict(ROWS)
    joules = watts[at] * 5 + sum(watts[at + i * 10_000] * 10 for i in range(1, 6))
    assert visitor.tiles()["Energy"] == f"{joules / 3600:.2f} Wh"
    assert visitor.tiles()["Mean"] == f"{joules / 55:.1f} W"
    expect(page.locator("#of-what")).to_have_text("Selected: 10:00:05 – 10:01:00, 55 s")
    expect(page.locator("#in-machine-view")).to_have_attribute(
        "href",
        "machine.html?machine=node01&from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z"
        "&sel=2026-11-20T10:00:05Z/2026-11-20T10:01:00Z",
    )
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.locator("#of-what")).to_have_text("The whole day")
    assert "sel=" not in page.url


def test_by_keyboard_a_span_is_selected_and_the_threshold_set(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    page.locator(".plot").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+PageDown")
    expect(page.locator("#of-what")).to_have_text("Selected: 00:00:00 – 02:24:00, 2 h 24 min")
    page.get_by_label("Above").fill("448")
    expect(page.locator("#time-above")).to_have_text("2 min 50 s, 2.0 % of the covered time")
    page.locator(".plot").press("Escape")
    page.locator(".plot").press("Escape")
    expect(page.locator("#of-what")).to_have_text("The whole day")


def test_the_time_above_a_threshold_is_weighted_and_in_the_address(lab, visit):
    lab.bmc("node01")
    # A quarter of the day at 600 W, one at 500 W, half at 200 W.
    lab.day(
        "node01",
        DAY,
        every(10, f"{DAY}T00:00:00Z", "2026-11-21T00:00:00Z", lambda i: 600 if i < 2160 else 500 if i < 4320 else 200),
    )
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    above = page.get_by_label("Above")
    expect(above).to_have_value("375")
    expect(page.locator("#time-above")).to_have_text("12 h, 50.0 % of the covered time")
    above.fill("500")
    expect(page.locator("#time-above")).to_have_text("6 h, 25.0 % of the covered time")
    assert "above=500" in page.url
    page.reload()
    expect(above).to_have_value("500")
    above.fill("-3")
    expect(page.locator("#time-above")).to_have_text("Give a whole number of watts.")
    above.fill("")
    assert "above=" not in page.url


def constant(lab, day, watts, hours_long=24):
    begin = lab.midnight(day)
    return every(10, begin, begin + hours_long * HOUR, lambda _: watts)


def test_a_day_is_compared_exactly_with_the_day_before_and_the_weekday_before(lab, visit):
    lab.bmc("node01")
    lab.day("node01", "2026-11-13", constant(lab, "2026-11-13", 500))
    lab.day("node01", "2026-11-19", constant(lab, "2026-11-19", 300, hours_long=12))
    lab.day("node01", DAY, constant(lab, DAY, 400))
    rows = [each for day in ("2026-11-13", "2026-11-19", DAY) for each in lab.rows("node01", day)]
    rollup_files.publish(lab, "node01", rollup_files.of_samples(rows))
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    before, week = compared(page)
    # 12 hours, of which the last sample holds on for three intervals: the next one comes half a day later.
    assert "Day before\nThursday, 19 November 2026" in before
    energy = 400 * (24 - 10 / 3600) - 300 * (12 + 20 / 3600)
    assert f"+{energy / 1000:.3f} kWh (+{energy / (300 * (12 + 20 / 3600)) * 100:.1f} %)" in before
    assert "+100.0 W" in before and "+100 W" in before and "50.02 %" in before and "little of it is covered" in before
    energy = 400 * (24 - 10 / 3600) - 500 * 24
    assert f"−{-energy / 1000:.3f} kWh" in week and "−100.0 W" in week and "little" not in week
    page.get_by_role("link", name="Same weekday a week before").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Friday, 13 November 2026")
    expect(page.locator("#comparison")).to_contain_text("no readings")


def test_a_day_that_goes_on_is_compared_until_the_same_time(lab, server, visit):
    server.now_ms = ms("2026-11-24T06:02:00Z")
    lab.bmc("node01")
    lab.day("node01", "2026-11-23", constant(lab, "2026-11-23", 300))
    lab.day("node01", "2026-11-24", every(10, "2026-11-24T00:00:00Z", server.now_ms, lambda _: 400))
    rows = [each for day in ("2026-11-23", "2026-11-24") for each in lab.rows("node01", day)]
    rollup_files.publish(lab, "node01", rollup_files.of_samples(rows)[:-1])
    visitor = visit()
    page = visitor.open("daily.html")
    shown(visitor)
    expect(page.locator("#compared-until")).to_have_text("Both days until 06:00.")
    before, week = compared(page)
    assert "+600.00 Wh" not in before and "+0.600 kWh (+33.3 %)" in before and "from 1.800 kWh" in before
    assert "no readings" in week
    expect(page.locator("#of-what")).to_have_text("The day so far, until 06:01:50")
    assert visitor.tiles()["Coverage"] == "100 %"
    expect(hours(page)).to_have_count(7)
    expect(hours(page).last).to_contain_text("so far")


def test_of_a_day_whose_samples_are_not_published_any_more_the_rows_tell(lab, visit):
    lab.bmc("node01")
    lab.day("node01", "2026-11-23", constant(lab, "2026-11-23", 300))
    begin = lab.midnight("2025-03-10")
    rows = rollup_files.made_up(begin, begin + 24 * HOUR, lambda at: 500 if (at - begin) < 6 * HOUR else 200)
    rollup_files.publish(lab, "node01", rows)
    visitor = visit()
    page = visitor.open(daily("2025-03-10"))
    shown(visitor)
    assert visitor.tiles()["Energy"] == "6.600 kWh"
    expect(page.locator(".figure-notes")).to_contain_text("not published any more")
    expect(page.locator("#time-above")).to_have_text("6 h, 25.0 % of the covered time, by means of 5 min")
    expect(hours(page)).to_have_count(24)
    expect(hours(page).nth(5)).to_contain_text("500.00 Wh")
    assert page.locator("#links a[download]").count() == 0
    xs, ys = drawn(visitor)
    assert {y for x, y in zip(xs, ys, strict=True) if x < begin + 24 * HOUR} == {500, 200}
    # A day of the same month without rows is said to have none.
    page.goto(page.url.replace("2025-03-10", "2025-03-12"))
    expect(page.locator("#notices")).to_contain_text("No readings of node01 on Wednesday, 12 March 2025")


def test_a_step_of_the_clock_is_told_and_does_not_count(lab, visit):
    lab.bmc("node01")
    before = every(10, "2026-11-20T10:00:00Z", "2026-11-20T10:10:00Z", lambda _: 360)
    after = every(10, "2026-11-20T09:10:00Z", "2026-11-20T09:20:00Z", lambda _: 360)
    step = {
        "kind": "clock_step",
        "begin": iso(before[-1][0] + 5000),
        "end": iso(after[0][0] - 5000),
        "step_ms": -3_600_000,
    }
    lab.day("node01", DAY, [*before, *after], [step])
    visitor = visit()
    visitor.open(daily(DAY))
    shown(visitor)
    # 120 samples of 360 W; the last one holds nothing.
    assert visitor.tiles()["Energy"] == "119.00 Wh"
    assert "set back by 1 h, 10:09:55" in visitor.notices()


def test_what_happened_is_listed_in_words_and_drawn(lab, visit):
    lab.bmc("node01")
    events = [
        {"kind": "cap", "begin": f"{DAY}T01:00:00.000Z", "end": f"{DAY}T01:00:00.000Z", "limit_w": 600},
        {"kind": "marker", "begin": f"{DAY}T02:00:00.000Z", "end": f"{DAY}T03:00:00.000Z", "detail": "job <42>"},
        {"kind": "cap", "begin": f"{DAY}T04:00:00.000Z", "end": f"{DAY}T04:00:00.000Z", "limit_w": None},
        {"kind": "source", "begin": f"{DAY}T05:00:00.000Z", "end": f"{DAY}T05:00:00.000Z", "reason": "sdr"},
        {"kind": "doubt", "begin": f"{DAY}T06:00:00.000Z", "end": f"{DAY}T07:00:00.000Z", "reason": "partial odd"},
    ]
    lab.day("node01", DAY, ROWS, [{"reason": "", "detail": ""} | each for each in events])
    visitor = visit()
    page = visitor.open(daily(DAY))
    shown(visitor)
    assert page.locator("#happenings li").all_inner_texts() == [
        "01:00:00 The machine’s own power cap is 600 W.",
        "02:00:00 – 03:00:00, 1 h job <42>",
        "04:00:00 The machine has no power cap any more.",
        "05:00:00 Power is read by its watt sensors.",
        "06:00:00 – 07:00:00, 1 h Readings in doubt: a supply gives no reading; its reading is marked “odd”",
    ]
    assert "Some readings of this span are in doubt" in visitor.notices()


def test_without_a_tariff_no_cost_is_shown(node, visit):
    visitor = visit()
    visitor.open(daily(DAY))
    shown(visitor)
    assert "Cost" not in visitor.tiles() and "CO₂" not in visitor.tiles()


def test_an_unknown_machine_is_named_and_the_known_ones_offered(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY, "node99"))
    expect(page.locator("#notices")).to_contain_text("No machine is called “node99” here")
    assert page.locator("#panel").is_hidden()
    page.get_by_label("Machine").select_option("Node 1")
    shown(visitor)
    assert "machine=node01" in page.url


def test_two_collectors_with_one_name_are_told_apart_in_the_report(lab, server, visit):
    render(server.root / "powergraph", frontend_collectors=["lab", "annex"])
    annex = Collector(server.root / "powergraph" / "data", "annex", lambda: server.now_ms)
    for collector, watts in ((lab, 100), (annex, 30)):
        collector.bmc("node01")
        collector.day("node01", DAY, [(at, watts) for at, _ in ROWS[:400]])
    visitor = visit()
    page = visitor.open(daily(DAY, "annex/node01"))
    shown(visitor)
    assert visitor.tiles()["Peak"] == "30 W"
    page.goto(page.url.replace("annex/node01", "node01"))
    expect(page.locator("#notices")).to_contain_text("No machine is called “node01” here")


def test_axe_finds_nothing_in_a_report(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY, more="&sel=2026-11-20T10:00:05Z/2026-11-20T10:01:00Z"))
    shown(visitor)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
    page.goto(page.url.replace(DAY, "2026-11-21"))
    expect(page.locator("#notices")).to_contain_text("No readings")
    assert violations(page) == []


@pytest.mark.parametrize("width", [360, 768, 1440, 2560])
def test_the_report_fits_every_width(node, visit, width):
    visitor = visit(viewport={"width": width, "height": 900})
    page = visitor.open(daily(DAY))
    shown(visitor)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.wait_for_function("width => document.querySelector('.u-over').clientWidth > width * 0.5", arg=width)


def test_a_day_is_one_page_of_paper_and_the_screen_is_as_before(node, visit):
    visitor = visit(color_scheme="dark")
    page = visitor.open(daily(DAY))
    shown(visitor)
    ink = "getComputedStyle(document.documentElement).getPropertyValue('--chart-1')"
    before = page.evaluate(f"[{ink}, {CHART}.width]")
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == 1
    assert page.locator("#on-paper").text_content() == (
        "Power at <the> lab · Node 1 · Friday, 20 November 2026 · Day of UTC · printed Tue 24 Nov 2026, 12:00"
    )
    assert page.evaluate(f"[{ink}, {CHART}.width]") == before


def test_in_portuguese_the_report_speaks_portuguese(node, visit):
    visitor = visit(locale="pt-BR")
    page = visitor.open(daily(DAY))
    page.wait_for_selector("#panel:not([hidden])")
    expect(page.get_by_role("heading", level=1)).to_have_text("sexta-feira, 20 de novembro de 2026")
    expect(page.locator("#days-of")).to_have_text("Dia de UTC")
    assert visitor.tiles()["Energia"] == f"{kwh(ROWS):.3f}".replace(".", ",") + " kWh"
