"""Calendar: a year by its days, reports of months and years, and all machines together; sums are those of the files."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
import rollup_files
from axe import violations
from playwright.sync_api import expect
from serving import NOW

from powergraph_collector.rollups import merged
from powergraph_collector.tariff import Rate, Tariff
from published import every, iso, ms

HOUR = 3_600_000
DAY = 24 * HOUR
ZONE = "America/Sao_Paulo"
MISSING = {"2026-05-03", "2026-05-04"}
RATES = [{"name": "peak", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "18:00", "to": "21:00", "per_kwh": 1.05}]
TARIFF = {"currency": "BRL", "per_kwh": 0.62, "rates": RATES}


def local_day(at: int) -> str:
    """The day in Sao Paulo, which has been three hours behind UTC for all of these years."""
    return _local_hour(at // HOUR)[:10]


@cache
def _local_hour(hour: int) -> str:
    return iso((hour - 3) * HOUR)[:13]


@cache
def watts_in(hour: int) -> int | None:
    day, clock = _local_hour(hour).split("T")
    if day in MISSING or (day == "2026-07-09" and clock >= "05"):
        return None
    weekend = date.fromisoformat(day).isoweekday() > 5
    return (300 if weekend else 450) + int(day[5:7]) * 3 + int(day[8:]) + (60 if day.startswith("2025") else 0)


@cache
def made_up(begin_ms: int, scale: int):
    """Rows up to now and their files: the same for every test."""

    def watts(at: int) -> int | None:
        found = watts_in(at // HOUR)
        return None if found is None else scale * found

    rows = rollup_files.made_up(begin_ms, NOW, watts)
    return rows, rollup_files.files_of(rows, ZONE, "2026-11-24")


def published(lab, name: str, begin: str, scale: int = 1):
    """A machine with rows since a day; its rows."""
    lab.zone = ZONE
    lab.bmc(name, title=name.upper(), simulated=True)
    rows, files = made_up(lab.midnight(begin), scale)
    lab.bmcs[name]["days"] = [["2026-11-24", "2026-11-24"]]
    rollup_files.write(lab, name, files)
    return rows


def today_of(lab, rows):
    return rollup_files.today_of(row for row in rows if row.at_ms >= lab.midnight("2026-11-24"))


@pytest.fixture
def node(lab):
    rows = published(lab, "node01", "2025-09-01")
    lab.rows_of = rows
    lab.summary("node01", **today_of(lab, rows))
    lab.write_overview()
    return lab


def calendar(more: str = "", machine: str = "node01") -> str:
    return f"calendar.html?machine={machine}{more}"


def shown(visitor):
    visitor.page.wait_for_selector("#report:not([hidden])")
    expect(visitor.page.locator("#notices")).not_to_contain_text("Reading …")
    expect(visitor.page.locator("#report .tiles").first).not_to_contain_text("Reading …")
    return visitor.page


def energy_of(rows, begin: str, end: str) -> float:
    """kWh of the days from one up to another."""
    return merged(row.energy for row in rows if begin <= local_day(row.at_ms) < end).energy_wh / 1000


def test_every_day_with_readings_leads_to_its_report_and_says_what_it_was(node, visit):
    visitor = visit()
    page = visitor.open(calendar())
    shown(visitor)
    names = page.locator("a.day").evaluate_all("all => all.map((each) => [each.ariaLabel, each.getAttribute('href')])")
    days = [str(date(2026, 1, 1) + timedelta(days=i)) for i in range((date(2026, 11, 24) - date(2026, 1, 1)).days + 1)]
    there = [day for day in days if day not in MISSING]
    assert [href for _, href in names] == [f"daily.html?machine=node01&date={day}" for day in there]
    for (name, _), day in list(zip(names, there, strict=True))[::19]:
        energy = energy_of(node.rows_of, day, str(date.fromisoformat(day) + timedelta(days=1)))
        assert f": {energy:.3f} kWh, coverage 100 %" in name
    assert names[0][0].startswith("Thursday, 1 January 2026: ")
    today = energy_of(node.rows_of, "2026-11-24", "2026-11-25")
    assert names[-1][0] == f"Tuesday, 24 November 2026: {today:.3f} kWh so far, coverage 100 %"
    low = page.get_by_role("link", name="Thursday, 9 July 2026")
    expect(low).to_have_class(re.compile(r"\blow\b"))
    assert "coverage 20.83 %" in low.get_attribute("aria-label")
    expect(page.locator(".day.low:not(.sample)")).to_have_count(1)


def test_colours_go_by_the_bounds_of_the_legend(node, visit):
    visitor = visit()
    page = visitor.open(calendar())
    shown(visitor)
    legend = page.locator(".legend li").all_inner_texts()[:-2]
    colours = page.locator(".legend li .day").evaluate_all("all => all.map((each) => each.classList[2])")[: len(legend)]
    assert 4 <= len(legend) <= 6 and colours == sorted(set(colours))
    bounds = [float(re.search(r"[\d.]+", text)[0]) for text in legend[1:]]
    cells = page.locator("a.day").evaluate_all("all => all.map((each) => [each.ariaLabel, each.classList[1]])")
    for name, colour in cells:
        kwh = float(re.search(r": ([\d.]+) k?Wh", name)[1])
        assert colour == colours[sum(bound <= kwh for bound in bounds)], name


def test_arrow_keys_move_by_day_and_week_and_one_day_only_is_in_the_tab_order(node, visit):
    visitor = visit()
    page = visitor.open(calendar())
    shown(visitor)
    assert page.locator("a.day[tabindex='0']").count() == 1
    page.locator("a.day[tabindex='0']").focus()
    focused = "document.activeElement.getAttribute('href').slice(-10)"
    for key, day in [
        ("ArrowLeft", "2026-11-23"),
        ("ArrowUp", "2026-11-16"),
        ("PageUp", "2026-10-16"),
        ("Home", "2026-01-01"),
        ("ArrowLeft", "2026-01-01"),
        ("End", "2026-11-24"),
        ("ArrowDown", "2026-11-24"),
    ]:
        page.keyboard.press(key)
        assert page.evaluate(focused) == day, key
    page.locator("a.day[href$='2026-05-02']").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "2026-05-05"
    assert page.locator("a.day[tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/daily.html?machine=node01&date=2026-05-05")


def test_a_year_sums_its_days_with_cost_by_rates_and_stands_against_the_year_before(node, visit):
    node.write_index(tariff=TARIFF, co2_g_per_kwh=98)
    visitor = visit()
    page = visitor.open(calendar("&year=2026"))
    shown(visitor)
    rows = [row for row in node.rows_of if local_day(row.at_ms) >= "2026-01-01"]
    total = merged(row.energy for row in rows)
    rate = Rate("peak", frozenset(range(5)), 18 * 60, 21 * 60, 1.05)
    tariff = Tariff(ZoneInfo(ZONE), 0.62, (rate,), "BRL")
    cost = tariff.cost(tariff.split((row.at_ms, row.energy.energy_ms_w) for row in rows))
    tiles = visitor.tiles()
    assert tiles["Energy"] == f"{total.energy_wh / 1000:,.3f} kWh"
    assert tiles["Cost"] == f"R${cost:,.2f}"
    assert tiles["CO₂"] == f"{total.energy_wh / 1000 * 0.098:.3f} kg"
    assert tiles["Mean"] == f"{total.mean_w:.1f} W"
    assert tiles["Peak"] == f"{total.max_w} W"
    months = page.locator("#report section").nth(2).locator("tbody tr")
    expect(months).to_have_count(11)
    october, before = (energy_of(node.rows_of, f"{year}-10-01", f"{year}-11-01") for year in (2026, 2025))
    expect(months.nth(9)).to_contain_text(f"October{october:.3f} kWh{before:.3f} kWh")
    expect(months.nth(0)).to_contain_text("–")
    expect(months.last).to_contain_text("so far")
    assert page.locator(".bars-plot .fill.before").count() == 3
    compared = page.locator("#report section").last.inner_text()
    # 2025 has no readings before September.
    assert "1 Jan – 23 Nov" in compared and "little of it is covered" in compared


def test_a_month_is_reckoned_as_the_collector_does_and_lists_its_days(node, visit):
    node.write_index(tariff=TARIFF)
    visitor = visit()
    page = visitor.open(calendar("&month=2026-07"))
    shown(visitor)
    rows = [row for row in node.rows_of if local_day(row.at_ms)[:7] == "2026-07"]
    total = merged(row.energy for row in rows)
    tiles = visitor.tiles()
    assert tiles["Energy"] == f"{total.energy_wh / 1000:.3f} kWh"
    assert (tiles["Peak"], tiles["Minimum"]) == (f"{total.max_w} W", f"{total.min_w} W")
    assert tiles["Coverage"] == f"{total.covered_ms * 10_000 // (31 * DAY) / 100:.2f} %"
    assert "Cost" in tiles and "Base load" in tiles
    days = page.get_by_role("region", name="Days of July 2026").locator("tbody tr")
    expect(days).to_have_count(31)
    expect(days.nth(8)).to_contain_text("20.83 %")
    expect(page.locator(".bars-plot .bar")).to_have_count(31)
    expect(page.locator(".bars-plot .fill.low")).to_have_count(1)
    june = energy_of(node.rows_of, "2026-06-01", "2026-07-01")
    difference = total.energy_wh / 1000 - june
    compared = page.get_by_role("region", name="Compared").inner_text()
    assert f"{difference:+.3f} kWh".replace("-", "−") in compared and f"from {june:.3f} kWh" in compared
    assert "July 2025" in compared and "no readings" in compared


def test_a_month_that_goes_on_is_compared_by_the_days_that_are_over(node, visit):
    visitor = visit()
    page = visitor.open(calendar("&month=2026-11"))
    shown(visitor)
    one, october, year = (
        energy_of(node.rows_of, f"{month}-01", f"{month}-24") for month in ("2026-11", "2026-10", "2025-11")
    )
    compared = page.get_by_role("region", name="Compared").inner_text()
    assert "1 Oct – 23 Oct" in compared and "1 Nov – 23 Nov" in compared
    assert f"{one - october:+.3f} kWh".replace("-", "−") in compared
    assert f"{one - year:+.3f} kWh".replace("-", "−") in compared
    expect(page.get_by_role("region", name="Days of November 2026").locator("tbody tr")).to_have_count(24)


def test_choosers_and_steps_lead_through_years_months_and_machines(node, visit):
    published(node, "node02", "2026-09-01", scale=2)
    visitor = visit()
    page = visitor.open("calendar.html")
    shown(visitor)
    expect(page.locator("#next")).not_to_have_attribute("href", re.compile("."))
    page.get_by_role("link", name="Before").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2025")
    shown(visitor)
    expect(page.locator("#previous")).not_to_have_attribute("href", re.compile("."))
    page.locator("#month").select_option("October")
    expect(page.get_by_role("heading", level=1)).to_have_text("October 2025")
    assert "month=2025-10" in page.url and "year=" not in page.url
    page.locator("#year").select_option("2026")
    expect(page.get_by_role("heading", level=1)).to_have_text("October 2026")
    shown(visitor)
    page.locator("#machine").select_option("NODE02")
    expect(page.locator("#machine-title")).to_have_text("NODE02")
    page.go_back()
    expect(page.locator("#machine-title")).to_have_text("NODE01")
    shown(visitor)
    page.locator("#month").select_option("whole year")
    expect(page.get_by_role("heading", level=1)).to_have_text("2026")
    shown(visitor)
    page.get_by_role("link", name="March 2026", exact=True).click()
    page.wait_for_url("**/calendar.html?machine=node01&month=2026-03")


def test_all_machines_are_summed_by_their_days(node, visit):
    other = published(node, "node02", "2026-09-01", scale=2)
    node.write_index(tariff=TARIFF | {"rates": []}, co2_g_per_kwh=98)
    node.summary("node02", **today_of(node, other))
    node.write_overview()
    visitor = visit()
    page = visitor.open(calendar(machine="*"))
    shown(visitor)
    total = energy_of([*node.rows_of, *other], "2026-01-01", "2027-01-01")
    tiles = visitor.tiles()
    assert tiles["Energy"] == f"{total:,.3f} kWh"
    assert tiles["Cost"] == f"R${total * 0.62:,.2f}"
    assert "Peak" not in tiles and "Mean" not in tiles
    expect(page.locator("#machine-title")).to_have_text("All machines of this site")
    day = page.get_by_role("link", name="Monday, 23 November 2026")
    assert (
        f"{energy_of([*node.rows_of, *other], '2026-11-23', '2026-11-24'):.3f} kWh, coverage 100 %"
        in day.get_attribute("aria-label")
    )
    day.click()
    page.wait_for_url("**/calendar.html?machine=*&month=2026-11#day-2026-11-23")
    shown(visitor)
    expect(page.locator("#day-2026-11-23")).to_be_in_viewport()


def test_of_too_many_machines_it_is_said_that_they_are_not_summed(node, server, visit):
    for i in range(50):
        node.bmc(f"more{i:02}")
    node.write_index()
    visitor = visit()
    page = visitor.open(calendar(machine="*"))
    expect(page.locator("#notices")).to_contain_text("51 machines are too many to sum up here")
    assert not server.asked_for("days.csv")


@pytest.mark.parametrize(
    ("more", "words", "links"),
    [
        ("&month=2024-02", "No readings of NODE01 in February 2024", ["September 2025"]),
        ("&year=2027", "No readings of NODE01 in 2027", ["2026"]),
        ("&month=2026-13", "“2026-13” is not a month", []),
        ("&year=<b>", "“<b>” is not a year", []),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest_that_is(node, visit, more, words, links):
    visitor = visit()
    page = visitor.open(calendar(more))
    expect(page.locator("#notices")).to_contain_text(words)
    assert page.locator("#notices a").all_inner_texts() == links
    assert page.locator("#report").is_hidden()


def test_a_cost_that_cannot_be_read_is_not_one_of_nothing(node, server, visit):
    node.write_index(tariff=TARIFF)
    server.faults["2026.csv"] = 503
    page = visit(expected=("503",)).open(calendar())
    expect(page.locator("#notices")).to_contain_text("data/lab/node01/2026.csv")
    expect(page.locator(".tiles div", has_text="Cost").locator("dd")).to_have_text("–")


def test_a_machine_that_is_not_known_is_said(node, visit):
    page = visit().open(calendar(machine="node99"))
    expect(page.locator("#notices")).to_contain_text("No machine is called “node99” here")


def test_bad_rows_are_counted_and_the_good_ones_shown(node, visit):
    path = node.folder / "node01" / "days.csv"
    path.write_text(path.read_text().replace("2026-03-05,", "2026-03-99,") + "2026-11")
    visitor = visit()
    page = visitor.open(calendar())
    shown(visitor)
    assert "2 of 449 rows could not be read" in visitor.notices() or "2 of" in visitor.notices()
    assert page.locator("a.day[href$='2026-03-05']").count() == 0
    assert page.locator("a.day[href$='2026-03-06']").count() == 1


def test_without_days_of_an_older_collector_it_is_said(node, visit):
    node.bmcs["node01"]["days"] = [["2026-10-01", "2026-11-24"]]
    node.write_index()
    (node.folder / "node01" / "days.csv").unlink()
    visitor = visit(expected=("404",))
    page = visitor.open(calendar())
    expect(page.locator("#notices")).to_contain_text("What NODE01 drew on past days is not summed up")
    shown(visitor)
    expect(page.locator("a.day")).to_have_count(1)


@pytest.mark.parametrize("view", ["calendar.html", "daily.html"])
def test_of_a_machines_first_day_nothing_is_asked_for_that_cannot_be_there(lab, server, visit, view):
    lab.bmc("node01", title="NODE01")
    rows = every(10, "2026-11-24T10:58:00Z", NOW)
    lab.day("node01", "2026-11-24", rows)
    rollup_files.publish_samples(lab, "node01", rows)
    (lab.folder / "node01" / "days.csv").unlink()
    lab.summary("node01")
    lab.write_overview()
    page = visit().open(f"{view}?machine=node01")
    expect(page.locator("#notices")).not_to_contain_text("Reading …")
    expect(page.locator("table").first).to_be_visible()
    assert lab.bmcs["node01"]["years"]
    assert not server.asked_for("days.csv")


def test_a_day_of_25_hours_is_covered_when_all_of_them_are(lab, visit):
    lab.zone = "Europe/Berlin"
    lab.bmc("node01")
    begin = lab.midnight("2026-10-24")
    rows = rollup_files.made_up(begin, begin + 73 * HOUR, lambda _: 400)
    rollup_files.publish(lab, "node01", rows)
    lab.write_overview()
    visitor = visit()
    page = visitor.open(calendar("&month=2026-10"))
    shown(visitor)
    days = page.get_by_role("region", name="Days of October 2026").locator("tbody tr")
    expect(days.nth(24)).to_contain_text("10.000 kWh")
    for i in (23, 24, 25):
        expect(days.nth(i)).to_contain_text("100 %")


@pytest.mark.parametrize("more", ["", "&month=2026-07"])
def test_axe_finds_nothing(node, visit, more):
    visitor = visit(color_scheme="light")
    page = visitor.open(calendar(more))
    assert violations(shown(visitor)) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []


def test_the_calendar_fits_every_width_and_its_days_can_be_touched(node, visit):
    visitor = visit()
    for more in ("&month=2026-07", ""):
        page = visitor.open(calendar(more))
        shown(visitor)
        for width in (360, 768, 1440, 2560):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            if not more:
                box = page.locator("a.day").first.bounding_box()
                assert box["width"] >= 24 and box["height"] >= 24
                assert violations(page) == []


@pytest.mark.parametrize(("more", "title"), [("", "2026"), ("&month=2026-07", "July 2026")])
def test_a_year_and_a_month_are_one_page_of_paper(node, visit, more, title):
    visitor = visit(color_scheme="dark")
    page = visitor.open(calendar(more))
    shown(visitor)
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == 1
    assert page.locator("#on-paper").text_content() == (
        f"Power at <the> lab · NODE01 · {title} · Days of America/Sao_Paulo · printed Tue 24 Nov 2026, 09:00"
    )


def test_in_portuguese_weeks_begin_on_sunday_and_numbers_have_commas(node, visit):
    visitor = visit(locale="pt-BR")
    page = visitor.open(calendar())
    page.wait_for_selector("#report:not([hidden])")
    first = page.locator(".year-month").first
    expect(first.locator("th .unseen").first).to_have_text("domingo")
    expect(first.locator("caption")).to_have_text("janeiro de 2026")
    assert re.search(r": \d+,\d{3} kWh, cobertura 100 %", page.locator("a.day").first.get_attribute("aria-label"))
    assert ms("2026-01-01T03:00:00Z") == node.midnight("2026-01-01")
