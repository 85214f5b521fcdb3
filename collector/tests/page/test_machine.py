"""One machine: live or any span of its past; the address says all of it, and what is wrong has its own words."""

from __future__ import annotations

import re
from itertools import pairwise

import axe
import pytest
import rollup_files
from playwright.sync_api import expect
from serving import NOW, render

from published import Collector, csv, every, iso, ms

TODAY = "2026-11-24"
DAY = "2026-11-20"
HOUR = 3_600_000
ROWS = every(10, f"{DAY}T00:00:00Z", "2026-11-21T00:00:00Z")
WHOLE_DAY = f"machine.html?machine=node01&from={DAY}T00:00:00Z&to=2026-11-21T00:00:00Z"


@pytest.fixture
def morning(lab):
    lab.bmc("node01", title="Node 1")
    lab.day("node01", TODAY, every(10, f"{TODAY}T00:00:00Z", NOW - 5000))
    return lab


@pytest.fixture
def past(lab):
    lab.bmc("node01", title="Node 1")
    lab.day("node01", DAY, ROWS)
    return lab


# The chart's window begins before, or ends after, a moment.
BEGINS_BEFORE = "at => document.querySelector('figure.chart').chart.scales.x.min < at"
ENDS_AFTER = "at => document.querySelector('figure.chart').chart.scales.x.max > at"
ENDS_BEFORE = "at => document.querySelector('figure.chart').chart.scales.x.max < at"
SHORTER = "ms => (({min, max}) => max - min < ms)(document.querySelector('figure.chart').chart.scales.x)"


def within(rows, begin, end):
    return [row for row in rows if begin <= row[0] <= end]


def wait_for_last(visitor, watts):
    visitor.page.wait_for_function("w => document.querySelector('figure.chart')?.chart.data[1].at(-1) === w", arg=watts)


def figures_of(visitor, title):
    """The figures, once the heading above them is of a span."""
    expect(visitor.page.locator("#figures-title")).to_contain_text(title)
    return visitor.tiles()


