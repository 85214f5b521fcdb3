"""The overview: what the room draws now, its day so far, its last 24 hours, and every machine."""

from __future__ import annotations

import re

import pytest
from axe import violations
from playwright.sync_api import expect
from serving import NOW, render

from published import STEPS, Collector, iso

TODAY = "2026-11-24"
HOUR_S = 3600


def room(collector: Collector, count: int = 3, **fields: object) -> None:
    """Machines in two groups, the first with two racks, each with the same day behind it."""
    for i in range(count):
        group, rack = ("Web", f"R{i % 2 + 1}") if i < (count + 1) // 2 else ("Batch", "")
        collector.bmc(f"node{i + 1:02d}", title=f"Node {i + 1}", group=group, rack=rack, **fields)
        collector.reading(f"node{i + 1:02d}", power_w=100 * (i + 1))
        collector.summary(f"node{i + 1:02d}", 100 * (i + 1), 100 * (i + 1) + 50)
    collector.write_index()
    collector.write_overview()


def every_state(lab: Collector) -> None:
    """A machine in each state that there is."""
    room(lab, 8)
    lab.bmcs["node02"]["simulated"] = True
    lab.bmcs["node07"]["title"] = "A machine with a name that somebody thought about for very long, and found"
    since = {"since": iso(NOW - 1_800_000), "at": iso(NOW - 1_810_000), "age_s": 1810.0}
    lab.reading("node03", state="silent", reason="login-refused", **since)
    lab.reading("node04", state="silent", reason="timeout", since=iso(NOW - 90_000_000), age_s=90_000.0)
    lab.reading("node05", state="waiting", at=None, power_w=None, age_s=None, source=None)
    lab.reading("node06", flags=["inactive"], power_w=0)
    del lab.readings["node08"]
    lab.summary("node03", [400] * 40 + [None] * 20 + [400] * 36, covered_s=7 * HOUR_S)
    lab.write_index()
    lab.write_now()
    lab.write_overview()


def row(page, name):
    return page.locator(".machine", has=page.get_by_role("link", name=name, exact=True))


def shown_names(page):
    return page.locator(".machine a").all_text_contents()


def wait_for_chart(page):
    page.wait_for_function("() => document.querySelector('#room-chart')?.chart?.data[1]?.length > 0")


# --- What it says ---


def test_the_total_is_of_what_answers_and_says_of_how_many_and_when(lab, visit):
    room(lab)
    lab.reading("node03", state="silent", reason="timeout", since=iso(NOW - 60_000), power_w=900)
    page = visit().open()
    expect(page.locator("#total")).to_have_text("300 W")
    expect(page.locator("#total-note")).to_contain_text("2 of 3 machines answer · Tue 24 Nov 2026, 12:00:0")
    expect(page.locator("#total-note")).to_contain_text("UTC")


def test_the_room_s_day_is_the_sum_of_its_machines_with_coverage_cost_and_co2(lab, visit):
    room(lab)
    lab.summary("node03", energy_wh=1000.0, covered_s=6 * HOUR_S)
    lab.write_overview()
    lab.write_index(tariff={"currency": "EUR", "per_kwh": 0.3, "rates": []}, co2_g_per_kwh=380.0)
    page = visit().open()
    # 3,210.5 Wh twice and 1,000 Wh; two and a half of three half days.
    expect(page.locator("#fact-today strong")).to_have_text("7.421 kWh")
    expect(page.locator("#fact-today small")).to_have_text("coverage 83.33 %")
    expect(page.locator("#fact-cost")).to_have_text("Cost today€2.23at €0.30 a kWh")
    expect(page.locator("#fact-co2")).to_have_text("CO₂ today2.820 kgat 380 g a kWh")
    expect(page.locator("#fact-highest")).to_contain_text("700 W")


def test_with_rates_by_the_hour_the_room_s_cost_is_not_guessed(lab, visit):
    room(lab)
    night = {"name": "night", "days": ["mon"], "from": "22:00", "to": "06:00", "per_kwh": 0.1}
    lab.write_index(tariff={"currency": "EUR", "per_kwh": 0.3, "rates": [night]})
    page = visit().open()
    expect(page.locator("#fact-today")).to_be_visible()
    expect(page.locator("#fact-cost")).to_have_count(0)
    expect(page.locator("#fact-co2")).to_have_count(0)


