"""For everybody: what axe finds in every view, the keyboard, what is said aloud, and less motion."""

from __future__ import annotations

import re

import pytest
from axe import violations
from playwright.sync_api import expect
from serving import NOW
from views import CHARTS, OF_FIGURES, VIEWS, everything, opened

from published import iso


@pytest.fixture
def full(lab):
    return everything(lab)


@pytest.mark.parametrize(("view", "language"), [*((view, "en") for view in VIEWS), ("daily.html", "pt-BR")])
def test_axe_finds_nothing_in_either_scheme(full, visit, view, language):
    page = opened(visit(color_scheme="light", locale=language), view)
    for summary in page.locator("main summary:visible").all():
        summary.click()
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_where_there_is_nothing_yet(visit, view):
    page = visit(expected=("404",)).open(view)
    if view != "about.html":
        expect(page.locator("#notices")).to_contain_text("published nothing yet")
    assert violations(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_the_tab_key_reaches_all_that_can_be_used_and_shows_where_it_is(full, visit, view):
    page = opened(visit(), view)
    # A page that goes on reading would change while it is walked through.
    page.evaluate("() => { for (const each of document.querySelectorAll('#follow')) if (each.checked) each.click(); }")
    wanted = page.evaluate(REACHABLE)
    assert len(wanted) > 8
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    reached = []
    # Fields of dates have six or seven parts.
    for _ in range(len(wanted) + 7 * page.locator("input[type^=date]").count() + 10):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None:
            break
        name, is_seen = found
        assert is_seen, f"nothing shows that {name} has the focus"
        reached.append(name)
    assert sorted(set(wanted) - set(reached)) == []


NAME = """const nameOf = (each) => {
    each.dataset.walked ??= String(window.walked = (window.walked ?? 0) + 1);
    const name = (each.ariaLabel ?? each.textContent).trim().slice(0, 30);
    return `${each.tagName}#${each.id} ${name} ${each.dataset.walked}`;
};"""
# Of radio buttons with one name and of a calendar's days, arrow keys lead to the others.
REACHABLE = f"""() => {{
    {NAME}
    return [...document.querySelectorAll(
        'a[href], :is(button, input, select):not(:disabled), summary, [tabindex="0"], [role=slider]'
    )].filter((each) => each.checkVisibility({{visibilityProperty: true}}) && each.tabIndex >= 0
        && (each.type !== 'radio' || each === (document.querySelector(`input[name="${{each.name}}"]:checked`)
            ?? document.querySelector(`input[name="${{each.name}}"]`)))).map(nameOf);
}}"""
FOCUSED = f"""() => {{
    {NAME}
    const each = document.activeElement;
    if (each === document.body) return null;
    const rings = [each, each.nextElementSibling, each.parentElement, each.closest('tr')].filter(Boolean);
    return [nameOf(each), rings.map((one) => getComputedStyle(one))
        .some(({{outlineStyle, outlineWidth}}) => outlineStyle !== 'none' && outlineWidth !== '0px')];
}}"""


@pytest.mark.parametrize("view", list(CHARTS))
def test_a_chart_is_a_named_figure_whose_cursor_moves_by_arrows_and_speaks(full, visit, view):
    page = opened(visit(), view)
    plot = page.locator(f"{CHARTS[view]} .plot")
    name = plot.get_attribute("aria-label")
    assert re.search(r"Arrow keys move the cursor", name)
    plot.focus()
    said = page.locator(f"{CHARTS[view]} [aria-live]")
    told = []
    for key in ("End", "ArrowLeft", "Home"):
        page.keyboard.press(key)
        page.wait_for_function(
            "([root, before]) => document.querySelector(`${root} [aria-live]`).textContent !== before",
            arg=[CHARTS[view], told[-1] if told else ""],
        )
        told.append(said.inner_text())
    assert len(set(told)) == 3
    assert all(re.search(r"\d W|no reading", each) for each in told)


@pytest.mark.parametrize("view", ["index.html", "machine.html", "compare.html"])
def test_what_a_chart_draws_is_in_a_table_too(full, visit, view):
    page = opened(visit(), view)
    page.get_by_text("Table of what is drawn").click()
    rows = page.locator("main details[open] table tbody tr")
    expect(rows.first).to_contain_text(" W")
    assert rows.count() >= 20
    heads = page.locator("main details[open] table thead th")
    assert all(heads.evaluate_all("all => all.map((each) => each.scope === 'col')"))


@pytest.mark.parametrize("view", VIEWS)
def test_on_a_phone_what_can_be_touched_is_large_enough_and_with_reduced_motion_nothing_moves(full, visit, view):
    full.write_now(written_at=iso(NOW - 720_000))
    visitor = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, reduced_motion="reduce")
    page = opened(visitor, view)
    if view in OF_FIGURES:
        expect(page.locator("#notices")).to_contain_text("stands still")
    assert violations(page) == []
    moving = page.evaluate("""() => [...document.querySelectorAll('*')].filter((each) => {
        const {transitionDuration, animationDuration, animationName, scrollBehavior} = getComputedStyle(each);
        const inMs = (one) => parseFloat(one) * (one.endsWith('ms') ? 1 : 1000);
        const longest = (text) => Math.max(...text.split(',').map(inMs));
        return longest(transitionDuration) > 10 || (animationName !== 'none' && longest(animationDuration) > 10)
            || scrollBehavior === 'smooth';
    }).map((each) => each.outerHTML.slice(0, 80))""")
    assert moving == []
    assert page.evaluate("document.getAnimations().filter((each) => each.playState === 'running').length") == 0
    # WCAG 2.2, 2.5.8: 24 px, or as much room around it; links within a sentence are exempt, and bars, since the table
    # beside them has the same links.
    small = page.evaluate("""() => {
        const all = [...document.querySelectorAll('button, select, summary, input, main a[href], header a[href]')]
            .filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.closest('p, li, dd, .bars'))
            .map((each) => ({each, box: (each.type === 'radio' || each.type === 'checkbox'
                ? each.closest('label') ?? each : each).getBoundingClientRect()}))
            .filter(({box}) => box.width > 1);
        const centre = ({box}) => [box.x + box.width / 2, box.y + box.height / 2];
        return all.filter((one) => Math.min(one.box.width, one.box.height) < 23.5 && all.some((other) => {
            const label = other.each.closest('label');
            if (other === one || label && label === one.each.closest('label')) return false;
            const [[x, y], {box}] = [centre(one), other];
            const [dx, dy] = [Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom)];
            return Math.hypot(dx, dy) < 12;
        })).map(({each, box}) => `${each.outerHTML.slice(0, 90)} ${box.width} × ${box.height}`);
    }""")
    assert small == []
