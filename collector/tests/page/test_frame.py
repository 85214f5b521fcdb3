"""What holds for every view: its frame, widths, colours, words for those who do not see it, and its templates."""

from __future__ import annotations

import hashlib
import re

import pytest
from jinja2.exceptions import UndefinedError
from playwright.sync_api import expect
from serving import NOW, SITE, VARIABLES, render

from published import every, iso

VIEWS = ["index.html", "daily.html", "files.html", "about.html"]
TODAY = "2026-11-24"


def shown(visitor, view):
    """Wait until a view has drawn all that it will."""
    if view in ("index.html", "daily.html"):
        visitor.drawn()
    elif view == "files.html":
        visitor.page.wait_for_selector(".month")


@pytest.fixture
def node(lab):
    long = "A machine with a name that somebody thought about for very long, and found"
    for name, title in (
        ("node01", "Node 1"),
        ("averyveryverylongnamewithoutanyspace-0123456789", ""),
        ("node03", long),
    ):
        lab.bmc(name, title=title, group="Rack 1", simulated=True)
        lab.day(name, TODAY, every(10, NOW - 3_600_000, NOW))
    lab.reading("node03", state="silent", reason="no-session-slot", since=iso(NOW - 90_000_000))
    return lab


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_scrolls_sideways_and_charts_use_the_width(node, visit, view):
    visitor = visit(viewport={"width": 360, "height": 740})
    page = visitor.open(view)
    shown(visitor, view)
    for width in (360, 768, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        if view in ("index.html", "daily.html"):
            page.wait_for_function("width => document.querySelector('.u-over').clientWidth > width * 0.5", arg=width)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_title_language_landmarks_one_first_heading_and_a_skip_link(node, visit, view):
    page = visit().open(view)
    assert "Power at <the> lab" in page.title()
    assert page.locator("html").get_attribute("lang") == "en"
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert page.locator("nav [aria-current=page]").get_attribute("href") == view
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("view", VIEWS)
def test_every_control_has_a_name(node, visit, view):
    visitor = visit()
    page = visitor.open(view)
    shown(visitor, view)
    unnamed = page.evaluate("""() => [...document.querySelectorAll('input, select, button, a[href], summary')]
        .filter((each) => !(each.labels?.[0]?.textContent || each.ariaLabel || each.textContent).trim())
        .map((each) => each.outerHTML)""")
    assert unnamed == []


def luminance(colour: str) -> float:
    channels = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_all_text_has_a_contrast_of_four_and_a_half_to_one_in_both_schemes(node, server, visit, scheme, view):
    node.write_now(written_at=iso(NOW - 720_000))
    visitor = visit(color_scheme=scheme)
    page = visitor.open(view)
    shown(visitor, view)
    ground = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert ground > 0.8 if scheme == "light" else ground < 0.05
    found = page.evaluate("""() => {
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
            pairs[getComputedStyle(element).color + ' on ' + groundOf(element)] = walker.currentNode.textContent.trim();
        }
        return pairs;
    }""")
    assert len(found) >= 3
    for pair, text in found.items():
        lighter, darker = sorted(map(luminance, pair.split(" on ")), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, f"{text}: {pair}"


def test_the_chart_changes_its_colours_with_the_scheme(node, visit):
    visitor = visit(color_scheme="light")
    page = visitor.open("daily.html")
    visitor.drawn()
    ink = "document.querySelector('figure').chart.series[1].stroke()"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {ink} !== light", arg=light)


def test_a_finger_selects_by_a_sideways_drag(node, visit):
    visitor = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = visitor.open("daily.html")
    visitor.drawn()
    page.locator(".plot").scroll_into_view_if_needed()
    box = page.locator(".u-over").bounding_box()
    session = visitor.context.new_cdp_session(page)
    y = box["y"] + 60
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": box["x"] + 20, "y": y}]})
    for x in (60, 120, 180):
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": box["x"] + x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".statistics h2")).to_contain_text("Selected: ")
    assert "from=" in page.url


def test_the_files_view_lists_every_day_and_leads_to_files_that_are_there(node, server, visit):
    node.day("node01", "2026-10-31", every(10, NOW - 2_600_000_000, NOW - 2_500_000_000))
    page = visit().open("files.html")
    expect(page.locator(".month caption")).to_have_text(["November 2026", "October 2026"])
    links = page.locator(".month a[download]")
    expect(links).to_have_count(2)
    for link in links.all():
        answer = page.request.get(server.url + link.get_attribute("href"))
        assert answer.ok and answer.text().startswith("timestamp,consumption\n")
    page.get_by_label("Machine").select_option(index=1)
    expect(page.locator(".month a[download]")).to_have_count(1)
    assert "machine=averyvery" in page.url


def test_about_says_who_runs_it_what_it_costs_and_nothing_that_was_left_empty(server, visit):
    page = visit().open("about.html")
    text = page.locator("main").inner_text()
    assert "The lab's operators" in text and "power@example.org" in text and "0.3 EUR" in text
    assert "Where the machines are" not in text
    render(server.root / "powergraph", frontend_about={}, frontend_tariff_per_kwh=None, frontend_collectors=[])
    text = page.reload() and page.locator("main").inner_text()
    assert "Whoever set it up has not said." in text and "not set" in text


def test_values_are_escaped_links_work_and_no_address_leaves_the_folder(server, visit):
    page = visit().open("about.html")
    expect(page.locator(".brand")).to_have_text("Power at <the> lab")
    link = page.get_by_role("link", name="Lab & friends")
    expect(link).to_have_attribute("href", "https://www.example.org/?a=1&b=2")
    for view in VIEWS:
        text = (server.root / "powergraph" / view).read_text()
        for address in re.findall(r'(?:href|src)="([^"]*)"', text):
            assert not address.startswith("/"), f"{view}: {address}"


def test_no_folder_of_the_page_is_called_like_that_of_the_published_files():
    # Deploying leaves every folder `data` alone.
    assert not list(SITE.rglob("data"))


def modules(script):
    """A script's imports, and theirs."""
    found = set()
    for name in re.findall(r'^(?:import|export) [^"]*"(\.[^"]+)";', script.read_text(), re.MULTILINE):
        module = (script.parent / name).resolve()
        found |= {module} | modules(module)
    return found


@pytest.mark.parametrize("view", ["home", "daily"])
def test_all_modules_of_a_view_are_asked_for_at_once(server, view):
    root = server.root / "powergraph"
    html = (root / ("index.html" if view == "home" else f"{view}.html")).read_text()
    named = {(root / path).resolve() for path in re.findall(r'rel="modulepreload" href="([^"]+)"', html)}
    assert named == modules(root / "scripts" / "views" / f"{view}.js")


def test_a_variable_that_is_missing_stops_the_rendering(tmp_path):
    for name in VARIABLES:
        broken = {key: value for key, value in VARIABLES.items() if key != name}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("serving.VARIABLES", broken)
            with pytest.raises((UndefinedError, TypeError), match=f"{name}|StrictUndefined"):
                render(tmp_path)


def test_the_vendored_chart_library_is_the_one_it_says_and_has_its_licence():
    folder = SITE / "vendor" / "uplot-1.6.32"
    for digest, name in re.findall(r"^(\w{64})  (\S+)$", (folder / "VERSION").read_text(), re.MULTILINE):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "MIT" in (folder / "LICENSE").read_text()