def test_a_row_says_watts_age_state_energy_coverage_peak_and_leads_to_the_machine(lab, visit):
    room(lab, simulated=True)
    page = visit().open("index.html?zone=utc")
    found = row(page, "Node 2")
    expect(found.locator(".watts")).to_have_text("200 W")
    expect(found.locator(".age")).to_have_text("2 s")
    expect(found.locator(".state")).to_have_text("answering")
    expect(found.locator(".energy")).to_have_text("3.211 kWh")
    expect(found.locator(".coverage")).to_have_text("100 %")
    expect(found.locator(".peak")).to_have_text("500 W")
    expect(found.locator(".tag")).to_have_text("simulated")
    expect(found.locator("svg")).to_have_attribute("aria-label", "Mean 200 W, peak 250 W")
    expect(found.get_by_role("link")).to_have_attribute("href", "machine.html?machine=node02&zone=utc")


def test_every_state_has_its_words_with_why_and_since_when(lab, visit):
    every_state(lab)
    page = visit().open()
    expect(row(page, "Node 3").locator(".state")).to_have_text("silent since 11:30it refuses the login")
    expect(row(page, "Node 4").locator(".state")).to_have_text("silent since 23 Nov, 11:00no answer in time")
    expect(row(page, "Node 5").locator(".state")).to_have_text("no answer yet")
    expect(row(page, "Node 6").locator(".state")).to_have_text("answering, in doubtsays it is not measuring")
    expect(row(page, "Node 8").locator(".state")).to_have_text("no news")
    expect(row(page, "Node 3").locator(".coverage")).to_have_text("58.33 %")
    expect(row(page, "Node 3").locator("svg")).to_have_attribute(
        "aria-label", "Mean 400 W, peak 500 W, with holes: readings for 79.16 % of the time"
    )
    # A hole is a hole: the line begins anew behind it.
    row(page, "Node 3").scroll_into_view_if_needed()
    expect(row(page, "Node 3").locator(".line")).to_have_attribute("d", re.compile("^M0,[^M]*M60,[^M]*$"))


def test_sparklines_are_drawn_when_they_are_seen(lab, visit):
    room(lab, 100)
    page = visit().open("index.html?by=none")
    last = page.locator(".machine").last
    expect(page.locator(".machine").first.locator(".line[d]")).to_have_count(1)
    assert last.locator(".line[d]").count() == 0
    last.scroll_into_view_if_needed()
    expect(last.locator(".line[d]")).to_have_count(1)


def test_silent_doubtful_and_incomplete_machines_are_told_with_a_way_to_them(lab, visit):
    every_state(lab)
    page = visit().open()
    expect(page.locator(".notice strong")).to_have_text(
        ["2 machines do not answer", "The readings of 1 machine are in doubt", "The day of 1 machine is incomplete"]
    )
    page.get_by_role("link", name="Show these 2 below").click()
    expect(page.locator(".machine")).to_have_count(2)
    expect(page.locator("#shown")).to_have_text("2 of 8 machines")
    assert page.url.endswith("index.html?state=silent")
    expect(page.get_by_label("State")).to_be_focused()
    expect(page.get_by_label("State")).to_have_value("silent")


def test_a_quiet_room_has_no_notice(lab, visit):
    room(lab)
    visitor = visit()
    page = visitor.open()
    wait_for_chart(page)
    assert visitor.notices() == ""


# --- Groups, order, filter ---


def test_groups_and_racks_have_their_totals_and_close(lab, visit):
    room(lab, 6)
    page = visit().open()
    headings = page.locator(".fleet .group")
    expect(headings.locator(".toggle")).to_have_text(["Batch", "Web", "R1", "R2"])
    expect(headings.locator(".watts")).to_have_text(["1,500 W", "600 W", "400 W", "200 W"])
    expect(headings.locator(".energy").first).to_have_text("9.632 kWh")
    expect(headings.locator(".state").first).to_have_text("3 machines")
    toggle = page.get_by_role("button", name="Web", exact=True)
    toggle.press("Enter")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    expect(toggle).to_be_focused()
    assert shown_names(page) == ["Node 4", "Node 5", "Node 6"]
    toggle.press("Enter")
    expect(page.locator(".machine")).to_have_count(6)


