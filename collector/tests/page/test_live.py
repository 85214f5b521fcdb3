"""Home: all machines now, and one machine live, following its file."""

from __future__ import annotations

from playwright.sync_api import expect
from serving import NOW, render

from published import Collector, csv, every, iso, ms

TODAY = "2026-11-24"


def lab_with_a_morning(lab: Collector, **fields: object) -> None:
    lab.bmc("node01", title="Node 1", **fields)
    lab.day("node01", TODAY, every(10, "2026-11-24T00:00:00Z", NOW - 5000))


def wait_for_last(visitor, watts):
    visitor.page.wait_for_function(
        "w => document.querySelector('figure')?.chart.data[1].at(-1) === w", arg=watts, timeout=8000
    )


def test_what_is_drawn_is_what_the_file_says_and_the_figures_are_of_the_last_hour(lab, visit):
    lab_with_a_morning(lab)
    visitor = visit()
    visitor.open()
    xs, ys = visitor.drawn()
    assert list(zip(xs, ys, strict=True)) == lab.rows("node01", TODAY)
    expect(visitor.page.locator("#watts-now")).to_have_text("436 W")
    expect(visitor.page.locator("#total")).to_have_text("436 W")
    assert visitor.tiles()["Coverage"] == "100 %"
    # 400 to 449 W in turns of 50 samples: 424.5 W on average, an hour of it.
    assert abs(float(visitor.tiles()["Energy"].removesuffix(" Wh")) - 424.5) < 2


def test_a_growing_file_is_followed_by_ranges_and_a_half_line_waits_for_its_rest(lab, server, visit):
    lab_with_a_morning(lab)
    visitor = visit()
    visitor.open()
    visitor.drawn()
    whole = len(server.asked_for(f"{TODAY}.csv"))
    lab.append("node01", TODAY, csv([(NOW - 4000, 777)]).splitlines()[1] + f"\n{iso(NOW - 3000)},5")
    wait_for_last(visitor, 777)
    lab.append("node01", TODAY, "55\n")
    wait_for_last(visitor, 555)
    xs, ys = visitor.drawn()
    assert list(zip(xs, ys, strict=True)) == lab.rows("node01", TODAY)
    later = server.asked_for(f"{TODAY}.csv")[whole:]
    assert later and all(each.status == 206 and each.range for each in later)


def test_a_file_written_anew_is_read_whole_whether_shorter_or_longer(lab, server, visit):
    lab_with_a_morning(lab)
    visitor = visit(expected=("416",))
    visitor.open()
    visitor.drawn()
    for rows in (
        every(30, "2026-11-24T11:30:00Z", NOW, lambda _: 200),
        every(5, "2026-11-24T00:00:00Z", NOW, lambda _: 300),
    ):
        lab.day("node01", TODAY, rows)
        wait_for_last(visitor, rows[0][1])
        xs, ys = visitor.drawn()
        assert [(x, y) for x, y in zip(xs, ys, strict=True) if y is not None] == rows


def test_at_midnight_it_goes_on_with_the_new_day_and_draws_no_line_across(lab, server, visit):
    server.now_ms = ms("2026-11-24T23:59:50Z")
    lab.bmc("node01")
    before = every(10, "2026-11-24T23:00:00Z", server.now_ms)
    lab.day("node01", TODAY, before)
    visitor = visit()
    visitor.open()
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


def test_the_switch_stops_the_clock_and_update_reads_once_keeping_the_selection(lab, server, visit):
    lab_with_a_morning(lab)
    visitor = visit()
    page = visitor.open("index.html?from=2026-11-24T11:30:00Z&to=2026-11-24T11:40:00Z")
    visitor.drawn()
    selected = visitor.tiles()
    switch = page.get_by_role("switch", name="Real time")
    # By keyboard alone.
    page.locator("#spans input:checked").focus()
    page.keyboard.press("Tab")
    expect(switch).to_be_focused()
    page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    page.wait_for_load_state("networkidle")
    asked = len(server.asked)
    lab.append("node01", TODAY, f"{iso(NOW - 3000)},999\n")
    page.wait_for_timeout(1500)
    assert len(server.asked) == asked
    page.get_by_role("button", name="Update").click()
    wait_for_last(visitor, 999)
    expect(page.locator(".statistics h2")).to_have_text("Selected: 11:30:00 – 11:40:00, 10 min")
    assert visitor.tiles() == selected


