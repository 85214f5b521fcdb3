"""The views of now on paper; those of reports are in their own tests."""

from __future__ import annotations

import re

import pytest
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
