"""What holds for every view: its frame, widths, colours, addresses, and its templates."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise

import pytest
from jinja2.exceptions import UndefinedError
from playwright.sync_api import expect
from serving import SITE, VARIABLES, render
from views import VIEWS, everything, open_view

from published import every

WIDTHS = (360, 768, 1440, 2560)


@pytest.fixture
def full(lab):
    return everything(lab)


@pytest.mark.parametrize("view", VIEWS)
class TestEveryView:
    def test_it_has_title_language_landmarks_headings_names_and_a_skip_link(self, full, visit, view):
        page = open_view(visit(), view)
        assert page.title().endswith(" · Power at <the> lab") and not page.title().startswith(" ·")
        assert page.locator("html").get_attribute("lang") == "en"
        for role in ("banner", "main", "contentinfo"):
            assert page.get_by_role(role).count() == 1
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.get_by_role("heading", level=1)).not_to_have_text("")
        levels = page.evaluate("""() => [...document.querySelectorAll('h1, h2, h3, h4')]
            .filter((each) => each.checkVisibility()).map((each) => Number(each.tagName[1]))""")
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        current = page.locator("nav [aria-current=page]")
        assert current.evaluate_all("all => all.map((each) => each.getAttribute('href'))") == [view]
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        unnamed = page.evaluate("""() => [...document.querySelectorAll('input, select, button, a[href], summary')]
            .filter((each) => !(each.labels?.[0]?.textContent || each.ariaLabel || each.textContent).trim())
            .map((each) => each.outerHTML)""")
        assert unnamed == []
        ids = page.eval_on_selector_all("[id]", "all => all.map(({id}) => id)")
        assert len(ids) == len(set(ids))

    def test_it_uses_every_width_without_scrolling_sideways_and_all_text_has_contrast(self, full, visit, view):
        page = open_view(visit(viewport={"width": 360, "height": 740}, color_scheme="light"), view)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            # Charts follow a frame later.
            page.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")
            if page.locator("figure .u-over:visible").count() > 0:
                page.wait_for_function(
                    "width => document.querySelector('.u-over').clientWidth > width * 0.5 || width > 2000", arg=width
                )
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            ground = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert ground > 0.8 if scheme == "light" else ground < 0.05
            found = page.evaluate(CONTRASTS)
            assert len(found) >= 3
            for pair, text in found.items():
                lighter, darker = sorted(map(luminance, pair.split(" on ")), reverse=True)
                assert (lighter + 0.05) / (darker + 0.05) >= 4.5, f"{scheme}: {text}: {pair}"

    def test_it_asks_for_few_files_once_and_no_address_leaves_the_folder(self, full, visit, server, view):
        page = open_view(visit(), view)
        name = "overview" if view == "index.html" else view.removesuffix(".html")
        asked = [each.path.removeprefix("/powergraph/") for each in server.asked]
        own = {view, f"scripts/{name}.js", f"styles/{name}.css", "favicon.svg"}
        library = {"vendor/uplot-1.6.32/uPlot.iife.min.js"} if page.locator("figure.chart").count() else set()
        assert {each for each in asked if not each.startswith("data/")} == own | library
        for file in ("data/lab/index.json", f"scripts/{name}.js", f"styles/{name}.css"):
            assert asked.count(file) == 1
        root = server.root / "powergraph"
        for address in re.findall(r'(?:href|src)="([^"]*)"', (root / view).read_text()):
            assert not address.startswith(("/", "..")), address
        leads = page.eval_on_selector_all("a[href]", "all => all.map(({href}) => href.split('#')[0])")
        assert [each for each in leads if not each.startswith((server.url, "blob:"))] == [
            "https://www.example.org/?a=1&b=2"
        ]
        assert not [each for each in server.asked if not each.path.startswith("/powergraph/")]
        # What it leads to is there.
        files = {each.split("?")[0] for each in leads if each.startswith(server.url)}
        assert len(files) >= len(VIEWS)
        assert [each for each in sorted(files) if page.request.head(each).status != 200] == []
        expect(page.locator(".brand")).to_have_text("Power at <the> lab")
        expect(page.get_by_role("link", name="Lab & friends")).to_have_count(1)
        assert page.locator("the").count() == 0


CONTRASTS = """() => {
    const groundOf = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (!colour.endsWith(', 0)')) return colour;
        }
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const pairs = {};
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
        if (['NOSCRIPT', 'OPTION'].includes(element.tagName)) continue;
        if (element.closest(':disabled, [aria-disabled=true]')) continue;
        pairs[getComputedStyle(element).color + ' on ' + groundOf(element)] = walker.currentNode.textContent.trim();
    }
    return pairs;
}"""


def luminance(colour: str) -> float:
    channels = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_files_view_lists_every_day_and_leads_to_files_that_are_there(full, server, visit):
    full.day("node01", "2026-10-31", every(60, "2026-10-31T10:00:00Z", "2026-10-31T11:00:00Z"))
    page = visit().open("files.html")
    expect(page.locator(".month caption")).to_have_text(["November 2026", "October 2026"])
    days = page.locator(".month a[download]")
    expect(days).to_have_count(3)
    files = [*days.all(), *page.locator("#rows a[download]").all()]
    assert {each.inner_text() for each in files} >= {"csv", "2026-11.csv", "2026.csv", "days.csv"}
    for link in files[:-1]:
        if link.inner_text() != "last.csv":
            answer = page.request.get(server.url + link.get_attribute("href"))
            assert answer.ok and re.match("(timestamp,(consumption|mean_w)|day,mean_w)", answer.text())
    page.get_by_label("Machine").select_option("Node 4")
    expect(page.locator(".month a[download]")).to_have_count(2)
    assert page.url.endswith("?machine=node04")
    page.get_by_role("link", name=re.compile("daily report")).first.click()
    page.wait_for_url("**/daily.html?machine=node04&date=*")


def test_about_says_who_runs_it_what_it_costs_and_nothing_that_was_left_empty(full, server, visit):
    page = visit().open("about.html")
    expect(page.locator("#prices")).to_contain_text("night Mon, Tue 22:00–06:00: €0.18")
    expect(page.locator("#prices")).to_contain_text("else €0.30")
    expect(page.locator("#prices")).to_contain_text("380 g")
    text = page.locator("main").inner_text()
    assert "The lab's operators" in text and "power@example.org" in text
    assert "Where the machines are" not in text
    render(server.root / "powergraph", frontend_about={}, frontend_collectors=[], frontend_links=[])
    page.reload()
    text = page.locator("main").inner_text()
    assert "Whoever set it up has not said." in text
    assert page.locator("footer ul").count() == 0


def test_the_chart_changes_its_colours_with_the_scheme(full, visit):
    page = open_view(visit(color_scheme="light"), "daily.html")
    ink = "document.querySelector('figure').chart.series[1].stroke()"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {ink} !== light", arg=light)


def test_a_view_is_reached_from_another_with_the_zone_and_language_of_the_address(full, visit):
    page = visit().open("machine.html?zone=utc&lang=pt-BR")
    for name in ("Comparar", "Calendário", "Visão geral"):
        page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
        assert "zone=utc" in page.url and "lang=pt-BR" in page.url
    expect(page.locator("#choose-zone")).to_have_value("utc")
    expect(page.get_by_role("link", name="Node 1", exact=True)).to_have_attribute(
        "href", "machine.html?machine=node01&zone=utc&lang=pt-BR"
    )


# --- Without a browser ---


def test_no_folder_of_the_page_is_called_like_that_of_the_published_files():
    # Deploying leaves every folder `data` alone.
    assert not list(SITE.rglob("data"))


def test_a_variable_that_is_missing_stops_the_rendering(tmp_path):
    for name in VARIABLES:
        broken = {key: value for key, value in VARIABLES.items() if key != name}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("serving.VARIABLES", broken)
            with pytest.raises((UndefinedError, TypeError), match=f"{name}|StrictUndefined"):
                render(tmp_path)


def test_the_vendored_chart_library_is_the_one_it_says_and_has_its_licence():
    folder = SITE / "vendor" / "uplot-1.6.32"
    named = re.findall(r"^(\w{64})  (\S+)$", (folder / "VERSION").read_text(), re.MULTILINE)
    assert {name for _, name in named} == {path.name for path in folder.iterdir()} - {"VERSION", "LICENSE"}
    for digest, name in named:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "MIT" in (folder / "LICENSE").read_text()


def test_colours_type_and_space_are_in_one_file():
    for path in (SITE.parent / "styles").glob("*.css"):
        if path.name != "tokens.css":
            colours = re.findall(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", path.read_text())
            assert colours == [], path.name
