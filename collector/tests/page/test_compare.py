"""Compare: machines side by side over one span, or spans from their beginnings; figures are those of the readings."""

from __future__ import annotations

import pytest
import rollup_files
from playwright.sync_api import Page, expect

from published import every, ms

DAY = "2026-11-20"
FROM, TO = f"{DAY}T08:00:00Z", f"{DAY}T10:00:00Z"


def machine(lab, name: str, watts: int, begin: str = DAY, end: str = "2026-11-21", **fields):
    """One that draws the same all day."""
    lab.bmc(name, title=name.upper(), **fields)
    rows = every(10, f"{begin}T00:00:00Z", f"{end}T00:00:00Z", lambda _: watts)
    lab.day(name, begin, rows)
    return rows


def compare(*items: str, more: str = "") -> str:
    return "compare.html?" + "&".join(f"item={item}" for item in items) + more


def cells(page: Page, name: str) -> list[str]:
    """A column of the table, without the differences."""
    page.wait_for_selector(".comparison tbody tr")
    expect(page.locator(".comparison")).not_to_contain_text("…")
    heads = page.locator(".comparison thead th").evaluate_all("all => all.map((each) => each.className)")
    column = heads.index(name)
    return page.locator(".comparison tbody tr").evaluate_all(
        "(rows, i) => rows.map((row) => row.children[i].firstChild.textContent)", column
    )


@pytest.fixture
def two(lab):
    machine(lab, "node01", 400)
    machine(lab, "node02", 300)
    return lab


def test_two_machines_over_one_span_with_what_the_second_takes_less(two, visit):
    page = visit().open(compare("node01", "node02", more=f"&from={FROM}&to={TO}"))
    assert cells(page, "energy") == ["800.00 Wh", "600.00 Wh"]
    assert cells(page, "mean") == ["400.0 W", "300.0 W"]
    differences = page.locator(".comparison tbody tr").nth(1).locator(".difference").all_inner_texts()
    assert differences == ["−200.00 Wh (−25 %)", "−100.0 W (−25 %)", "−100 W (−25 %)"]
    lines = page.evaluate("document.querySelector('#together').chart.data.slice(1, 3)")
    assert {value for value in lines[0] if value is not None} == {400}
    assert {value for value in lines[1] if value is not None} == {300}


def test_one_machine_over_two_spans_is_drawn_from_their_beginnings(lab, visit):
    lab.bmc("node01")
    lab.day(
        "node01",
        DAY,
        every(10, f"{DAY}T00:00:00Z", "2026-11-21T00:00:00Z", lambda i: 500 if 2880 <= i < 3240 else 200),
    )
    page = visit().open(compare(f"node01@{DAY}T08:00:00Z/{DAY}T09:00:00Z", f"node01@{DAY}T12:00:00Z/{DAY}T13:00:00Z"))
    assert cells(page, "energy") == ["500.00 Wh", "200.00 Wh"]
    chart = page.evaluate(
        "(({data, scales}) => [data[0], scales.x.min, scales.x.max])(document.querySelector('#together').chart)"
    )
    assert chart[1:] == [0, 3_600_000]
    assert min(at for at in chart[0]) <= 0 < max(chart[0]) <= 3_600_000 + 10_000
    expect(page.locator("#together figcaption")).to_contain_text("since the beginning; dates in UTC")


def test_more_than_six_are_a_total_with_the_greatest_and_small_charts(lab, visit):
    for i in range(8):
        machine(lab, f"node{i:02d}", 100 * (i + 1))
    page = visit().open(compare(*(f"node{i:02d}" for i in range(8)), more=f"&from={FROM}&to={TO}"))
    assert cells(page, "energy")[-1] == "1.600 kWh"
    expect(page.locator("#multiples figure:visible")).to_have_count(8)
    data = page.evaluate("document.querySelector('#together').chart.data")
    assert {value for value in data[1] if value is not None} == {3600}
    assert [next(v for v in line if v is not None) for line in data[2:7]] == [800, 700, 600, 500, 400]
    # One scale for all, so that a small one looks small.
    tops = page.evaluate("[...document.querySelectorAll('#multiples figure')].map((each) => each.chart.scales.y.max)")
    assert len(set(tops)) == 1


