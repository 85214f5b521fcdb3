"""What a visitor reads when collectors, files or the server are not as they should be."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from serving import NOW, render

from published import every, iso

TODAY = "2026-11-24"


@pytest.fixture
def node(lab):
    lab.bmc("node01", title="Node 1")
    lab.day("node01", TODAY, every(10, NOW - 3_600_000, NOW))
    return lab


def test_a_collector_that_stands_still_is_said_and_its_figures_are_not_summed_as_now(node, visit):
    node.write_now(written_at=iso(NOW - 720_000))
    visitor = visit()
    page = visitor.open()
    expect(page.locator("#notices")).to_contain_text("Collector “lab” stands still")
    expect(page.locator("#notices")).to_contain_text("12 min ago (Tue 24 Nov 2026, 11:48:00 UTC)")
    expect(page.locator("#machines tbody tr")).to_contain_text("not up to date")
    expect(page.locator("#machines .age").last).to_have_text("12 min")
    expect(page.locator("#total")).to_have_text("–")
    # The chart keeps what is good.
    assert len(visitor.drawn()[0]) == 360


def storage(**changed):
    usual = {"state": "refused", "since": iso(NOW - 600_000), "detail": "No space left on device", "unwritten": 1234}
    return usual | {"dropped": 0} | changed


@pytest.mark.parametrize("page_name", ["index.html", "daily.html", "files.html"])
def test_a_full_disk_is_said_with_what_waits_and_what_is_lost(node, visit, page_name):
    node.write_now(storage=storage(dropped=56))
    page = visit().open(page_name)
    expect(page.locator("#notices .notice")).to_have_count(1)
    expect(page.locator("#notices")).to_contain_text("Collector “lab” cannot store its readings")
    expect(page.locator("#notices")).to_contain_text("since Tue 24 Nov 2026, 11:50:00 UTC (No space left on device)")
    expect(page.locator("#notices")).to_contain_text("1,234 readings wait in its memory")
    expect(page.locator("#notices")).to_contain_text("56 are lost")


def test_a_disk_that_hangs_is_said_until_it_moves(node, visit):
    node.write_now(storage=storage(state="stalled", detail="a write does not come back"))
    page = visit().open()
    expect(page.locator("#notices")).to_contain_text("Collector “lab” waits for its disk, which does not answer")
    assert "lost" not in page.locator("#notices").inner_text()
    node.write_now(storage=storage(state="ok", since=None, detail=None, unwritten=3))
    expect(page.locator("#notices .notice")).to_have_count(0)


def test_of_a_collector_that_stands_still_the_disk_is_not_told_from_an_old_file(node, visit):
    node.write_now(written_at=iso(NOW - 720_000), storage=storage())
    page = visit().open()
    expect(page.locator("#notices")).to_contain_text("Collector “lab” stands still")
    expect(page.locator("#notices .notice")).to_have_count(1)


@pytest.mark.parametrize(
    "strange", [None, 7, "full", {"state": "<b>"}, {"state": "refused", "since": 5, "unwritten": "x"}]
)
def test_a_strange_storage_breaks_nothing(node, visit, strange):
    node.write_now(storage=strange)
    visitor = visit()
    visitor.open()
    assert len(visitor.drawn()[0]) == 360


def test_a_wrong_clock_of_the_visitor_does_not_make_readings_stale(node, server, visit):
    visitor = visit()
    visitor.page.clock.install(time="2031-01-01T00:00:00Z")
    page = visitor.open()
    expect(page.locator("#total")).to_have_text("436 W")
    assert visitor.notices() == ""


@pytest.mark.parametrize("page_name", ["index.html", "daily.html", "files.html"])
class TestEveryViewWithFigures:
    def test_no_machine_at_all(self, lab, visit, page_name):
        lab.write_now()
        lab.write_index()
        page = visit().open(page_name)
        expect(page.locator("#notices")).to_contain_text("No machine is measured yet")

    def test_a_collector_that_has_published_nothing(self, visit, page_name):
        page = visit(expected=("404",)).open(page_name)
        expect(page.locator("#notices")).to_contain_text("Collector “lab” has published nothing yet")

    def test_an_index_of_a_format_that_is_not_known(self, node, visit, page_name):
        node.write_index(format=2)
        page = visit().open(page_name)
        expect(page.locator("#notices")).to_contain_text("writes files that this page does not know")
        expect(page.locator("#notices")).to_contain_text("its format is 2, this page reads format 1")

    def test_an_index_that_is_cut_off(self, node, visit, page_name):
        (node.folder / "index.json").write_text('{"format": 1, "bm')
        page = visit().open(page_name)
        expect(page.locator("#notices")).to_contain_text("A file of collector “lab” cannot be read")

    def test_a_server_that_refuses(self, node, server, visit, page_name):
        server.faults["index.json"] = 403
        page = visit(expected=("403",)).open(page_name)
        expect(page.locator("#notices")).to_contain_text("answered with status 403")

    def test_settings_that_cannot_be_read(self, node, server, visit, page_name):
        server.faults["site.json"] = 500
        page = visit(expected=("500",)).open(page_name)
        expect(page.locator("#notices")).to_contain_text("The page's own settings cannot be read")

    def test_hostile_and_half_files_break_nothing(self, lab, visit, page_name):
        lab.bmc(
            "ok", title="<img src=x onerror=alert(1)>", group="</td><script>alert(1)</script>", days=[[TODAY, TODAY]]
        )
        lab.bmcs["outside"] = {"name": "../../etc", "title": "outside"}
        lab.bmcs["worse"] = {"name": 7}
        lab.readings["ok"] = {"state": "<b>", "power_w": "many"}
        lab.write_index(zone="No/Where")
        lab.write_now()
        page = visit(expected=("404",)).open(page_name)
        expect(page.locator("main")).to_contain_text("<img src=x onerror=alert(1)>")
        assert page.locator("main img, main script").count() == 0
        assert "outside" not in page.locator("main").inner_text()


def test_a_server_that_goes_away_leaves_what_was_heard_and_says_so_and_comes_back(node, visit):
    visitor = visit(expected=("ERR_INTERNET_DISCONNECTED",))
    page = visitor.open()
    before = visitor.drawn()
    visitor.context.set_offline(True)
    expect(page.locator("#notices")).to_contain_text("The server does not answer")
    assert visitor.drawn() == before
    visitor.context.set_offline(False)
    expect(page.locator("#notices .notice")).to_have_count(0)


def test_of_two_collectors_one_that_is_broken_does_not_hide_the_other(node, server, visit):
    render(server.root / "powergraph", frontend_collectors=["annex", "lab"])
    visitor = visit(expected=("404",))
    page = visitor.open()
    assert len(visitor.drawn()[0]) == 360
    expect(page.locator("#notices .notice")).to_have_count(1)
    expect(page.locator("#notices")).to_contain_text("“annex” has published nothing yet")


def test_an_unknown_machine_in_the_address_is_named_and_the_known_ones_offered(node, visit):
    visitor = visit()
    page = visitor.open("index.html?machine=node99")
    expect(page.locator("#notices")).to_contain_text("No machine is called “node99” here")
    assert page.locator("#live").is_hidden()
    page.locator("#notices").get_by_role("link", name="Node 1").click()
    assert len(visitor.drawn()[0]) == 360


def test_bad_rows_are_told_in_the_live_view_too(node, visit):
    node.append("node01", TODAY, "nonsense\n")
    visitor = visit()
    visitor.open()
    assert len(visitor.drawn()[0]) == 360
    assert "1 of 361 rows could not be read" in visitor.notices()


def test_a_machine_that_has_never_answered_says_so(lab, visit):
    lab.bmc("node01", title="Node 1")
    lab.reading("node01", state="waiting", at=None, power_w=None, age_s=None, source=None)
    lab.write_index()
    visitor = visit()
    page = visitor.open()
    expect(page.locator("#live-notices")).to_contain_text("Node 1 has not answered yet")
    expect(page.locator("#watts-now")).to_have_text("–")


def test_a_selection_that_is_not_in_the_live_chart_leads_to_its_day(node, visit):
    page = visit().open("index.html?from=2026-11-20T10:00:00Z&to=2026-11-20T10:10:00Z")
    link = page.get_by_role("link", name="See it in the daily report of 2026-11-20")
    expect(link).to_have_attribute(
        "href", "daily.html?machine=node01&date=2026-11-20&from=2026-11-20T10:00:00Z&to=2026-11-20T10:10:00Z"
    )