def test_a_machine_is_chosen_by_click_and_the_address_says_so(lab, visit):
    lab_with_a_morning(lab, group="Rack 1")
    lab.bmc("node02", title="Node 2", group="Rack 2", simulated=True)
    lab.day("node02", TODAY, every(10, "2026-11-24T11:00:00Z", NOW, lambda _: 50))
    visitor = visit()
    page = visitor.open()
    visitor.drawn()
    expect(page.locator("#machine-tag")).to_be_hidden()
    page.get_by_role("link", name="Node 2").click()
    wait_for_last(visitor, 50)
    assert "machine=node02" in page.url
    expect(page.locator("#machine-tag")).to_have_text("simulated")
    expect(page.locator("#machines tr.group")).to_have_text(["Rack 1436 W", "Rack 2436 W"])
    page.get_by_label("15 min").check()
    page.wait_for_url("**/*machine=node02&span=15m")
    page.go_back()
    wait_for_last(visitor, lab.rows("node01", TODAY)[-1][1])


def test_a_silent_machine_says_since_when_and_why_and_its_outage_is_uncovered(lab, visit):
    lab.bmc("node01", title="Node 1")
    begin = NOW - 1_800_000
    outage = {"kind": "outage", "begin": iso(begin), "end": None, "reason": "login-refused", "detail": ""}
    lab.day("node01", TODAY, every(10, begin - 7_200_000, begin), [outage])
    lab.reading(
        "node01", state="silent", reason="login-refused", since=iso(begin), at=iso(begin - 10_000), age_s=1810.0
    )
    visitor = visit()
    page = visitor.open()
    visitor.drawn()
    expect(page.locator("#machines tbody tr")).to_contain_text("silent since 11:30: it refuses the login")
    expect(page.locator("#machines .age").last).to_have_text("30 min")
    expect(page.locator("#total-note")).to_contain_text("0 of 1 machines that answer")
    # Half an hour; the last sample has no successor and holds nothing.
    assert 49 < float(visitor.tiles()["Coverage"].removesuffix(" %")) < 50
    page.locator(".plot .u-over").hover(position={"x": 500, "y": 100})
    expect(page.locator(".readout")).to_contain_text("no reading: it refuses the login")


def test_a_span_without_readings_says_so_and_leads_to_the_last_day(lab, visit):
    lab.bmc("node01", title="Node 1")
    lab.day("node01", "2026-11-20", every(10, "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"))
    lab.reading("node01", state="silent", reason="timeout", at="2026-11-20T10:59:50.000Z", power_w=409, age_s=349210.0)
    visitor = visit()
    page = visitor.open()
    expect(page.locator("#live-notices")).to_contain_text("No readings in the last hour")
    expect(page.locator("#live-notices")).to_contain_text("Fri 20 Nov 2026, 10:59:50: 409 W")
    assert page.locator("#panel").is_hidden()
    page.get_by_role("link", name="Daily report of 2026-11-20").click()
    assert len(visitor.drawn()[0]) == 360


def test_several_collectors_are_merged_and_equal_names_told_apart(lab, server, visit):
    render(server.root / "powergraph", frontend_collectors=["lab", "annex"])
    annex = Collector(server.root / "powergraph" / "data", "annex", lambda: server.now_ms)
    for collector, watts in ((lab, 100), (annex, 30)):
        collector.bmc("node01", title=f"Node 1 of {collector.name}")
        collector.day("node01", TODAY, every(10, NOW - 600_000, NOW, lambda _, watts=watts: watts))
        collector.reading("node01", power_w=watts)
    visitor = visit()
    page = visitor.open("index.html?machine=annex/node01")
    visitor.drawn()
    expect(page.locator("#machine-title")).to_have_text("Node 1 of annex")
    expect(page.locator("#total")).to_have_text("130 W")
    page.get_by_role("link", name="Node 1 of lab").click()
    wait_for_last(visitor, 100)
    assert page.url.endswith("machine=lab/node01")


def test_two_hundred_machines_keep_their_rows_and_the_focus_while_figures_change(lab, visit):
    for i in range(200):
        lab.bmc(f"node{i:03d}", group=f"rack {i // 40}")
    lab.write_index()
    visitor = visit()
    page = visitor.open()
    link = page.get_by_role("link", name="node120")
    link.focus()
    lab.reading("node120", power_w=512)
    expect(page.locator("tr", has=link)).to_contain_text("512 W")
    expect(link).to_be_focused()
    expect(page.locator("#total")).to_have_text("87,276 W")
