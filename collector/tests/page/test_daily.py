"""Daily report: any day by its date; what is wrong with a day is said, and never is another day shown for it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from serving import NOW, render

from published import Collector, csv, every, iso, ms

DAY = "2026-11-20"
ROWS = every(10, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")


@pytest.fixture
def node(lab):
    lab.bmc("node01", title="Node 1")
    lab.day("node01", DAY, ROWS)
    return lab


def daily(date: str, machine: str = "node01") -> str:
    return f"daily.html?machine={machine}&date={date}"


def test_a_day_is_drawn_value_by_value_from_zero_watts_and_counted(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY))
    assert list(zip(*visitor.drawn(), strict=True)) == ROWS
    scales = page.evaluate("(({x, y}) => [x.min, x.max, y.min])(document.querySelector('figure').chart.scales)")
    assert scales == [ms("2026-11-20T00:00:00Z"), ms("2026-11-21T00:00:00Z"), 0]
    tiles = visitor.tiles()
    energy = sum(watts for _, watts in ROWS[:-1]) * 10 / 3600 / 1000
    assert tiles["Energy"] == f"{energy:.3f} kWh"
    assert tiles["Cost"] == f"€{energy * 0.3:.2f}"
    assert (tiles["Peak"], tiles["Minimum"], tiles["Coverage"]) == ("449 W", "400 W", "99.98 %")
    expect(page.get_by_role("heading", level=1)).to_have_text("Friday, 20 November 2026")


def test_a_day_of_a_sample_a_second_keeps_its_only_peak(lab, visit):
    lab.bmc("node01", interval_s=1.0)
    lab.day(
        "node01", DAY, every(1, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", lambda i: 842 if i == 43_211 else 400)
    )
    visitor = visit()
    page = visitor.open(daily(DAY))
    assert len(visitor.drawn()[0]) == 86_400
    assert visitor.tiles()["Peak"] == "842 W"
    # A line of the height of the peak stands in the picture: there is ink at 800 W, where nothing else is.
    assert page.evaluate("""() => {
        const chart = document.querySelector('figure').chart;
        const {ctx, bbox} = chart;
        const y = Math.round(chart.valToPos(780, 'y', true));
        const line = getComputedStyle(document.documentElement).getPropertyValue('--chart-line').match(/[0-9a-f]{2}/g);
        const [r, g, b] = line.map((hex) => parseInt(hex, 16));
        const {data} = ctx.getImageData(bbox.left, y, bbox.width, 1);
        let inked = 0;
        for (let i = 0; i < data.length; i += 4)
            inked += Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 120;
        return inked;
    }""") in (1, 2, 3)


def test_a_hole_stays_a_hole_with_its_reason(lab, visit):
    lab.bmc("node01")
    rows = [row for row in ROWS if not ms("2026-11-20T08:00:00Z") <= row[0] < ms("2026-11-20T10:00:00Z")]
    outage = {"kind": "outage", "begin": "2026-11-20T08:00:00.000Z", "end": "2026-11-20T10:00:00.000Z"}
    lab.day("node01", DAY, rows, [outage | {"reason": "unreachable", "detail": ""}])
    visitor = visit()
    page = visitor.open(daily(DAY))
    xs, ys = visitor.drawn()
    assert [x for x, y in zip(xs, ys, strict=True) if y is None] == [ms("2026-11-20T07:59:50Z") + 30_000]
    assert visitor.tiles()["Coverage"] == "91.67 %"
    pixel = page.evaluate("document.querySelector('figure').chart.valToPos(Date.UTC(2026, 10, 20, 9), 'x')")
    page.locator(".plot .u-over").hover(position={"x": pixel, "y": 50})
    expect(page.locator(".readout")).to_contain_text("no reading: the network does not reach it")


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("2026-11-21", "No readings of Node 1 on Saturday, 21 November 2026"),
        ("2027-01-01", "Friday, 1 January 2027 has not come yet"),
        ("2026-12-00", "“2026-12-00” is not a date"),
        ("<b>x</b>", "“<b>x</b>” is not a date"),
    ],
)
def test_a_day_without_readings_is_said_and_the_chart_of_the_day_before_is_gone(node, visit, date, words):
    visitor = visit()
    page = visitor.open(daily(DAY))
    visitor.drawn()
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
    visitor.drawn()
    page.get_by_label("Day", exact=True).fill("2026-11-22")
    expect(page.locator("#notices")).to_contain_text("No readings of Node 1 on Sunday, 22 November 2026")
    assert page.locator("#panel").is_hidden()
    assert "date=2026-11-22" in page.url
    expect(page.locator("#notices a")).to_have_text(["2026-11-20", "2026-11-23"])
    page.get_by_role("link", name="After").click()
    page.wait_for_url("**date=2026-11-23")
    assert len(visitor.drawn()[0]) == 360


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
    expect(page.locator("#notices")).to_contain_text(f"The file of {DAY} holds no reading")
    expect(page.locator("#notices")).to_contain_text("it cannot measure power. DCMI: C1.")
    assert page.locator("#panel").is_hidden()


def test_of_a_half_bad_file_the_good_rows_are_shown_and_the_bad_ones_counted(lab, visit):
    lines = csv(ROWS).splitlines()
    lines[3] = "2026-11-20T00:00:20.000Z,-17"
    lines[9] = "\x00\x00<script>"
    lab.bmc("node01")
    lab.day("node01", DAY, "\n".join(lines) + "\n2026-11-20T23:5")
    visitor = visit()
    visitor.open(daily(DAY))
    assert list(zip(*visitor.drawn(), strict=True)) == [*ROWS[:2], *ROWS[3:8], *ROWS[9:]]
    assert "3 of 8,641 rows could not be read" in visitor.notices()
    assert "line 4: “2026-11-20T00:00:20.000Z,-17”" in visitor.notices()


def test_a_file_that_is_no_csv_at_all_is_not_drawn(lab, visit):
    lab.bmc("node01")
    lab.day("node01", DAY, "<!doctype html>\n<title>Moved</title>\n")
    visitor = visit()
    page = visitor.open(daily(DAY))
    expect(page.locator("#notices")).to_contain_text("No row of this file can be read")
    assert page.locator("#panel").is_hidden()


@pytest.mark.parametrize(
    ("status", "words"), [(404, "The file of this day is gone"), (503, "answered with status 503")]
)
def test_a_file_that_is_gone_or_refused_is_said(node, server, visit, status, words):
    server.faults[f"{DAY}.csv"] = status
    visitor = visit(expected=(str(status),))
    page = visitor.open(daily(DAY))
    expect(page.locator("#notices")).to_contain_text(words)
    assert page.locator("#panel").is_hidden()


def test_without_the_events_the_day_is_drawn_and_it_is_said_that_reasons_are_missing(node, server, visit):
    (node.folder / "node01" / f"{DAY}.events.json").write_text("{")
    visitor = visit()
    visitor.open(daily(DAY))
    assert list(zip(*visitor.drawn(), strict=True)) == ROWS
    assert "Why there are holes is not known" in visitor.notices()


def test_a_day_of_25_hours_is_25_hours_wide_with_ticks_at_its_clocks(lab, server, visit):
    lab.zone = "Europe/Berlin"
    lab.bmc("node01")
    begin, end = lab.midnight("2026-10-25"), lab.midnight("2026-10-26")
    assert end - begin == 25 * 3_600_000
    lab.day("node01", "2026-10-25", every(10, begin, end))
    visitor = visit()
    page = visitor.open(daily("2026-10-25"))
    assert len(visitor.drawn()[0]) == 9000
    chart = "document.querySelector('figure').chart"
    assert page.evaluate(f"[{chart}.scales.x.min, {chart}.scales.x.max]") == [begin, end]
    labels = page.evaluate(f"{chart}.axes[0]._values")
    assert labels[0] == "00:00\n25 Oct"
    assert all(label[:5].endswith(":00") and int(label[:2]) % 2 == 0 for label in labels)
    assert "Europe/Berlin" in page.locator("figcaption").inner_text()


def test_home_and_daily_read_times_in_the_same_zone(lab, server, visit):
    lab.zone = "America/Sao_Paulo"
    lab.bmc("node01")
    lab.day(
        "node01", "2026-11-24", every(10, lab.midnight("2026-11-24"), NOW - 5000, lambda i: 900 if i == 3000 else 400)
    )
    visitor = visit()
    peaks = []
    for path in ("index.html?span=6h", daily("2026-11-24")):
        page = visitor.open(path)
        visitor.drawn()
        peaks.append(page.locator(".tiles small").nth(1).inner_text())
        expect(page.locator("figcaption")).to_contain_text("America/Sao_Paulo (UTC−03:00)")
    # 3,000 samples of 10 s after midnight.
    assert peaks == ["at 08:20:00"] * 2


def drag(page, begin, end):
    """Select in the chart with the mouse, between two distances from its left edge in pixels; return its box."""
    box = page.locator(".plot .u-over").bounding_box()
    page.mouse.move(box["x"] + begin, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + end, box["y"] + 90, steps=5)
    page.mouse.up()
    return box


def test_dragging_selects_the_statistics_follow_and_the_address_shows_the_same_again(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY))
    visitor.drawn()
    whole = visitor.tiles()
    box = drag(page, 300, 400)
    expect(page.locator(".statistics h2")).to_contain_text("Selected: ")
    page.keyboard.press("Escape")
    expect(page.locator(".statistics h2")).to_have_text("The whole day")
    drag(page, 300, 400)
    expect(page.locator(".statistics h2")).to_contain_text("Selected: ")
    selected = visitor.tiles()
    assert selected["Energy"] != whole["Energy"]
    page.reload()
    visitor.drawn()
    assert visitor.tiles() == selected
    width = page.evaluate("document.querySelector('.u-select').getBoundingClientRect().width")
    assert abs(width - 100) < 1.5
    page.get_by_role("button", name="Zoom in").click()
    span = page.evaluate("(({min, max}) => max - min)(document.querySelector('figure').chart.scales.x)")
    assert abs(span / 86_400_000 - 100 / box["width"]) < 0.01
    page.locator(".plot .u-over").dblclick()
    expect(page.locator(".statistics h2")).to_have_text("The whole day")
    assert visitor.tiles() == whole
    assert "from=" not in page.url


def test_a_selected_span_counts_to_the_second(node, visit):
    visitor = visit()
    visitor.open(daily(DAY) + "&from=2026-11-20T10:00:05Z&to=2026-11-20T10:01:00Z")
    visitor.drawn()
    at = ms("2026-11-20T10:00:00Z")
    watts = dict(ROWS)
    joules = watts[at] * 5 + sum(watts[at + i * 10_000] * 10 for i in range(1, 6))
    assert visitor.tiles()["Energy"] == f"{joules / 3600:.2f} Wh"
    assert visitor.tiles()["Mean"] == f"{joules / 55:.1f} W"


def test_the_chart_is_used_with_the_keyboard_and_speaks(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY) + "&from=2026-11-20T10:00:00Z&to=2026-11-20T10:10:00Z")
    visitor.drawn()
    page.get_by_role("button", name="Zoom in").press("Enter")
    chart = page.get_by_role("application", name="Watts of Node 1")
    chart.focus()
    chart.press("Home")
    spoken = page.locator("figure [aria-live=polite]")
    watts = dict(ROWS)
    for i in range(1, 4):
        chart.press("ArrowRight")
        expect(spoken).to_have_text(f"10:00:{i}0, {watts[ms(f'2026-11-20T10:00:{i}0Z')]} W")
    chart.press("Escape")
    expect(page.locator(".statistics h2")).to_have_text("The whole day")
    chart.press("Home")
    chart.press("Shift+PageDown")
    expect(page.locator(".statistics h2")).to_have_text("Selected: 00:00:00 – 02:24:00, 2 h 24 min")
    chart.press("Shift+PageDown")
    expect(page.locator(".statistics h2")).to_have_text("Selected: 00:00:00 – 04:48:00, 4 h 48 min")


def test_a_mouse_move_draws_nothing_anew(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY))
    visitor.drawn()
    page.evaluate(
        "() => { window.draws = 0; document.querySelector('figure').chart.hooks.draw.push(() => window.draws++); }"
    )
    for x in range(100, 900, 50):
        page.locator(".plot .u-over").hover(position={"x": x, "y": 100})
    assert page.locator(".readout").inner_text() != ""
    assert page.evaluate("window.draws") == 0


def test_the_table_beside_the_chart_says_what_is_drawn(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY))
    visitor.drawn()
    page.get_by_text("Table of what is drawn").click()
    rows = page.locator(".drawn tbody tr")
    expect(rows).to_have_count(24)
    hour = [watts for at, watts in ROWS if ms("2026-11-20T10:00:00Z") <= at < ms("2026-11-20T11:00:00Z")]
    mean = sum(hour) / len(hour)
    expect(rows.nth(10)).to_have_text(f"10:00:0011:00:00{mean:.1f} W{min(hour)} W{max(hour)} W{mean:.2f} Wh100 %")


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
    assert visitor.drawn()[0][0] == after[0][0]
    # 120 samples of 360 W; the last one holds nothing.
    assert visitor.tiles()["Energy"] == "119.00 Wh"
    assert "set back by 1 h at 10:09:55" in visitor.notices()


def test_today_is_counted_as_far_as_it_has_passed(lab, visit):
    lab.bmc("node01")
    lab.day("node01", "2026-11-24", every(10, "2026-11-24T00:00:00Z", NOW))
    visitor = visit()
    page = visitor.open("daily.html")
    visitor.drawn()
    assert visitor.tiles()["Coverage"] == "100 %"
    expect(page.locator(".statistics h2")).to_have_text("The day so far, until 11:59:50")


@pytest.mark.parametrize("tariff", [None, 0, ""])
def test_without_a_tariff_no_cost_is_shown(node, server, visit, tariff):
    render(server.root / "powergraph", frontend_tariff_per_kwh=tariff)
    visitor = visit()
    visitor.open(daily(DAY))
    visitor.drawn()
    assert "Cost" not in visitor.tiles()


def test_an_unknown_machine_is_named_and_the_known_ones_offered(node, visit):
    visitor = visit()
    page = visitor.open(daily(DAY, "node99"))
    expect(page.locator("#notices")).to_contain_text("No machine is called “node99” here")
    assert page.locator("#panel").is_hidden()
    page.get_by_label("Machine").select_option("Node 1")
    assert len(visitor.drawn()[0]) == len(ROWS)


def test_two_collectors_with_one_name_are_told_apart_in_the_report(lab, server, visit):
    render(server.root / "powergraph", frontend_collectors=["lab", "annex"])
    annex = Collector(server.root / "powergraph" / "data", "annex", lambda: server.now_ms)
    for collector, watts in ((lab, 100), (annex, 30)):
        collector.bmc("node01")
        collector.day("node01", DAY, [(at, watts) for at, _ in ROWS[:400]])
    visitor = visit()
    page = visitor.open(daily(DAY, "annex/node01"))
    assert set(visitor.drawn()[1]) == {30}
    page.goto(server.url + daily(DAY, "node01"))
    expect(page.locator("#notices")).to_contain_text("No machine is called “node01” here")
