"""The views of now on paper; those of reports are in their own tests."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from views import everything, opened

WIDTH = "document.querySelector('figure.chart').chart.width"


@pytest.mark.parametrize(
    ("view", "pages", "line"),
    [
        ("index.html", 2, "Power at <the> lab · UTC · printed Tue 24 Nov 2026, 12:00"),
        ("machine.html", 1, "Power at <the> lab · Node 4 · Batch · printed Tue 24 Nov 2026, 12:00"),
    ],
)
def test_a_view_is_as_few_pages_of_paper_as_it_needs_and_the_screen_is_as_before(lab, visit, view, pages, line):
    everything(lab)
    page = opened(visit(color_scheme="dark"), view)
    before = page.evaluate(WIDTH)
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", paper)) == pages
    assert page.locator("#on-paper").text_content() == line
    assert page.evaluate(WIDTH) == before


def test_small_charts_of_many_machines_are_drawn_for_paper_too(lab, visit):
    everything(lab)
    page = visit(color_scheme="dark").open("compare.html?" + "&".join(["item=node01", "item=node04"] * 4))
    expect(page.locator("#multiples figure")).to_have_count(8)
    widths = "[...document.querySelectorAll('#multiples figure')].map((each) => each.chart.width)"
    before = page.evaluate(widths)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(widths) == [440] * 8
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(widths) == before