def test_a_year_is_reckoned_from_rows_of_days_and_is_exact(lab, visit):
    rows = every(600, "2025-11-20T00:00:00Z", "2026-11-24T00:00:00Z", lambda i: 300 + i % 7)
    files = rollup_files.files_of(rollup_files.of_samples(rows, 600.0), lab.zone, "2026-11-24")
    for name in ("node01", "node02", "node03"):
        lab.bmc(name, interval_s=600.0, days=[["2026-11-23", "2026-11-23"]])
        rollup_files.write(lab, name, files)
    page = visit().open(compare("node01", "node02", "node03", more="&span=1y"))
    begin, end = ms("2025-11-24T00:00:00Z"), ms("2026-11-24T00:00:00Z")
    energy_wh = sum(watts * 600 / 3600 for at, watts in rows if begin <= at < end)
    # The last reading holds nothing yet.
    assert cells(page, "energy") == [f"{energy_wh / 1000 - rows[-1][1] / 6000:,.3f} kWh"] * 3
    assert cells(page, "peak") == ["306 W"] * 3
    assert cells(page, "p95") == ["–"] * 3
    expect(page.locator("#notes")).to_contain_text("Of more than two machines over more than 7 days, percentiles")
    page = page.context.pages[0]
    page.goto(page.url.replace("&item=node03", ""))
    assert cells(page, "p95") == ["306.0 W"] * 2
    expect(page.locator(".comparison tbody tr").first).to_contain_text("of means of 5 min")
    expect(page.locator("#notes")).not_to_contain_text("Of more than two machines")


def test_few_readings_and_what_is_simulated_are_said(lab, visit):
    machine(lab, "node01", 400, simulated=True)
    machine(lab, "node02", 300)
    page = visit().open(compare("node01", "node02", more=f"&from={FROM}&to={DAY}T08:01:00Z"))
    assert cells(page, "mean") == ["400.0 W", "300.0 W"]
    expect(page.locator("#notes li")).to_have_count(1)
    expect(page.locator("#notes")).to_contain_text("6 readings carry this span")
    expect(page.locator("#together .readout")).to_contain_text("NODE01 (simulated)")
    assert "NODE02 (sim" not in page.locator("#together .readout").inner_text()


def test_a_machine_without_readings_is_not_one_that_takes_nothing(lab, visit):
    machine(lab, "node01", 400)
    lab.bmc("node02", title="NODE02")
    lab.day("node02", "2026-11-19", every(10, "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"))
    lab.write_index(tariff={"currency": "EUR", "per_kwh": 0.3, "rates": []}, co2_g_per_kwh=380.0)
    visitor = visit(expected=("404",))
    for first, second in (("node01", "node02"), ("node02", "node01")):
        page = visitor.open(compare(first, second, more=f"&from={FROM}&to={TO}"))
        figures = {name: cells(page, name) for name in ("energy", "mean", "cost", "co2")}
        assert {each[first == "node01"] for each in figures.values()} == {"–"}
        assert page.locator(".comparison .difference").count() == 0
        expect(page.locator("#notices")).to_contain_text("No readings of NODE02 in this span")
        assert "little to go by" not in visitor.notices() and "out of date" not in visitor.notices()