def test_grouping_by_rack_and_by_nothing_is_in_the_address(lab, visit):
    room(lab, 6)
    page = visit().open()
    page.get_by_label("Group by").select_option("rack")
    expect(page.locator(".group .toggle")).to_have_text(["R1", "R2", "Without a rack"])
    page.get_by_label("Group by").select_option("none")
    expect(page.locator(".group")).to_have_count(0)
    assert page.url.endswith("?by=none")
    page.reload()
    expect(page.locator(".machine")).to_have_count(6)
    expect(page.locator(".group")).to_have_count(0)


def test_a_column_s_head_sorts_says_so_and_is_in_the_address(lab, visit):
    room(lab, 6)
    page = visit().open("index.html?by=none")
    head = page.get_by_role("columnheader", name="Now")
    expect(head).to_have_attribute("aria-sort", "none")
    page.get_by_role("button", name="Now").press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert shown_names(page) == [f"Node {i}" for i in (6, 5, 4, 3, 2, 1)]
    assert page.url.endswith("?by=none&sort=-watts")
    page.get_by_role("button", name="Now").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    page.reload()
    expect(page.get_by_role("columnheader", name="Now")).to_have_attribute("aria-sort", "ascending")
    assert shown_names(page) == [f"Node {i}" for i in (1, 2, 3, 4, 5, 6)]


def test_the_filter_counts_and_sums_what_is_shown_and_is_in_the_address(lab, visit):
    room(lab, 6)
    page = visit().open()
    expect(page.locator("#shown")).to_have_text("6 machines")
    page.get_by_label("Filter").fill("web r1")
    expect(page.locator("#shown")).to_have_text("2 of 6 machines")
    expect(page.locator("#shown-sum")).to_have_text("draw 400 W, today 6.421 kWh")
    assert shown_names(page) == ["Node 1", "Node 3"]
    # The room's total stays the room's.
    expect(page.locator("#total")).to_have_text("2,100 W")
    assert "q=web+r1" in page.url
    page.get_by_label("Filter").fill("nobody")
    expect(page.locator("#none")).to_contain_text("No machine fits")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".machine")).to_have_count(6)
    expect(page.get_by_label("Filter")).to_be_focused()


def test_the_same_as_tiles_by_a_switch_that_is_in_the_address(lab, visit):
    room(lab, 6)
    page = visit().open()
    expect(page.locator(".machine")).to_have_count(6)
    page.get_by_label("Rows").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Tiles")).to_be_checked()
    assert page.url.endswith("?show=tiles")
    first, second = (page.locator(".machine").nth(i).bounding_box() for i in (0, 1))
    assert first["y"] == second["y"] and first["x"] < second["x"]
    page.reload()
    expect(page.get_by_label("Tiles")).to_be_checked()


def test_arrow_keys_go_from_row_to_row(lab, visit):
    room(lab, 6)
    page = visit().open("index.html?by=none")
    page.get_by_role("link", name="Node 1", exact=True).focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Node 2", exact=True)).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("link", name="Node 6", exact=True)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("link", name="Node 5", exact=True)).to_be_focused()


# --- The last 24 hours ---


def test_the_chart_stacks_the_groups_and_its_table_says_the_same(lab, visit):
    room(lab, 6)
    page = visit().open()
    wait_for_chart(page)
    # The larger group first, on it the smaller one.
    data = page.evaluate("document.querySelector('#room-chart').chart.data")
    assert data[1:] == [[1500] * STEPS, [2100] * STEPS]
    expect(page.locator("#last-day-note")).to_have_text("Means of 15 min; 100 % of the machines' time has readings")
    page.get_by_text("Table of what is drawn").click()
    rows = page.locator("#room-table tbody tr")
    expect(rows).to_have_count(STEPS)
    expect(page.locator("#room-table thead th")).to_have_text(["From", "Total", "Batch", "Web"])
    expect(rows.first).to_have_text("23 Nov, 12:152,100 W1,500 W600 W")


def test_by_rack_the_chart_stacks_the_racks(lab, visit):
    room(lab, 6)
    page = visit().open("index.html?by=rack")
    wait_for_chart(page)
    assert [each[0] for each in page.evaluate("document.querySelector('#room-chart').chart.data")[1:]] == [
        1500,
        1900,
        2100,
    ]


def test_a_part_of_the_day_is_looked_at_and_left_again(lab, visit):
    room(lab)
    page = visit().open()
    wait_for_chart(page)
    page.locator("#room-chart .plot").focus()
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Back")).to_have_attribute("aria-disabled", "false")
    scale = "() => { const {min, max} = document.querySelector('#room-chart').chart.scales.x; return max - min; }"
    assert page.evaluate(scale) == 12 * HOUR_S * 1000
    page.keyboard.press("Escape")
    page.wait_for_function(f"() => ({scale})() === {24 * HOUR_S * 1000}")