class TestLive:
    def test_what_is_drawn_is_what_the_file_says_and_the_figures_are_of_the_last_hour(self, morning, visit):
        visitor = visit()
        page = visitor.open("machine.html")
        drawn = list(zip(*visitor.drawn(), strict=True))
        assert drawn == within(morning.rows("node01", TODAY), drawn[0][0], NOW)
        assert len(drawn) in (360, 361)
        expect(page.locator("#watts-now")).to_have_text("436 W")
        expect(page.locator("#state-now")).to_have_text("answering")
        tiles = figures_of(visitor, "The last hour: Tue 24 Nov 2026, 11:00:00 – 11:59:50")
        assert tiles["Coverage"] == "100 %"
        # 400 to 449 W in turns of 50 samples: 424.5 W on average, an hour of it.
        assert abs(float(tiles["Energy"].removesuffix(" Wh")) - 424.5) < 2
        assert visitor.notices() == ""

    def test_a_growing_file_is_followed_by_ranges_and_a_half_line_waits_for_its_rest(self, morning, server, visit):
        visitor = visit()
        visitor.open("machine.html")
        visitor.drawn()
        whole = len(server.asked_for(f"{TODAY}.csv"))
        morning.append("node01", TODAY, csv([(NOW - 4000, 777)]).splitlines()[1] + f"\n{iso(NOW - 3000)},5")
        wait_for_last(visitor, 777)
        morning.append("node01", TODAY, "55\n")
        wait_for_last(visitor, 555)
        later = server.asked_for(f"{TODAY}.csv")[whole:]
        assert later and all(each.status == 206 and each.range for each in later)

    def test_a_file_written_anew_is_read_whole_whether_shorter_or_longer(self, morning, visit):
        visitor = visit(expected=("416",))
        visitor.open("machine.html")
        visitor.drawn()
        for rows in (
            every(30, f"{TODAY}T11:30:00Z", NOW, lambda _: 200),
            every(5, f"{TODAY}T11:50:00Z", NOW, lambda _: 300),
        ):
            morning.day("node01", TODAY, rows)
            wait_for_last(visitor, rows[0][1])
            xs, ys = visitor.drawn()
            assert [(x, y) for x, y in zip(xs, ys, strict=True) if y is not None] == rows

    def test_at_midnight_it_goes_on_with_the_new_day_and_draws_no_line_across(self, lab, server, visit):
        server.now_ms = ms("2026-11-24T23:59:50Z")
        lab.bmc("node01")
        before = every(10, "2026-11-24T23:00:00Z", server.now_ms)
        lab.day("node01", TODAY, before)
        visitor = visit()
        visitor.open("machine.html")
        assert visitor.drawn()[0][-1] == before[-1][0]
        server.now_ms = ms("2026-11-25T00:00:21Z")
        after = every(10, "2026-11-25T00:00:00Z", server.now_ms, lambda _: 123)
        lab.reading("node01", power_w=123)
        lab.day("node01", "2026-11-25", after)
        wait_for_last(visitor, 123)
        xs, ys = visitor.drawn()
        assert list(zip(xs, ys, strict=True))[-5:] == [*before, *after][-5:]
        assert xs == sorted(xs)
        expect(visitor.page.locator("figcaption")).to_contain_text("Tue 24 Nov 2026 – Wed 25 Nov 2026, times in UTC")

    def test_the_switch_stops_the_clock_and_update_reads_once_keeping_the_selection(self, morning, server, visit):
        visitor = visit()
        page = visitor.open(f"machine.html?span=1h&sel={TODAY}T11:30:00Z/{TODAY}T11:40:00Z")
        visitor.drawn()
        selected = figures_of(visitor, "Selected: Tue 24 Nov 2026, 11:30:00 – 11:40:00 (10 min)")
        switch = page.get_by_role("switch", name="Real time")
        # By keyboard alone.
        page.locator("#spans input:checked").focus()
        page.keyboard.press("Tab")
        expect(switch).to_be_focused()
        page.keyboard.press("Space")
        expect(switch).not_to_be_checked()
        visitor.settled()
        asked = len(server.asked)
        morning.append("node01", TODAY, f"{iso(NOW - 3000)},999\n")
        page.wait_for_timeout(1500)
        assert len(server.asked) == asked
        page.get_by_role("button", name="Update").click()
        wait_for_last(visitor, 999)
        assert figures_of(visitor, "Selected: ") == selected

    def test_what_has_the_focus_keeps_it_while_the_page_goes_on(self, morning, server, visit):
        visitor = visit()
        page = visitor.open("machine.html")
        visitor.drawn()
        link = page.get_by_role("link", name="Report of the day")
        link.focus()
        server.now_ms += 20_000
        morning.reading("node01", power_w=512)
        expect(page.locator("#watts-now")).to_have_text("512 W")
        expect(link).to_be_focused()

    def test_a_zoom_stays_while_the_file_grows_and_one_that_ends_now_goes_on(self, morning, server, visit):
        visitor = visit()
        page = visitor.open("machine.html")
        visitor.drawn()
        drag(page, 300, 500)
        page.wait_for_url("**from=*")
        zoomed = visitor.window()
        assert zoomed[1] - zoomed[0] < HOUR / 3
        server.now_ms += 20_000
        morning.reading("node01", power_w=512)
        morning.append("node01", TODAY, f"{iso(NOW + 15_000)},999\n")
        expect(page.locator("#watts-now")).to_have_text("512 W")
        visitor.settled()
        assert visitor.window() == zoomed
        page.locator("#strip .strip-window").focus()
        page.keyboard.press("End")
        page.wait_for_function(ENDS_AFTER, arg=NOW - 1000)
        server.now_ms += 20_000
        page.wait_for_function(ENDS_AFTER, arg=NOW + 20_000)
        begin, end = visitor.window()
        assert abs((end - begin) - (zoomed[1] - zoomed[0])) < 2000

    def test_another_machine_is_chosen_and_the_way_back_leads_to_the_first(self, morning, visit):
        morning.bmc("node02", title="Node 2", group="Room 2", rack="R07", simulated=True)
        morning.day("node02", TODAY, every(10, f"{TODAY}T11:00:00Z", NOW, lambda _: 50))
        visitor = visit()
        page = visitor.open("machine.html")
        visitor.drawn()
        expect(page.locator("#machine-tag")).to_be_hidden()
        page.locator("#machine").select_option("Node 2")
        wait_for_last(visitor, 50)
        assert page.url.endswith("?machine=node02")
        expect(page.locator("#machine-tag")).to_have_text("simulated")
        expect(page.locator("#machine-place")).to_have_text("Room 2 · R07")
        page.get_by_label("15 min").check()
        page.wait_for_url("**/machine.html?machine=node02&span=15m")
        page.go_back()
        wait_for_last(visitor, morning.rows("node01", TODAY)[-1][1])
        expect(page.locator("h1")).to_have_text(re.compile("Node 1"))

    def test_of_several_collectors_equal_names_are_told_apart(self, lab, server, visit):
        render(server.root / "powergraph", frontend_collectors=["lab", "annex"])
        annex = Collector(server.root / "powergraph" / "data", "annex", lambda: server.now_ms)
        for collector, watts in ((lab, 100), (annex, 30)):
            collector.bmc("node01", title=f"Node 1 of {collector.name}")
            collector.day("node01", TODAY, every(10, NOW - 600_000, NOW, lambda _, watts=watts: watts))
            collector.reading("node01", power_w=watts)
        visitor = visit()
        page = visitor.open("machine.html?machine=annex/node01")
        wait_for_last(visitor, 30)
        page.locator("#machine").select_option("Node 1 of lab")
        wait_for_last(visitor, 100)
        assert page.url.endswith("machine=lab/node01")

    def test_what_the_visitors_clock_says_changes_nothing(self, morning, visit):
        visitor = visit()
        visitor.page.clock.install(time="2031-01-01T00:00:00Z")
        page = visitor.open("machine.html")
        expect(page.locator("#watts-now")).to_have_text("436 W")
        assert len(visitor.drawn()[0]) in (360, 361)
        assert visitor.notices() == ""


def drag(page, begin, end, modifier=None):
    """Drag in the chart with the mouse, between two distances from its left edge in pixels."""
    box = page.locator("#chart .u-over").bounding_box()
    if modifier:
        page.keyboard.down(modifier)
    page.mouse.move(box["x"] + begin, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + end, box["y"] + 90, steps=5)
    page.mouse.up()
    if modifier:
        page.keyboard.up(modifier)
    return box


