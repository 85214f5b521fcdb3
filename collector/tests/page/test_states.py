"""What a visitor reads in every view when collectors, files or the server are not as they should be."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import rollup_files
from playwright.sync_api import expect
from serving import NOW, render
from views import OF_FIGURES, TODAY, VIEWS, everything, open_view, shown

from published import every, iso


@pytest.fixture
def node(lab):
    """Two machines with an hour of today."""
    for i in (1, 2):
        lab.bmc(f"node0{i}", title=f"Node {i}")
        lab.day(f"node0{i}", TODAY, every(10, NOW - 3_600_000, NOW))
        lab.summary(f"node0{i}")
    lab.write_overview()
    return lab


def told(page):
    return page.locator("#notices")


def storage(**changed):
    usual = {"state": "refused", "since": iso(NOW - 600_000), "detail": "No space left on device", "unwritten": 1234}
    return usual | {"dropped": 0} | changed


# --- Collectors and their files ---


@pytest.mark.parametrize("view", OF_FIGURES)
class TestEveryViewWithFigures:
    def test_no_machine_at_all(self, lab, visit, view):
        lab.write_now()
        lab.write_index()
        page = visit(expected=("404",)).open(view)
        expect(told(page).locator(".notice")).to_have_count(1)
        expect(told(page)).to_contain_text("No machine is measured yet")

    def test_a_collector_that_has_published_nothing(self, visit, view):
        page = visit(expected=("404",)).open(view)
        expect(told(page).locator(".notice")).to_have_count(1)
        expect(told(page)).to_contain_text("Collector “lab” has published nothing yet")

    def test_an_index_of_a_format_that_is_not_known(self, node, visit, view):
        node.write_index(format=2)
        page = visit().open(view)
        expect(told(page)).to_contain_text("writes files that this page does not know")
        expect(told(page)).to_contain_text("its format is 2, this page reads format 1")

    def test_an_index_that_is_cut_off(self, node, visit, view):
        (node.folder / "index.json").write_text('{"format": 1, "bm')
        page = visit().open(view)
        expect(told(page)).to_contain_text("A file of collector “lab” cannot be read")
        expect(told(page)).to_contain_text("data/lab/index.json: it is not JSON.")

    def test_a_server_that_refuses(self, node, server, visit, view):
        server.faults["index.json"] = 403
        page = visit(expected=("403",)).open(view)
        expect(told(page)).to_contain_text("The server does not hand out the readings")
        expect(told(page)).to_contain_text("the server answered with status 403")

    def test_a_collector_that_stands_still_since_when_and_what_was_read_is_shown(self, node, visit, view):
        node.write_now(written_at=iso(NOW - 720_000))
        page = visit().open(view)
        expect(told(page)).to_contain_text("Collector “lab” stands still")
        expect(told(page)).to_contain_text("12 min ago (Tue 24 Nov 2026, 11:48:00 UTC)")
        expect(page.locator("main")).to_contain_text("Node 1")

    def test_a_full_disk_with_what_waits_and_what_is_lost(self, node, visit, view):
        node.write_now(storage=storage(dropped=56))
        page = visit().open(view)
        expect(told(page)).to_contain_text("Collector “lab” cannot store its readings")
        expect(told(page)).to_contain_text("since Tue 24 Nov 2026, 11:50:00 UTC (No space left on device)")
        expect(told(page)).to_contain_text("1,234 readings wait in its memory")
        expect(told(page)).to_contain_text("56 are lost")

    def test_of_two_collectors_one_that_is_broken_does_not_hide_the_other(self, node, server, visit, view):
        render(server.root / "powergraph", frontend_collectors=["annex", "lab"])
        page = visit(expected=("404",)).open(view)
        expect(told(page)).to_contain_text("“annex” has published nothing yet")
        expect(page.locator("main")).to_contain_text("Node 1")

    def test_no_collector_at_all(self, server, visit, view):
        render(server.root / "powergraph", frontend_collectors=[])
        page = visit().open(view)
        expect(told(page)).to_contain_text("This page knows no collector")

    def test_a_wrong_clock_of_the_visitor_makes_nothing_stale(self, node, visit, view):
        visitor = visit()
        visitor.page.clock.install(time="2031-01-01T00:00:00Z")
        page = visitor.open(view)
        visitor.page.clock.run_for(100)
        expect(page.locator("main")).to_contain_text("Node 1")
        text = page.locator("main").inner_text()
        assert "2031" not in text and "stands still" not in text


@pytest.mark.parametrize(
    "strange", [None, 7, "full", {"state": "<b>"}, {"state": "refused", "since": 5, "unwritten": "x"}]
)
def test_a_strange_storage_breaks_nothing(node, visit, strange):
    node.write_now(storage=strange)
    page = visit().open()
    expect(page.locator("main")).to_contain_text("Node 1")
    expect(page.locator("#total")).to_have_text("872 W")
    expect(page.locator("#broken")).to_be_hidden()


# --- The page itself, and what is hostile ---


@pytest.mark.parametrize("content", ["", '{"frame": {', "[]", "null", "<!doctype html>"])
def test_a_language_that_is_none_is_as_if_it_were_not_there(node, server, visit, content):
    (server.root / "powergraph" / "languages" / "pt-BR.json").write_text(content)
    page = visit(locale="pt-BR").open()
    expect(page.locator("#total")).to_have_text("872 W")
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize(("block", "locale"), [("site", "pt-BR"), ("words", "en")])
def test_what_stands_in_the_page_and_cannot_be_read_is_said_in_its_own_words(node, server, visit, block, locale):
    for view in VIEWS:
        path = server.root / "powergraph" / view
        path.write_text(path.read_text().replace(f'id="{block}">{{', f'id="{block}">{{{{'))
    visitor = visit(expected=("JSON",), locale=locale)
    for view in VIEWS:
        page = visitor.open(view)
        expect(page.get_by_role("alert")).to_contain_text("The page could not be loaded whole")
        assert "Reading …" not in page.locator("main").inner_text()


@pytest.mark.parametrize("view", VIEWS)
class TestEveryView:
    def test_without_the_visitors_language_it_goes_on_in_its_own(self, lab, server, visit, view):
        everything(lab)
        (server.root / "powergraph" / "languages" / "pt-BR.json").unlink()
        visitor = visit(expected=("404",), locale="pt-BR")
        page = open_view(visitor, view)
        assert page.locator("html").get_attribute("lang") == "en"
        expect(page.locator("#broken")).to_be_hidden()
        expect(page.get_by_label("Language")).to_have_value("en")

    def test_names_titles_and_groups_are_never_markup(self, lab, visit, view):
        hostile = "</option></td></script><img src=x onerror=alert(1)>"
        lab.bmc("ok", title=hostile, group=hostile, rack=hostile, days=[[TODAY, TODAY], ["x", 7]], months=5, years={})
        lab.bmcs["outside"] = {"name": "../../etc", "title": "outside"}
        lab.bmcs["worse"] = {"name": 7}
        lab.bmcs["worst"] = None
        lab.readings["ok"] = {"state": "<b>", "power_w": "many", "flags": {"a": 1}, "at": [], "since": -1e400}
        lab.write_index(
            zone="No/Where", tariff={"per_kwh": "much", "rates": [None, {"name": hostile}]}, co2_g_per_kwh="x"
        )
        lab.write_now()
        sent = "&".join(
            f"{name}={quote(hostile)}"
            for name in (
                "label",
                "q",
                "sort",
                "by",
                "state",
                "zone",
                "lang",
                "date",
                "month",
                "sel",
                "item",
                "span",
                "from",
            )
        )
        visitor = visit(expected=("404",))
        page = visitor.open(f"{view}?{sent}")
        visitor.settled()
        expect(page.locator("#broken")).to_be_hidden()
        if view in OF_FIGURES:
            expect(page.locator("main")).to_contain_text("<img src=x onerror=alert(1)>")
        assert page.locator("main img, main script, main b").count() == 0
        text = page.locator("main").inner_text()
        assert not any(each in text for each in ("outside", "NaN", "∞", "undefined", "[object", "Infinity"))

    def test_a_hostile_machine_in_the_address_is_only_named(self, node, visit, view):
        visitor = visit()
        page = visitor.open(f"{view}?machine={quote('<img src=x onerror=alert(1)>')}&item={quote('<b>@x/y')}")
        visitor.settled()
        expect(page.locator("#broken")).to_be_hidden()
        assert page.locator("main img, main b").count() == 0


@pytest.mark.parametrize(
    "address",
    ["machine.html?machine=node99", "daily.html?machine=node99", "calendar.html?machine=node99",
     "files.html?machine=node99", "compare.html?item=node99&item=node01"],
)  # fmt: skip
def test_an_unknown_machine_in_the_address_is_named_and_the_known_ones_are_there_to_choose(node, visit, address):
    page = visit(expected=("404",)).open(address)
    expect(told(page)).to_contain_text("No machine is called “node99” here")
    if address.startswith("machine"):
        told(page).get_by_role("link", name="Node 1").click()
    elif address.startswith("compare"):
        page.get_by_role("button", name="Remove").click()
        expect(page.locator(".comparison tbody tr")).to_have_count(0)
        page.get_by_role("button", name="Add all").click()
        expect(page.locator(".comparison tbody tr")).to_have_count(2)
        return
    else:
        page.locator("#machine").select_option("Node 1")
    expect(told(page)).not_to_contain_text("node99")
    expect(page.locator("main")).to_contain_text("Node 1")


# --- While it is open ---


def test_a_disk_that_hangs_is_said_until_it_moves(node, visit):
    node.write_now(storage=storage(state="stalled", detail="a write does not come back"))
    page = visit().open()
    expect(told(page)).to_contain_text("Collector “lab” waits for its disk, which does not answer")
    assert "lost" not in told(page).inner_text()
    node.write_now(storage=storage(state="ok", since=None, detail=None, unwritten=3))
    expect(told(page).locator(".notice")).to_have_count(0)


def test_of_a_collector_that_stands_still_the_disk_is_not_told_from_an_old_file(node, visit):
    node.write_now(written_at=iso(NOW - 720_000), storage=storage())
    page = visit().open()
    expect(told(page)).to_contain_text("Collector “lab” stands still")
    expect(told(page).locator(".notice")).to_have_count(1)


# --- What not to trust ---

REPORTS = [f"daily.html?date={TODAY}", "calendar.html?month=2026-11", "calendar.html?year=2026", "compare.html"]


@pytest.mark.parametrize("address", REPORTS)
def test_reports_say_low_coverage_doubtful_bmcs_and_an_index_that_is_behind(node, visit, address):
    """Of the day, there is an hour only; the first BMC doubts itself; of the second, the index does not know today."""
    node.reading("node01", flags=["inactive"])
    node.bmcs["node02"]["days"] = [["2026-11-20", "2026-11-23"]]
    node.summary("node01", covered_s=3600.0)
    node.summary("node02", covered_s=3600.0)
    node.write_index()
    node.write_overview()
    page = visit(expected=("404",)).open(address + ("&" if "?" in address else "?") + "machine=node01")
    expect(told(page)).to_contain_text("The BMC of Node 1 says that it does not measure")
    if address == "compare.html":
        expect(told(page)).to_contain_text("One of these has little to go by")
        expect(told(page)).to_contain_text("The index of collector “lab” is out of date")
        return
    expect(told(page)).to_contain_text("Readings cover only ")
    assert "out of date" not in told(page).inner_text()
    page.goto(page.url.replace("node01", "node02"))
    expect(told(page)).to_contain_text("The index of collector “lab” is out of date")
    expect(told(page)).to_contain_text(f"it does not list {TODAY} yet")
    assert "does not measure" not in told(page).inner_text()


@pytest.mark.parametrize("view", ["compare.html", "daily.html"])
def test_a_machine_that_does_not_answer_is_said_to_where_figures_end_with_now(lab, visit, view):
    lab.bmc("node01", title="Node 1")
    lab.day("node01", TODAY, every(10, NOW - 43_200_000, NOW - 600_000))
    silent = {"state": "silent", "reason": "login-refused", "detail": "RAKP: unauthorised name"}
    lab.reading("node01", **silent, since=iso(NOW - 600_000), at=iso(NOW - 610_000), age_s=610.0)
    page = visit(expected=("404",)).open(view)
    expect(told(page)).to_contain_text("Node 1 is silent since 11:50: it refuses the login")
    assert "cover only" not in told(page).inner_text()


def test_of_many_doubtful_bmcs_one_sentence(lab, visit):
    for i in range(1, 5):
        lab.bmc(f"node0{i}", title=f"Node {i}")
        lab.day(f"node0{i}", TODAY, every(10, NOW - 86_400_000, NOW))
        lab.reading(f"node0{i}", flags=["inactive"])
    page = visit().open("compare.html?" + "&".join(f"item=node0{i}" for i in range(1, 5)))
    expect(told(page)).to_contain_text("The readings of 4 machines are in doubt")
    expect(told(page)).to_contain_text("Those of Node 1, Node 2, Node 3, Node 4.")


def test_the_sum_of_a_room_says_how_much_of_it_is_simulated(node, visit):
    page = visit().open()
    expect(page.locator("#total-note")).to_contain_text("all 2 machines answer")
    expect(page.locator("#total-tag")).to_be_hidden()
    node.bmcs["node01"]["simulated"] = True
    node.write_index()
    page.reload()
    expect(page.locator("#total-note")).to_contain_text("one of them simulated")
    node.bmcs["node02"]["simulated"] = True
    node.write_index()
    page.reload()
    expect(page.locator("#total-tag")).to_be_visible()


AGAIN = {
    "compare.html": lambda page: page.get_by_role("button", name="Show").click(),
    "daily.html": lambda page: page.get_by_role("button", name="Update").click(),
    "calendar.html": lambda page: page.locator("#month").select_option("2026-11"),
}


@pytest.mark.parametrize("view", list(AGAIN))
def test_a_server_that_goes_away_is_said_by_the_views_that_ask_when_told_to(lab, visit, view):
    everything(lab)
    visitor = visit(expected=("ERR_INTERNET_DISCONNECTED",))
    page = open_view(visitor, view)
    visitor.context.set_offline(True)
    AGAIN[view](page)
    expect(told(page)).to_contain_text("The server does not answer")
    expect(told(page).locator(".notice", has_text="The server does not answer")).to_have_count(1)
    if view != "calendar.html":  # where another month was asked for
        expect(page.locator("#panel, .comparison tbody tr").first).to_be_visible()
    visitor.context.set_offline(False)
    page.reload()
    shown(page, view)
    assert "The server does not answer" not in visitor.notices()


# --- Files that are bad in part ---


def test_compare_leaves_bad_rows_out_and_counts_them(node, visit):
    node.append("node02", TODAY, "nonsense\n")
    page = visit().open("compare.html")
    expect(told(page)).to_contain_text("1 of 361 rows could not be read")
    expect(told(page)).to_contain_text(f"the first is line 362 of data/lab/node02/{TODAY}.csv: “nonsense”")
    expect(page.locator(".comparison tbody tr")).to_have_count(2)


# What is read of a machine whose rows of five minutes, hours and days are all spoilt, and where that is to be told.
OF_ROWS = {
    "machine.html?machine=node01&span=7d": ("#machine-notices", ["2026-11"]),
    "machine.html?machine=node01&span=1y": ("#machine-notices", ["2026", "days"]),
    "compare.html?item=node01&span=7d": ("#notices", ["2026-11"]),
    "compare.html?item=node01&span=1y": ("#notices", ["2026", "days"]),
    "daily.html?machine=node01&date=2026-11-23": ("#notices", ["days"]),
    "calendar.html?machine=node01&month=2026-11": ("#notices", ["2026-11", "days"]),
}


@pytest.mark.parametrize("address", OF_ROWS)
def test_rows_of_months_and_days_that_cannot_be_read_are_counted_and_no_silent_hole(lab, visit, address):
    lab.bmc("node01", interval_s=600.0, days=[["2026-11-01", TODAY]])
    rows = every(600, "2026-10-20T00:00:00Z", NOW)
    files = rollup_files.files_of(rollup_files.of_samples(rows, 600.0), lab.zone, TODAY)
    rollup_files.write(lab, "node01", files)
    for day in ("2026-11-22", "2026-11-23", TODAY):
        lab.day("node01", day, [row for row in rows if iso(row[0]).startswith(day)])
    place, spoilt = OF_ROWS[address]
    for name in ("2026-11", "2026", "days"):
        path = lab.folder / "node01" / f"{name}.csv"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*lines[:-2], "#" + lines[-2], lines[-1]]))
    page = visit(expected=("404",)).open(address)
    for name in spoilt:
        expect(page.locator(place)).to_contain_text(f"of data/lab/node01/{name}.csv: “#2026")


def test_in_compare_a_file_that_is_gone_is_said(node, server, visit):
    server.faults[f"node02/{TODAY}.csv"] = 404
    page = visit(expected=("404",)).open("compare.html")
    expect(told(page)).to_contain_text("A file of this time is gone")
    expect(told(page)).to_contain_text(f"data/lab/node02/{TODAY}.csv")
    expect(page.locator(".comparison tbody tr")).to_have_count(2)


def test_about_tells_which_prices_it_could_not_read(node, server, visit):
    render(server.root / "powergraph", frontend_collectors=["annex", "lab"])
    node.write_index(tariff={"currency": "EUR", "per_kwh": 0.3, "rates": []})
    page = visit(expected=("404",)).open("about.html")
    expect(page.locator("#prices")).to_contain_text("Price of a kWh (lab)")
    expect(told(page)).to_contain_text("“annex” has published nothing yet")
    assert "stands still" not in told(page).inner_text()


def test_a_tariff_without_sense_is_no_tariff(node, visit):
    node.write_index(tariff={"currency": "€", "per_kwh": -1, "rates": "none"}, co2_g_per_kwh=-5)
    page = visit().open(f"daily.html?date={TODAY}")
    page.wait_for_selector("#panel:not([hidden])")
    expect(page.locator("[data-figure=energy]")).to_be_visible()
    assert page.locator("[data-figure=cost], [data-figure=co2]").count() == 0