# --- It lives ---


def test_total_and_rows_follow_and_neither_focus_nor_rows_move(lab, visit):
    for i in range(200):
        lab.bmc(f"node{i:03d}", group=f"row {i // 40}")
    lab.write_index()
    page = visit(expected=("404",)).open("index.html?sort=-watts")
    link = page.get_by_role("link", name="node120")
    link.focus()
    page.evaluate("window.before = document.activeElement.closest('tr')")
    places = shown_names(page)
    lab.reading("node120", power_w=512)
    expect(row(page, "node120").locator(".watts")).to_have_text("512 W")
    expect(link).to_be_focused()
    assert page.evaluate("window.before === document.activeElement.closest('tr')")
    assert shown_names(page) == places
    expect(page.locator("#total")).to_have_text("87,276 W")
    # Nobody is at a row any more: it goes to its place.
    page.get_by_label("Filter").focus()
    expect(page.locator(".machine a").first).to_have_text("node120")


def test_nothing_but_notices_and_counts_is_read_out_by_itself(lab, visit):
    room(lab)
    page = visit().open()
    wait_for_chart(page)
    live = page.eval_on_selector_all("[aria-live], [role=status], [role=alert], output", "all => all.map((e) => e.id)")
    # The chart's own place speaks when its cursor is moved.
    assert sorted(live) == ["", "broken", "notices", "shown"]
    page.evaluate("""() => {
        window.said = 0;
        for (const place of document.querySelectorAll('[aria-live], [role=status]')) {
            new MutationObserver((all) => { window.said += all.length; })
                .observe(place, {subtree: true, childList: true, characterData: true});
        }
    }""")
    lab.reading("node01", power_w=4711)
    expect(page.locator("#total")).to_have_text("5,211 W")
    assert page.evaluate("window.said") == 0


def test_three_files_a_collector_however_many_machines(lab, server, visit):
    room(lab, 100)
    visitor = visit()
    page = visitor.open()
    wait_for_chart(page)
    expect(page.locator(".machine")).to_have_count(100)
    # The present every second here, the others once a minute.
    visitor.until(lambda: len(server.asked_for("lab/now.json")) >= 3)
    asked = [each.path.split("/data/")[1] for each in server.asked if "/data/" in each.path]
    assert set(asked) == {"lab/index.json", "lab/now.json", "lab/overview.json"}
    assert asked.count("lab/index.json") == asked.count("lab/overview.json") == 1


def test_the_switch_stops_it_and_update_reads_everything_once(lab, server, visit):
    room(lab)
    visitor = visit()
    page = visitor.open()
    wait_for_chart(page)
    switch = page.get_by_role("switch", name="Real time")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    visitor.settled()
    asked = len(server.asked)
    lab.reading("node01", power_w=999)
    page.wait_for_timeout(1500)
    assert len(server.asked) == asked
    page.get_by_role("button", name="Update").click()
    expect(row(page, "Node 1").locator(".watts")).to_have_text("999 W")
    visitor.settled()
    assert sorted(each.path.split("/")[-1] for each in server.asked[asked:]) == [
        "index.json",
        "now.json",
        "overview.json",
    ]


def test_a_new_day_so_far_is_shown_after_a_minute(lab, visit):
    room(lab)
    visitor = visit()
    visitor.page.clock.install(time=NOW / 1000)
    page = visitor.open()
    visitor.page.clock.run_for(1000)
    expect(page.locator("#fact-today strong")).to_have_text("9.632 kWh")
    lab.now_ms = lambda: NOW + 1000
    lab.summary("node01", energy_wh=4210.5)
    lab.write_overview()
    visitor.page.clock.run_for(70_000)
    expect(page.locator("#fact-today strong")).to_have_text("10.632 kWh")


# --- What is not as it should be ---