class TestSpans:
    def test_a_day_is_drawn_from_its_file_and_counted_to_the_last_digit(self, past, visit):
        past.write_index(tariff={"currency": "EUR", "per_kwh": 0.3, "rates": []}, co2_g_per_kwh=380.0)
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        assert visitor.window() == (ms(f"{DAY}T00:00:00Z"), ms("2026-11-21T00:00:00Z"))
        energy = sum(watts for _, watts in ROWS[:-1]) * 10 / 3600 / 1000
        tiles = figures_of(visitor, "In view: Fri 20 Nov 2026, 00:00:00 – Sat 21 Nov 2026, 00:00:00 (1 d)")
        assert tiles["Energy"] == f"{energy:.3f} kWh"
        assert tiles["Cost"] == f"€{energy * 0.3:.2f}"
        assert tiles["CO₂"] == f"{energy * 0.38:.3f} kg"
        assert (tiles["Peak"], tiles["Minimum"], tiles["Coverage"]) == ("449 W", "400 W", "99.98 %")
        assert page.evaluate("document.querySelector('figure.chart').chart.scales.y.min") == 0

    def test_presets_choose_the_files_by_pixels_and_keep_every_peak(self, lab, server, visit):
        lab.bmc("node01", interval_s=60.0)
        at = ms("2026-11-05T03:00:00Z")
        rows = every(
            60, "2026-10-20T00:00:00Z", NOW, lambda i: 842 if i == (at - ms("2026-10-20T00:00:00Z")) / 60_000 else 300
        )
        for day in sorted({iso(each)[:10] for each, _ in rows}):
            lab.day("node01", day, [row for row in rows if iso(row[0]).startswith(day)])
        rollup_files.publish_samples(lab, "node01", rows)
        visitor = visit()
        page = visitor.open("machine.html?span=30d")
        visitor.drawn()
        figures_of(visitor, "The last 30 days")
        asked = {each.path.rsplit("/", 1)[-1] for each in server.asked}
        assert {"2026-11.csv", "2026-10.csv"} <= asked
        # Of whole days of samples only those in which the span begins, ends and has its extremes.
        days = [each for each in server.asked if re.search(r"-\d\d\.csv$", each.path) and each.range is None]
        assert len({each.path for each in days if "-11-" in each.path or "-10-" in each.path}) <= 4
        highs = page.evaluate("document.querySelector('figure.chart').chart.data[3]")
        assert max(high for high in highs if high is not None) == 842
        assert visitor.tiles()["Peak"] == "842 W"
        assert "of 5 min means" in page.locator("[data-figure=p95]").inner_text()

    def test_where_samples_are_not_published_any_more_the_span_snaps_to_rows_and_says_so(self, lab, visit):
        lab.bmc("node01")
        rows = every(10, "2026-10-05T00:00:00Z", "2026-10-05T02:00:00Z", lambda i: 400)
        rollup_files.publish_samples(lab, "node01", [*rows, *every(10, f"{TODAY}T11:00:00Z", NOW)])
        lab.day("node01", TODAY, every(10, f"{TODAY}T11:00:00Z", NOW))
        visitor = visit()
        span = "from=2026-10-05T00:00:00Z&to=2026-10-05T02:00:00Z"
        page = visitor.open(f"machine.html?{span}&sel=2026-10-05T00:31:00Z/2026-10-05T00:58:00Z")
        visitor.drawn()
        tiles = figures_of(visitor, "Selected: ")
        expect(page.locator(".figure-notes")).to_contain_text(
            "the span is that of whole five minutes, Mon 5 Oct 2026, 00:30:00 to Mon 5 Oct 2026, 01:00:00"
        )
        assert tiles["Energy"] == "200.00 Wh"
        assert set(visitor.drawn()[1]) <= {400, None}

    def test_dates_are_typed_in_the_zone_that_is_shown(self, past, visit):
        visitor = visit()
        page = visitor.open("machine.html?machine=node01&zone=visitor")
        page.get_by_label("From").first.fill("2026-11-20T15:30:00")
        page.get_by_label("To", exact=True).first.fill("2026-11-20T16:30:00")
        page.get_by_role("button", name="Show").click()
        # India is five and a half hours ahead.
        page.wait_for_url("**from=2026-11-20T10:00:00Z&to=2026-11-20T11:00:00Z**")
        assert "zone=visitor" in page.url
        figures_of(visitor, "In view: Fri 20 Nov 2026, 15:30:00 – 16:30:00 (1 h)")
        assert len(visitor.drawn()[0]) == 362
        expect(page.locator("figcaption")).to_contain_text("times in Asia/Calcutta (UTC+05:30)")

    def test_an_end_before_the_beginning_is_refused(self, past, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        page.get_by_label("To", exact=True).first.fill("2026-11-19T00:00:00")
        page.get_by_role("button", name="Show").click()
        said = page.evaluate("document.getElementById('to').validationMessage")
        assert said == "The end must be after the beginning."
        assert "to=2026-11-21" in page.url

    def test_a_day_of_25_hours_is_25_hours_wide_with_ticks_at_its_clocks(self, lab, visit):
        lab.zone = "Europe/Berlin"
        lab.bmc("node01")
        begin, end = lab.midnight("2026-10-25"), lab.midnight("2026-10-26")
        assert end - begin == 25 * HOUR
        lab.day("node01", "2026-10-25", every(10, begin, end))
        visitor = visit()
        page = visitor.open(f"machine.html?from={iso(begin)}&to={iso(end)}")
        visitor.drawn()
        assert visitor.window() == (begin, end)
        labels = page.evaluate("document.querySelector('figure.chart').chart.axes[0]._values")
        assert labels[0] == "00:00\n25 Oct"
        assert all(label[:5].endswith(":00") and int(label[:2]) % 2 == 0 for label in labels)
        expect(page.locator("figcaption")).to_contain_text("Europe/Berlin")
        assert figures_of(visitor, "(1 d 1 h)")["Coverage"] == "99.98 %"

    def test_zooming_panning_and_all_ways_back(self, past, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        whole = visitor.window()
        box = drag(page, 300, 400)
        page.wait_for_url(f"**from={DAY}**")
        first = visitor.window()
        assert abs((first[1] - first[0]) / 86_400_000 - 100 / box["width"]) < 0.01
        page.get_by_role("button", name="Half a window earlier").click()
        page.wait_for_function(ENDS_BEFORE, arg=first[1])
        moved = visitor.window()
        assert abs((first[0] - moved[0]) - (first[1] - first[0]) / 2) < 2000
        drag(page, 100, 700)
        for back in (
            lambda: page.keyboard.press("Escape"),
            lambda: page.locator("#chart .u-over").dblclick(position={"x": 50, "y": 50}),
        ):
            before = visitor.window()
            back()
            page.wait_for_function(
                "before => document.querySelector('figure.chart').chart.scales.x.min !== before", arg=before[0]
            )
        assert visitor.window() == whole
        drag(page, 300, 400)
        page.wait_for_function(ENDS_BEFORE, arg=whole[1])
        page.get_by_role("button", name="Back").click()
        page.wait_for_function("to => document.querySelector('figure.chart').chart.scales.x.max === to", arg=whole[1])
        expect(page.get_by_role("button", name="Back")).to_have_attribute("aria-disabled", "true")

    def test_the_strip_leads_through_a_wider_span_by_hand_and_by_keys(self, past, visit):
        visitor = visit()
        page = visitor.open(f"machine.html?from={DAY}T10:00:00Z&to={DAY}T11:00:00Z")
        visitor.drawn()
        strip = page.get_by_role("slider", name="Window in view")
        expect(strip).to_have_attribute("aria-valuetext", "Fri 20 Nov 2026, 10:00:00 to Fri 20 Nov 2026, 11:00:00")
        box = strip.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 1.5, box["y"] + 12, steps=4)
        page.mouse.up()
        expect(strip).to_have_attribute("aria-valuetext", re.compile("^Fri 20 Nov 2026, 10:5|^Fri 20 Nov 2026, 11:0"))
        begin, end = visitor.window()
        assert abs(end - begin - HOUR) < 2000
        assert len(visitor.drawn()[0]) >= 360
        strip.press("ArrowLeft")
        page.wait_for_function(BEGINS_BEFORE, arg=begin)
        assert abs((begin - visitor.window()[0]) - HOUR / 10) < 2000
        edge = page.get_by_role("slider", name="End of the window")
        wide = visitor.window()
        edge.press("PageDown")
        page.wait_for_function(ENDS_BEFORE, arg=wide[1])
        assert visitor.window()[0] == wide[0]
        # Beside the window, a click brings it there.
        whole = page.locator("#strip").bounding_box()
        page.mouse.click(whole["x"] + 40, whole["y"] + 10)
        page.wait_for_function(
            "begin => document.querySelector('figure.chart').chart.scales.x.max < begin", arg=wide[0]
        )


class TestSelection:
    SELECTION = f"{WHOLE_DAY}&sel={DAY}T10:00:05Z/{DAY}T10:01:00Z"

    def test_a_selected_span_counts_to_the_second_and_says_how_sure_it_is(self, past, visit):
        visitor = visit()
        page = visitor.open(self.SELECTION)
        visitor.drawn()
        at = ms(f"{DAY}T10:00:00Z")
        watts = dict(ROWS)
        joules = watts[at] * 5 + sum(watts[at + i * 10_000] * 10 for i in range(1, 6))
        tiles = figures_of(visitor, "Selected: Fri 20 Nov 2026, 10:00:05 – 10:01:00 (55 s)")
        assert (tiles["Energy"], tiles["Mean"]) == (f"{joules / 3600:.2f} Wh", f"{joules / 55:.1f} W")
        expect(page.locator(".figure-notes")).to_contain_text("5 readings carry this span")
        expect(page.locator(".figure-notes")).to_contain_text("± 18.2 %")

    def test_a_machine_that_is_new_is_counted_from_its_samples_in_a_span_that_began_before_it(self, lab, visit):
        rows = every(10, f"{TODAY}T09:00:00Z", NOW)
        lab.bmc("node01", interval_s=10.0)
        lab.day("node01", TODAY, rows)
        rollup_files.publish_samples(lab, "node01", rows)
        visitor = visit()
        page = visitor.open(f"machine.html?machine=node01&from={DAY}T00:00:00Z&to={TODAY}T12:00:00Z")
        visitor.drawn()
        joules = sum(watts * (after - at) / 1000 for (at, watts), (after, _) in pairwise(rows))
        assert figures_of(visitor, "In view: ")["Energy"] == f"{joules / 3600 / 1000:.3f} kWh"
        assert "not published any more" not in page.locator("main").inner_text()

    def test_shift_and_dragging_selects_whatever_is_zoomed_and_the_address_shows_the_same_again(self, past, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        whole = figures_of(visitor, "In view: ")
        drag(page, 300, 400, "Shift")
        selected = figures_of(visitor, "Selected: ")
        assert selected["Energy"] != whole["Energy"]
        assert visitor.window()[1] - visitor.window()[0] == 86_400_000
        page.get_by_role("button", name="Zoom to it").click()
        page.wait_for_function(SHORTER, arg=4e7)
        assert figures_of(visitor, "Selected: ") == selected
        page.get_by_label("Name").fill("job 42 <b>")
        expect(page.locator(".chart-selection")).to_have_text("job 42 <b>")
        address, window = page.url, visitor.window()
        assert "label=job+42" in address and "sel=2026-11-20T" in address
        other = visit()
        other.page.goto(address)
        other.drawn()
        assert figures_of(other, "Selected: ") == selected
        assert other.window() == window
        expect(other.page.get_by_label("Name")).to_have_value("job 42 <b>")
        page.get_by_role("button", name="Clear selection").click()
        expect(page.locator("#figures-title")).to_contain_text("In view: ")
        assert "sel=" not in page.url and "label=" not in page.url

    def test_the_select_tool_does_the_same_and_escape_clears(self, past, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        page.get_by_label("Select", exact=True).check()
        drag(page, 300, 400)
        figures_of(visitor, "Selected: ")
        page.keyboard.press("Escape")
        figures_of(visitor, "In view: ")

    @pytest.mark.parametrize(("edge", "kept"), [("from", 1), ("to", 0)])
    def test_an_edge_of_it_is_dragged_and_the_other_one_stays(self, past, visit, edge, kept):
        visitor = visit()
        page = visitor.open(f"{WHOLE_DAY}&sel={DAY}T10:00:05Z/{DAY}T12:00:00Z&label=job")
        visitor.drawn()
        figures_of(visitor, "Selected: ")
        box = page.locator(f".chart-selection [data-edge={edge}]").bounding_box()
        plot = page.locator("#chart .u-over").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 80)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 50, box["y"] + 90, steps=5)
        expect(page.locator(".chart-selection")).to_be_hidden()
        page.mouse.move(plot["x"] + plot["width"] * 18.25 / 24, plot["y"] + 90, steps=5)
        page.mouse.up()
        expect(page.locator("#figures-title")).to_contain_text(" 18:1")
        ends = re.search("sel=(.*?)/(.*?)&", page.url).groups()
        was = (f"{DAY}T10:00:05Z", f"{DAY}T12:00:00Z")[kept]
        assert was in ends
        assert abs(ms(max(ends)) - ms(f"{DAY}T18:15:00Z")) < 2 * 86_400_000 / plot["width"]
        expect(page.locator(".chart-selection")).to_have_text("job")
        assert visitor.window()[1] - visitor.window()[0] == 86_400_000

    def test_an_address_with_nothing_but_a_selection_shows_it_with_room_around(self, past, visit):
        visitor = visit()
        visitor.open(f"machine.html?machine=node01&sel={DAY}T10:00:00Z/{DAY}T11:00:00Z")
        visitor.drawn()
        assert visitor.window() == (ms(f"{DAY}T09:30:00Z"), ms(f"{DAY}T11:30:00Z"))
        figures_of(visitor, "Selected: Fri 20 Nov 2026, 10:00:00 – 11:00:00 (1 h)")

    def test_a_link_that_is_copied_says_moments_and_zone_in_place_of_until_now(self, morning, visit):
        visitor = visit(permissions=["clipboard-read", "clipboard-write"])
        page = visitor.open("machine.html")
        visitor.drawn()
        page.get_by_role("button", name="Copy link").click()
        expect(page.get_by_role("status")).to_contain_text("The link is in the clipboard")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == f"{page.url}?machine=node01&from=2026-11-24T11:00:01Z&to=2026-11-24T12:00:01Z&zone=site" or (
            re.fullmatch(r".*\?machine=node01&from=2026-11-24T11:00:0\dZ&to=2026-11-24T12:00:0\dZ&zone=site", copied)
        )

    def test_the_selection_is_downloaded_as_it_was_published(self, past, visit):
        visitor = visit()
        page = visitor.open(f"{WHOLE_DAY}&sel={DAY}T10:00:00Z/{DAY}T10:30:00Z&label=job 42")
        visitor.drawn()
        with page.expect_download() as got:
            page.get_by_role("button", name="Download CSV").click()
        assert got.value.suggested_filename == "node01-20261120T100000Z-20261120T103000Z-job-42.csv"
        text = got.value.path().read_text()
        assert text == csv(row for row in ROWS if ms(f"{DAY}T10:00:00Z") <= row[0] < ms(f"{DAY}T10:30:00Z"))
        expect(page.get_by_role("status")).to_have_text("180 readings, as measured.")

    def test_what_could_not_be_had_of_another_span_hinders_no_download(self, morning, visit):
        visitor = visit(expected=("404",))
        page = visitor.open("machine.html?machine=node01&span=1y")
        visitor.drawn()
        page.get_by_label("1 h", exact=True).check()
        figures_of(visitor, "The last hour")
        with page.expect_download():
            page.get_by_role("button", name="Download CSV").click()
        expect(page.get_by_role("status")).to_contain_text("as measured")

    def test_a_selection_in_a_hole_is_said_to_be_covered_little_also_without_real_time(self, lab, visit):
        lab.bmc("node01", title="Node 1")
        rows = [row for row in ROWS if not ms(f"{DAY}T10:00:00Z") <= row[0] < ms(f"{DAY}T10:50:00Z")]
        lab.day("node01", DAY, rows)
        visitor = visit()
        page = visitor.open(f"{WHOLE_DAY}&sel={DAY}T10:00:00Z/{DAY}T11:00:00Z")
        expect(page.locator("#machine-notices")).to_contain_text("Readings cover only 17.22 %")
        page.get_by_label("Real time").uncheck()
        page.get_by_role("button", name="Clear selection").click()
        expect(page.locator("#machine-notices")).not_to_contain_text("Readings cover only")

    def test_where_only_rows_are_published_rows_are_downloaded(self, lab, visit):
        lab.bmc("node01")
        rows = every(10, "2026-10-05T00:00:00Z", "2026-10-05T02:00:00Z")
        rollup_files.publish_samples(lab, "node01", [*rows, *every(10, f"{TODAY}T11:00:00Z", NOW)])
        lab.day("node01", TODAY, every(10, f"{TODAY}T11:00:00Z", NOW))
        published = (lab.folder / "node01" / "2026-10.csv").read_text().splitlines()
        visitor = visit()
        page = visitor.open("machine.html?from=2026-10-05T00:30:00Z&to=2026-10-05T01:00:00Z")
        visitor.drawn()
        with page.expect_download() as got:
            page.get_by_role("button", name="Download CSV").click()
        assert got.value.path().read_text().splitlines() == [published[0], *published[7:13]]

    def test_a_span_leads_to_its_day_and_to_compare(self, past, visit):
        visitor = visit()
        page = visitor.open(f"{WHOLE_DAY}&sel={DAY}T10:00:00Z/{DAY}T10:30:00Z&zone=utc")
        visitor.drawn()
        links = page.locator("#machine-links")
        expect(links.get_by_role("link", name="Report of the day")).to_have_attribute(
            "href", f"daily.html?machine=node01&date={DAY}&zone=utc"
        )
        expect(links.get_by_role("link", name="Compare")).to_have_attribute(
            "href", f"compare.html?item=node01@{DAY}T10:00:00Z/{DAY}T10:30:00Z&zone=utc"
        )


OUTAGE = {"kind": "outage", "begin": f"{DAY}T08:00:00.000Z", "end": f"{DAY}T10:00:00.000Z", "detail": ""}


class TestWhatToDoubt:
    def test_a_hole_stays_a_hole_with_its_reason_and_low_coverage_is_said(self, lab, visit):
        lab.bmc("node01", title="Node 1")
        begin, end = ms(f"{DAY}T08:00:00Z"), ms(f"{DAY}T10:00:00Z")
        lab.day("node01", DAY, [row for row in ROWS if not begin <= row[0] < end], [OUTAGE | {"reason": "unreachable"}])
        visitor = visit()
        page = visitor.open(f"machine.html?from={DAY}T06:00:00Z&to={DAY}T12:00:00Z")
        xs, ys = visitor.drawn()
        assert [x for x, y in zip(xs, ys, strict=True) if y is None] == [begin - 10_000 + 30_000]
        # 20 s of the hole are the last sample's.
        assert figures_of(visitor, "In view: ")["Coverage"] == "66.75 %"
        assert "Readings cover only 66.75 % of this span" in visitor.notices()
        pixel = page.evaluate("document.querySelector('figure.chart').chart.valToPos(Date.UTC(2026, 10, 20, 9), 'x')")
        page.locator("#chart .u-over").hover(position={"x": pixel, "y": 50})
        expect(page.locator("#chart .readout")).to_contain_text("no reading: the network does not reach it")

    def test_a_silent_machine_says_since_when_why_and_what_it_last_drew(self, lab, visit):
        lab.bmc("node01", title="Node 1")
        begin = NOW - 1_800_000
        outage = {"kind": "outage", "begin": iso(begin), "end": None, "reason": "login-refused", "detail": ""}
        lab.day("node01", TODAY, every(10, begin - 7_200_000, begin), [outage])
        lab.reading(
            "node01", state="silent", reason="login-refused", since=iso(begin), at=iso(begin - 10_000), age_s=1810.0
        )
        visitor = visit()
        page = visitor.open("machine.html")
        visitor.drawn()
        expect(page.locator("#state-now")).to_have_text("silent since 11:30: it refuses the login")
        expect(page.locator("#age-now")).to_have_text("read 30 min ago")
        notices = page.locator("#machine-notices")
        expect(notices).to_contain_text("Node 1 is silent since 11:30: it refuses the login")
        expect(notices).to_contain_text("The last reading is from Tue 24 Nov 2026, 11:29:50 UTC: 436 W.")
        # Half an hour; the last sample has no successor and holds nothing.
        assert 49 < float(visitor.tiles()["Coverage"].removesuffix(" %")) < 50

    def test_a_bmc_that_says_it_does_not_measure_is_doubted(self, morning, visit):
        morning.reading("node01", flags=["inactive", "<i>strange</i>"])
        visitor = visit()
        visitor.open("machine.html")
        visitor.drawn()
        figures_of(visitor, "The last hour")
        assert "The BMC of Node 1 says that it does not measure" in visitor.notices()
        assert "The BMC of Node 1 reports “<i>strange</i>” with its readings" in visitor.notices()

    def test_an_index_that_does_not_know_today_is_out_of_date(self, past, visit):
        visitor = visit()
        page = visitor.open("machine.html")
        expect(page.locator("#machine-notices")).to_contain_text("The index of collector “lab” is out of date")
        expect(page.locator("#machine-notices")).to_contain_text(f"it does not list {TODAY} yet")
        past.day("node01", TODAY, every(10, NOW - HOUR, NOW))
        expect(page.locator("#machine-notices")).to_have_text("")
        assert len(visitor.drawn()[0]) == 360

    def test_a_collector_that_stands_still_is_said_and_what_was_read_is_kept(self, morning, visit):
        morning.write_now(written_at=iso(NOW - 720_000))
        visitor = visit()
        page = visitor.open("machine.html")
        expect(page.locator("#notices")).to_contain_text("Collector “lab” stands still")
        expect(page.locator("#state-now")).to_have_text("not up to date")
        assert len(visitor.drawn()[0]) in (360, 361)

    def test_a_server_that_goes_away_leaves_what_was_heard_and_says_so_and_comes_back(self, morning, visit):
        visitor = visit(expected=("ERR_INTERNET_DISCONNECTED",))
        page = visitor.open("machine.html")
        visitor.drawn()
        visitor.context.set_offline(True)
        expect(page.locator("#notices")).to_contain_text("The server does not answer")
        assert len(visitor.drawn()[0]) >= 360
        assert page.locator(".notice").count() == 1
        visitor.context.set_offline(False)
        expect(page.locator(".notice")).to_have_count(0)

    @pytest.mark.parametrize(
        ("span", "words"),
        [
            ("from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z", "No readings of Node 1 in this span"),
            ("from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z", "This span has not come yet"),
            ("span=1h", "No readings of Node 1 in this span"),
        ],
    )
    def test_a_span_without_readings_says_so_and_nothing_of_before_is_drawn(self, past, visit, span, words):
        past.day("node01", "2026-11-23", every(10, "2026-11-23T00:00:00Z", "2026-11-23T01:00:00Z"))
        past.reading("node01", state="silent", reason="timeout", at="2026-11-23T00:59:50.000Z", age_s=100_000.0)
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        page.evaluate(
            "address => { history.pushState(null, '', address); dispatchEvent(new PopStateEvent('popstate')); }",
            f"machine.html?machine=node01&{span}",
        )
        expect(page.locator("#machine-notices")).to_contain_text(words)
        xs, ys = visitor.drawn()
        begin, end = visitor.window()
        assert [x for x, y in zip(xs, ys, strict=True) if y is not None and begin <= x < end] == []

    def test_from_a_missing_day_links_lead_to_the_nearest_ones(self, past, visit):
        past.day("node01", "2026-11-23", every(10, "2026-11-23T00:00:00Z", "2026-11-23T01:00:00Z"))
        visitor = visit()
        page = visitor.open("machine.html?machine=node01&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z")
        expect(page.locator("#machine-notices a")).to_have_text([DAY, "2026-11-23"])
        page.get_by_role("link", name="2026-11-23").click()
        page.wait_for_url("**from=2026-11-23T00:00:00Z**")
        assert len([y for y in visitor.drawn()[1] if y is not None]) == 360

    @pytest.mark.parametrize("content", ["", "timestamp,consumption\n"])
    def test_a_file_without_readings_says_so_and_why(self, lab, visit, content):
        lab.bmc("node01", title="Node 1")
        outage = OUTAGE | {
            "begin": f"{DAY}T00:00:00.000Z",
            "end": None,
            "reason": "not-supported",
            "detail": "DCMI: C1.",
        }
        lab.day("node01", DAY, content, [outage])
        page = visit().open(WHOLE_DAY)
        expect(page.locator("#machine-notices")).to_contain_text(
            "The machine gave none: it cannot measure power. DCMI: C1."
        )

    def test_of_a_half_bad_file_the_good_rows_are_shown_and_the_bad_ones_counted(self, lab, visit):
        lines = csv(ROWS).splitlines()
        lines[3] = f"{DAY}T00:00:20.000Z,-17"
        lines[9] = "\x00\x00<script>"
        lab.bmc("node01")
        lab.day("node01", DAY, "\n".join(lines) + f"\n{DAY}T23:5")
        visitor = visit()
        visitor.open(f"machine.html?from={DAY}T00:00:00Z&to={DAY}T01:00:00Z")
        good = [*ROWS[:2], *ROWS[3:8], *ROWS[9:]]
        assert list(zip(*visitor.drawn(), strict=True)) == within(good, 0, ms(f"{DAY}T01:00:10Z"))
        figures_of(visitor, "In view: ")
        assert "3 of 8,641 rows could not be read" in visitor.notices()
        assert f"line 4 of data/lab/node01/{DAY}.csv: “2026-11-20T00:00:20.000Z,-17”" in visitor.notices()

    def test_a_file_that_is_no_csv_at_all_is_not_drawn(self, lab, visit):
        lab.bmc("node01")
        lab.day("node01", DAY, "<!doctype html>\n<title>Moved</title>\n")
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        expect(page.locator("#machine-notices")).to_contain_text("No row of this file can be read")
        assert visitor.drawn()[0] == []

    @pytest.mark.parametrize(("status", "words"), [(404, "A file of this time is gone"), (503, "status 503")])
    def test_a_file_that_is_gone_or_refused_is_said_and_the_other_day_is_shown(
        self, past, server, visit, status, words
    ):
        past.day("node01", "2026-11-21", every(10, "2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z"))
        server.faults[f"{DAY}.csv"] = status
        visitor = visit(expected=(str(status),))
        page = visitor.open(f"machine.html?from={DAY}T23:00:00Z&to=2026-11-21T01:00:00Z")
        expect(page.locator("#machine-notices")).to_contain_text(words)
        assert len(visitor.drawn()[0]) == 360

    def test_without_the_events_the_span_is_drawn_and_it_is_said_that_reasons_are_missing(self, past, visit):
        (past.folder / "node01" / f"{DAY}.events.json").write_text("{")
        visitor = visit()
        page = visitor.open(f"machine.html?from={DAY}T10:00:00Z&to={DAY}T11:00:00Z")
        assert len(visitor.drawn()[0]) == 362
        expect(page.locator("#machine-notices")).to_contain_text("Why there are holes is not known")

    def test_a_step_of_the_clock_is_told_and_does_not_count(self, lab, visit):
        lab.bmc("node01")
        before = every(10, f"{DAY}T10:00:00Z", f"{DAY}T10:10:00Z", lambda _: 360)
        after = every(10, f"{DAY}T09:10:00Z", f"{DAY}T09:20:00Z", lambda _: 360)
        step = {"kind": "clock_step", "begin": iso(before[-1][0] + 5000), "end": iso(after[0][0] - 5000)}
        lab.day("node01", DAY, [*before, *after], [step | {"step_ms": -3_600_000}])
        visitor = visit()
        visitor.open(WHOLE_DAY)
        assert visitor.drawn()[0][0] == after[0][0]
        # 120 samples of 360 W; the last one holds nothing.
        assert figures_of(visitor, "In view: ")["Energy"] == "119.00 Wh"
        assert "set back by 1 h at Fri 20 Nov 2026, 10:09:55" in visitor.notices()

    def test_a_span_with_readings_in_doubt_says_so_and_one_without_does_not(self, lab, visit):
        lab.bmc("node01")
        doubt = {"kind": "doubt", "begin": f"{DAY}T10:05:00.000Z", "end": f"{DAY}T10:06:00.000Z", "reason": "jump"}
        lab.day(
            "node01", DAY, every(10, f"{DAY}T10:00:00Z", f"{DAY}T11:00:00Z", lambda _: 360), [doubt | {"detail": ""}]
        )
        visitor = visit()
        visitor.open(f"machine.html?from={DAY}T10:00:00Z&to={DAY}T10:30:00Z")
        visitor.drawn()
        figures_of(visitor, "In view: ")
        assert "Some readings of this span are in doubt" in visitor.notices()
        assert "Why: over twice its own maximum." in visitor.notices()
        visitor.open(f"machine.html?from={DAY}T10:06:00Z&to={DAY}T10:30:00Z")
        visitor.drawn()
        figures_of(visitor, "In view: ")
        assert "in doubt" not in visitor.notices()

    def test_a_machine_that_has_never_answered_says_so(self, lab, visit):
        lab.bmc("node01", title="Node 1")
        lab.reading("node01", state="waiting", at=None, power_w=None, age_s=None, source=None)
        lab.write_index()
        page = visit().open("machine.html")
        expect(page.locator("#machine-notices")).to_contain_text("There are no readings of Node 1 yet")
        expect(page.locator("#watts-now")).to_have_text("–")

    def test_an_unknown_machine_is_named_and_the_known_ones_offered(self, morning, visit):
        visitor = visit()
        page = visitor.open("machine.html?machine=node99")
        expect(page.locator("#notices")).to_contain_text("No machine is called “node99” here")
        assert page.locator("#panel").is_hidden()
        page.locator("#notices").get_by_role("link", name="Node 1").click()
        assert len(visitor.drawn()[0]) in (360, 361)

    def test_hostile_names_and_half_files_break_nothing(self, lab, visit):
        lab.bmc(
            "ok",
            title="<img src=x onerror=alert(1)>",
            group="</optgroup><script>alert(1)</script>",
            days=[[TODAY, TODAY]],
        )
        lab.readings["ok"] = {"state": "<b>", "power_w": "many", "flags": "no"}
        lab.write_index(zone="No/Where")
        lab.write_now()
        page = visit(expected=("404",)).open(f"machine.html?label=<b>x</b>&sel={TODAY}T11:00:00Z/{TODAY}T11:30:00Z")
        expect(page.locator("h1")).to_contain_text("<img src=x onerror=alert(1)>")
        expect(page.locator("#machine-notices")).to_contain_text("A file of this time is gone")
        assert page.locator("main img, main script, main b").count() == 0


class TestWhatIsDrawnBesides:
    def test_caps_and_markers_are_drawn_and_named(self, past, visit):
        cap = {"kind": "cap", "begin": f"{DAY}T06:00:00.000Z", "end": None, "reason": "", "detail": "", "limit_w": 500}
        gone = cap | {"begin": f"{DAY}T18:00:00.000Z", "limit_w": None}
        job = {"kind": "marker", "begin": f"{DAY}T10:00:00.000Z", "end": f"{DAY}T12:00:00.000Z"}
        past.day("node01", DAY, ROWS, [cap, job | {"reason": "marker", "detail": "job 42"}, gone])
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        # How far the cap's colour reaches at 500 W: from 6 to 18 o'clock.
        first, last = page.evaluate("""() => {
            const chart = document.querySelector('figure.chart').chart;
            const {ctx, bbox} = chart;
            const y = Math.round(chart.valToPos(500, 'y', true));
            const style = getComputedStyle(document.documentElement);
            const cap = style.getPropertyValue('--chart-cap').match(/[0-9a-f]{2}/g);
            const [r, g, b] = cap.map((hex) => parseInt(hex, 16));
            const {data} = ctx.getImageData(bbox.left, y, bbox.width, 1);
            const at = [];
            for (let i = 0; i < data.length; i += 4)
                if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 120)
                    at.push(chart.posToVal(i / 4 / devicePixelRatio, 'x'));
            return [at[0], at.at(-1)];
        }""")
        assert abs(first - ms(f"{DAY}T06:00:00Z")) < 300_000
        assert abs(last - ms(f"{DAY}T18:00:00Z")) < 900_000
        pixel = page.evaluate("document.querySelector('figure.chart').chart.valToPos(Date.UTC(2026, 10, 20, 11), 'x')")
        page.locator("#chart .u-over").hover(position={"x": pixel, "y": 50})
        expect(page.locator("#chart .readout")).to_contain_text("job 42")

    def test_the_table_says_what_is_drawn(self, past, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        page.get_by_text("Table of what is drawn").click()
        rows = page.locator("#drawn-rows tr")
        expect(rows).to_have_count(24)
        hour = [watts for at, watts in ROWS if ms(f"{DAY}T10:00:00Z") <= at < ms(f"{DAY}T11:00:00Z")]
        # What holds at ten has its part of the mean, and belongs to the hour before.
        expect(rows.nth(10)).to_have_text(f"10:00:0011:00:00{sum(hour) / len(hour):.1f} W{min(hour)} W{max(hour)} W")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(morning, visit, scheme):
    morning.bmc("node02", title="Node 2", simulated=True, group="Room 2")
    morning.reading("node01", flags=["inactive"])
    visitor = visit(color_scheme=scheme)
    page = visitor.open(f"machine.html?machine=node01&span=6h&sel={TODAY}T11:30:00Z/{TODAY}T11:31:00Z&label=job")
    visitor.drawn()
    figures_of(visitor, "Selected: ")
    page.get_by_text("Table of what is drawn").click()
    assert axe.violations(page) == []


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_it_fits_every_width_and_speaks_the_visitors_language(morning, visit, language):
    visitor = visit(viewport={"width": 360, "height": 740}, locale=language)
    page = visitor.open(f"machine.html?span=24h&sel={TODAY}T11:30:00Z/{TODAY}T11:31:00Z")
    visitor.drawn()
    figures_of(visitor, "Selec")
    for width in (360, 768, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        page.wait_for_function("width => document.querySelector('#chart .u-over').clientWidth > width * 0.5", arg=width)
    # A key in place of a text is one that the language lacks.
    assert not re.search(r"\b(machine|chart|figures)\.\w", page.locator("main").inner_text())