def test_a_link_to_be_sent_says_machines_moments_and_zone(two, visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"]).open("compare.html?span=6h&zone=utc")
    cells(page, "energy")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#told")).to_contain_text("The link is in the clipboard")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "item=node01&item=node02&from=2026-11-24T06:00:0" in copied
    assert "&to=2026-11-24T12:00:0" in copied
    assert "zone=utc" in copied and "span=" not in copied


def test_the_table_has_all_lines_with_the_range_of_each(lab, visit):
    for i in range(8):
        machine(lab, f"node{i:02d}", 100 * (i + 1))
    lab.bmc("node08", title="NODE08")
    lab.day("node08", DAY, every(10, f"{DAY}T00:00:00Z", "2026-11-21T00:00:00Z", lambda i: 50 + i % 2))
    page = visit().open(compare(*(f"node{i:02d}" for i in range(9)), more=f"&from={FROM}&to={TO}"))
    cells(page, "energy")
    page.locator("#drawn summary").click()
    heads = page.locator("#drawn-table thead th")
    expect(heads).to_have_count(11)
    assert heads.all_inner_texts()[1] == "Total of 9 machines"
    assert heads.all_inner_texts()[-1] == "NODE08"
    row = page.locator("#drawn-table tbody tr").nth(3).locator("td").all_inner_texts()
    assert row[1] == "100.0 W"
    assert row[-1] == "50.5 W, 50 to 51 W"


def test_adding_removing_and_going_back_keep_the_address(two, visit):
    page = visit().open(compare("node01", more=f"&from={FROM}&to={TO}"))
    page.select_option("#machine", "node02")
    page.click("#add-machine")
    expect(page.locator(".comparison tbody tr")).to_have_count(2)
    assert "item=node01&item=node02" in page.url or page.url.count("item=") == 2
    page.get_by_role("button", name="Remove NODE01").click()
    expect(page.locator(".comparison tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator(".comparison tbody tr")).to_have_count(2)


def test_a_machine_that_is_not_there_is_named_and_the_others_stay(two, visit):
    visitor = visit()
    page = visitor.open(compare("node01", "node09", more=f"&from={FROM}&to={TO}"))
    assert cells(page, "energy") == ["800.00 Wh"]
    assert "No machine is called “node09” here" in visitor.notices()


def test_low_coverage_is_said_before_anyone_compares(lab, visit):
    machine(lab, "node01", 400)
    lab.bmc("node02", title="NODE02")
    lab.day("node02", DAY, every(10, FROM, f"{DAY}T09:00:00Z", lambda _: 300))
    visitor = visit()
    page = visitor.open(compare("node01", "node02", more=f"&from={FROM}&to={TO}"))
    assert cells(page, "energy") == ["800.00 Wh", "299.17 Wh"]
    page.wait_for_selector(".notice")
    assert "One of these has little to go by" in visitor.notices()


def test_markers_of_the_compared_machines_are_drawn(two, visit):
    marker = {"kind": "marker", "begin": f"{DAY}T08:30:00.000Z", "end": f"{DAY}T08:30:00.000Z", "reason": "marker"}
    lab = two
    lab.day("node02", DAY, lab.rows("node02", DAY), [marker | {"detail": "job 42"}])
    page = visit().open(compare("node01", "node02", more=f"&from={FROM}&to={TO}"))
    cells(page, "energy")
    page.evaluate("document.querySelector('#together .plot').scrollIntoView()")
    assert (
        page.evaluate(
            """(at) => {
            const {ctx, bbox} = document.querySelector('#together').chart;
            const x = Math.round(document.querySelector('#together').chart.valToPos(at, 'x', true));
            const strip = ctx.getImageData(x - 40, bbox.top + bbox.height / 2, 80, 1).data;
            const pixel = (i) => [...strip.slice(4 * i, 4 * i + 4)].join();
            return new Set(Array.from({length: 80}, (_, i) => pixel(i))).size;
        }""",
            ms(f"{DAY}T08:30:00Z"),
        )
        > 1
    )


def test_items_with_the_same_span_of_their_own_are_drawn_over_it(two, visit):
    page = visit().open(f"compare.html?item=node01@{FROM}/{TO}")
    page.wait_for_function("() => document.querySelector('#together').chart?.data[1]?.length > 0")
    drawn = page.evaluate("(({min, max}) => [min, max])(document.querySelector('#together').chart.scales.x)")
    assert drawn == [ms(FROM), ms(TO)]


def test_another_zone_keeps_all_that_is_compared(two, visit):
    page = visit().open(compare("node01", "node02", more=f"&from={FROM}&to={TO}"))
    expect(page.locator(".comparison tbody tr")).to_have_count(2)
    page.locator("#choose-zone").select_option("utc")
    expect(page.locator(".comparison tbody tr")).to_have_count(2)
    assert "zone=utc" in page.url


def test_escape_goes_back_from_a_zoom_and_no_further(two, visit):
    page = visit().open(compare("node01", "node02", more=f"&from={FROM}&to={TO}"))
    before = page.url
    page.wait_for_function("() => document.querySelector('#together').chart?.data[2]?.length > 0")
    chart = page.locator("#together").get_by_role("application")
    chart.press("Escape")
    assert page.url == before
    chart.press("+")
    page.wait_for_function("before => location.href !== before", arg=before)
    chart.press("Escape")
    page.wait_for_function("before => location.href === before", arg=before)
    expect(page.locator(".comparison tbody tr")).to_have_count(2)