def test_several_collectors_are_merged_and_equal_names_told_apart(lab, server, visit):
    render(server.root / "powergraph", frontend_collectors=["lab", "annex"])
    annex = Collector(server.root / "powergraph" / "data", "annex", lambda: server.now_ms, "America/Sao_Paulo")
    for collector, watts in ((lab, 100), (annex, 30)):
        collector.bmc("node01", title=f"Node 1 of {collector.name}")
        collector.reading("node01", power_w=watts)
        collector.summary("node01", watts)
        collector.write_index()
        collector.write_overview()
    page = visit().open()
    expect(page.locator("#total")).to_have_text("130 W")
    wait_for_chart(page)
    assert page.evaluate("document.querySelector('#room-chart').chart.data[1]") == [130] * STEPS
    for name in ("lab", "annex"):
        link = page.get_by_role("link", name=f"Node 1 of {name}")
        expect(link).to_have_attribute("href", f"machine.html?machine={name}/node01")
    # Its day began at 03:00 UTC: nine hours have passed, not twelve.
    expect(row(page, "Node 1 of annex").locator(".coverage")).to_have_text("100 %")


def test_of_two_collectors_one_that_is_broken_does_not_hide_the_other(lab, server, visit):
    render(server.root / "powergraph", frontend_collectors=["annex", "lab"])
    room(lab)
    page = visit(expected=("404",)).open()
    expect(page.locator("#total")).to_have_text("600 W")
    expect(page.locator(".notice")).to_have_count(1)
    expect(page.locator("#notices")).to_contain_text("“annex” has published nothing yet")
    wait_for_chart(page)


def test_an_older_collector_without_a_summary_of_its_day_still_shows_everything_else(lab, visit):
    room(lab)
    (lab.folder / "overview.json").unlink()
    page = visit(expected=("404",)).open()
    expect(page.locator("#total")).to_have_text("600 W")
    expect(page.locator("#notices")).to_contain_text("Collector “lab” publishes no summary of its day")
    expect(row(page, "Node 1").locator(".energy")).to_have_text("–")
    expect(row(page, "Node 1").locator("svg")).to_have_attribute("aria-label", "No readings in the last 24 hours")
    expect(page.locator("#last-day")).to_be_hidden()
    expect(page.locator("#fact-today")).to_have_count(0)


@pytest.mark.parametrize(
    "content, words",
    [
        ('{"format": 2}', "writes files that this page does not know"),
        ('{"format": 1, "bm', "A file of collector “lab” cannot be read"),
        ('{"format": 1, "steps": 1e9, "step_s": 900, "from": "2026-11-23T12:00:00.000Z"}', "cannot be read"),
    ],
)
def test_a_summary_that_cannot_be_read_is_told_and_the_present_is_shown(lab, visit, content, words):
    room(lab)
    (lab.folder / "overview.json").write_text(content)
    page = visit().open()
    expect(page.locator("#notices .notice")).to_have_count(1)
    expect(page.locator("#notices")).to_contain_text(words)
    expect(page.locator("#total")).to_have_text("600 W")


def test_a_collector_that_stands_still_is_said_and_its_figures_are_not_summed_as_now(lab, visit):
    room(lab)
    lab.write_now(written_at=iso(NOW - 720_000))
    page = visit().open()
    expect(page.locator("#notices .notice")).to_have_count(1)
    expect(page.locator("#notices")).to_contain_text("Collector “lab” stands still")
    expect(page.locator("#notices")).to_contain_text("12 min ago (Tue 24 Nov 2026, 11:48:00 UTC)")
    expect(row(page, "Node 1").locator(".state")).to_have_text("not up to date")
    expect(row(page, "Node 1").locator(".age")).to_have_text("12 min")
    expect(page.locator("#total")).to_have_text("–")
    expect(page.locator("#total-note")).to_contain_text("0 of 3 machines answer")
    page.get_by_role("link", name="Show these 3 below").click()
    expect(page.locator("#shown")).to_have_text("3 machines")
    assert "state=stale" in page.url


def test_no_machine_and_no_collector_are_said(lab, server, visit):
    lab.write_now()
    lab.write_index()
    page = visit(expected=("404",)).open()
    expect(page.locator("#notices")).to_contain_text("No machine is measured yet")
    expect(page.locator("#notices .notice")).to_have_count(1)
    expect(page.locator("#machines")).to_be_hidden()
    render(server.root / "powergraph", frontend_collectors=[])
    page.reload()
    expect(page.locator("#notices")).to_contain_text("This page knows no collector")


def test_a_server_that_goes_away_leaves_what_was_heard_and_says_so_and_comes_back(lab, visit):
    room(lab)
    visitor = visit(expected=("ERR_INTERNET_DISCONNECTED",))
    page = visitor.open()
    wait_for_chart(page)
    visitor.context.set_offline(True)
    expect(page.locator("#notices .notice")).to_have_count(1)
    expect(page.locator("#notices")).to_contain_text("The server does not answer")
    expect(page.locator("#total")).to_have_text("600 W")
    expect(page.locator("#fact-today strong")).to_have_text("9.632 kWh")
    visitor.context.set_offline(False)
    expect(page.locator("#notices .notice")).to_have_count(0)


def test_a_wrong_clock_of_the_visitor_changes_nothing(lab, visit):
    room(lab)
    visitor = visit()
    visitor.page.clock.install(time="2031-01-01T00:00:00Z")
    page = visitor.open()
    expect(page.locator("#total")).to_have_text("600 W")
    expect(row(page, "Node 1").locator(".coverage")).to_have_text("100 %")
    assert visitor.notices() == ""


def test_hostile_and_half_files_break_nothing(lab, visit):
    lab.bmc("ok", title="<img src=x onerror=alert(1)>", group="</td><script>alert(1)</script>", rack={"a": 1})
    lab.bmc("constructor", title="x" * 5000, group="\u202eevil")
    lab.bmcs["outside"] = {"name": "../../etc", "title": "outside"}
    lab.bmcs["worse"] = {"name": 7}
    lab.readings["ok"] = {"state": "fresh", "power_w": -5, "age_s": "old", "flags": ["<b>", 7], "since": 3}
    lab.write_index(zone="No/Where", tariff={"per_kwh": "free"}, co2_g_per_kwh=-1)
    lab.write_now()
    lab.summaries["ok"] = {"today": {"energy_wh": 1, "covered_s": -1}, "mean_w": "many", "max_w": [None, {}]}
    lab.summaries["constructor"] = {"today": 7, "mean_w": [5, "x", None, -3]}
    lab.write_overview(day=7)
    # What no number can hold, JSON can say.
    path = lab.folder / "overview.json"
    path.write_text(path.read_text().replace('"energy_wh": 1,', '"energy_wh": 1e999,'))
    page = visit().open()
    expect(page.locator(".machine")).to_have_count(2)
    expect(page.locator("main")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(row(page, "<img src=x onerror=alert(1)>").locator(".watts")).to_have_text("–")
    expect(page.locator("#total")).to_have_text("436 W")
    assert page.locator("main img, main script").count() == 0
    text = page.locator("main").inner_text()
    assert not any(each in text for each in ("outside", "NaN", "∞", "undefined", "[object"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- For everybody ---


@pytest.mark.parametrize("view", ["index.html", "index.html?show=tiles&by=none"])
def test_axe_finds_nothing_with_machines_in_every_state(lab, visit, view):
    every_state(lab)
    lab.write_index(tariff={"currency": "EUR", "per_kwh": 0.3, "rates": []}, co2_g_per_kwh=380.0)
    page = visit(color_scheme="light").open(view)
    wait_for_chart(page)
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    page.get_by_text("Table of what is drawn").click()
    lab.write_now(written_at=iso(NOW - 720_000))
    expect(page.locator("#notices")).to_contain_text("stands still")
    assert violations(page) == []
    page.emulate_media(color_scheme="light")
    assert violations(page) == []


@pytest.mark.parametrize("show, locale", [("rows", "en"), ("tiles", "en"), ("rows", "pt-BR"), ("tiles", "pt-BR")])
def test_no_width_scrolls_sideways_and_no_figure_is_cut_off(lab, visit, show, locale):
    every_state(lab)
    page = visit(viewport={"width": 360, "height": 740}, locale=locale).open(f"index.html?show={show}")
    wait_for_chart(page)
    for width in (360, 768, 1024, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        clipped = page.evaluate("""() => [...document.querySelectorAll('.fleet tbody :is(th, td)')]
            .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
            .map((each) => `${each.className}: ${each.textContent}`)""")
        assert clipped == [], width


def test_it_speaks_portuguese_with_numbers_as_there(lab, visit):
    every_state(lab)
    page = visit(locale="pt-BR").open()
    expect(page.get_by_role("heading", level=1)).to_have_text("Potência consumida agora")
    expect(row(page, "Node 3").locator(".state")).to_have_text("em silêncio desde 11:30ela recusa o login")
    expect(row(page, "Node 1").locator(".energy")).to_have_text("3,211 kWh")
    expect(page.get_by_role("link", name="Mostrar estas 2 abaixo")).to_be_visible()
    page.get_by_label("Filtro").fill("silencio")
    expect(page.locator(".machine")).to_have_count(2)
