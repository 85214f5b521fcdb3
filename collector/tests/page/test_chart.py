"""The chart: what mouse, fingers and keys do to it, what it keeps of many readings, and how little it draws."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from serving import NOW

from published import every, ms

DAY = "2026-11-20"
BEGIN, END = ms(f"{DAY}T00:00:00Z"), ms("2026-11-21T00:00:00Z")
ROWS = every(10, BEGIN, END)
WHOLE_DAY = f"machine.html?machine=node01&from={DAY}T00:00:00Z&to=2026-11-21T00:00:00Z"
TEN_MINUTES = f"machine.html?machine=node01&from={DAY}T10:00:00Z&to={DAY}T10:10:00Z"
CHART = "document.querySelector('figure.chart').chart"


@pytest.fixture
def node(lab):
    lab.bmc("node01", title="Node 1")
    lab.day("node01", DAY, ROWS)
    return lab


def rests(visitor, before):
    """The window, once it is another and has come to rest: the address says it, to the second."""
    visitor.page.wait_for_function(
        """([low, high]) => {
            const {min, max} = document.querySelector('figure.chart').chart.scales.x;
            const address = new URLSearchParams(location.search);
            const isSaid = (name, at) => Math.abs(Date.parse(address.get(name)) - at) <= 1000;
            return (min !== low || max !== high) && isSaid('from', min) && isSaid('to', max);
        }""",
        arg=list(before),
    )
    visitor.settled()
    return visitor.window()


def length(window):
    return window[1] - window[0]


def test_a_day_of_a_sample_a_second_keeps_its_only_peak_with_few_points(lab, visit):
    lab.bmc("node01", interval_s=1.0)
    lab.day("node01", DAY, every(1, BEGIN, END, lambda i: 842 if i == 43_211 else 400))
    visitor = visit()
    page = visitor.open(WHOLE_DAY)
    points = len(visitor.drawn()[0])
    width = page.evaluate(f"{CHART}.over.clientWidth")
    assert points <= width + 2
    # A line of the height of the peak stands in the picture: there is ink at 780 W, where nothing else is.
    assert page.evaluate("""() => {
        const {ctx, bbox, valToPos} = document.querySelector('figure.chart').chart;
        const y = Math.round(valToPos(780, 'y', true));
        const {data} = ctx.getImageData(bbox.left + 7, y, bbox.width - 7, 1);
        let inked = 0;
        for (let i = 0; i < data.length; i += 4)
            inked += Math.abs(data[i + 3] - data[3]) + Math.abs(data[i] - data[0]) > 12;
        return inked;
    }""") in range(1, 30)


def test_zooming_in_shows_the_samples_themselves(lab, visit):
    lab.bmc("node01", interval_s=1.0)
    rows = every(1, BEGIN, END, lambda i: 300 + (i * 37) % 90)
    lab.day("node01", DAY, rows)
    visitor = visit()
    visitor.open(TEN_MINUTES)
    drawn = list(zip(*visitor.drawn(), strict=True))
    assert drawn == rows[36_000:36_602]


class TestMouse:
    def test_alt_and_dragging_pans_and_the_tool_does_too(self, node, visit):
        visitor = visit()
        page = visitor.open(f"machine.html?machine=node01&from={DAY}T10:00:00Z&to={DAY}T12:00:00Z")
        visitor.drawn()
        box = page.locator("#chart .u-over").bounding_box()
        before = visitor.window()
        for start in (lambda: page.keyboard.down("Alt"), lambda: page.get_by_label("Move", exact=True).check()):
            start()
            page.mouse.move(box["x"] + 500, box["y"] + 80)
            page.mouse.down()
            page.mouse.move(box["x"] + 400, box["y"] + 80, steps=4)
            page.mouse.up()
            page.keyboard.up("Alt")
            after = rests(visitor, before)
            assert abs((after[0] - before[0]) / length(before) - 100 / box["width"]) < 0.01
            assert length(after) == length(before)
            before = after

    def test_the_wheel_scrolls_the_page_sideways_it_pans_and_with_control_it_zooms_about_the_cursor(self, node, visit):
        visitor = visit()
        page = visitor.open(f"machine.html?machine=node01&from={DAY}T10:00:00Z&to={DAY}T12:00:00Z")
        visitor.drawn()
        box = page.locator("#chart .u-over").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 50)
        before = visitor.window()
        page.mouse.wheel(0, 60)
        page.wait_for_function("() => scrollY > 0")
        visitor.settled()
        assert visitor.window() == before
        page.mouse.wheel(100, 0)
        panned = rests(visitor, before)
        assert panned[0] > before[0] and length(panned) == length(before)
        page.keyboard.down("Control")
        page.mouse.wheel(0, -50)
        page.keyboard.up("Control")
        zoomed = rests(visitor, panned)
        assert length(zoomed) < length(panned) * 0.8
        held = panned[0] + length(panned) / 4
        assert abs((held - zoomed[0]) / length(zoomed) - 0.25) < 0.02

    def test_a_click_neither_zooms_nor_selects(self, node, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        page.locator("#chart .u-over").click(position={"x": 200, "y": 80})
        assert visitor.window() == (BEGIN, END)
        expect(page.locator(".chart-selection")).to_be_hidden()
        expect(page.locator("#chart .readout strong")).not_to_be_empty()

    def test_what_is_selected_anew_hides_the_old_selection_also_when_news_comes_meanwhile(self, node, visit):
        visitor = visit()
        page = visitor.open(f"{WHOLE_DAY}&sel={DAY}T02:00:00Z/{DAY}T04:00:00Z")
        visitor.drawn()
        expect(page.locator(".chart-selection")).to_be_visible()
        page.get_by_label("Select", exact=True).check()
        box = page.locator("#chart .u-over").bounding_box()
        page.mouse.move(box["x"] + 500, box["y"] + 80)
        page.mouse.down()
        page.mouse.move(box["x"] + 700, box["y"] + 80, steps=4)
        expect(page.locator(".chart-selection")).to_be_hidden()
        with page.expect_response("**/now.json"):
            page.evaluate("document.getElementById('follow').dispatchEvent(new Event('change'))")
        visitor.settled()
        expect(page.locator(".chart-selection")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.locator(".chart-selection")).to_be_visible()
        page.mouse.up()

    def test_escape_right_after_the_wheel_takes_it_back(self, node, visit):
        visitor = visit()
        page = visitor.open(f"machine.html?machine=node01&from={DAY}T10:00:00Z&to={DAY}T12:00:00Z")
        visitor.drawn()
        before = visitor.window()
        # The wheel rests after 160 ms, in which a busy browser may not come to two frames: timers wait for Escape.
        moved = page.evaluate("""async () => {
            const {setTimeout, clearTimeout} = window;
            const held = new Map();
            window.setTimeout = (act) => -held.set(-1 - held.size, act).size;
            window.clearTimeout = (id) => id < 0 ? held.delete(id) : clearTimeout(id);
            const {over, scales} = document.querySelector('figure.chart').chart;
            over.dispatchEvent(new WheelEvent('wheel', {deltaX: 300, bubbles: true, cancelable: true}));
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            const moved = scales.x.min;
            document.querySelector('.plot').dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}));
            Object.assign(window, {setTimeout, clearTimeout});
            for (const act of held.values()) act();
            return moved;
        }""")
        assert moved > before[0]
        visitor.settled()
        assert visitor.window() == before

    def test_escape_while_dragging_breaks_off(self, node, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        box = page.locator("#chart .u-over").bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 80)
        page.mouse.down()
        page.mouse.move(box["x"] + 400, box["y"] + 80, steps=4)
        expect(page.locator(".chart-rubber")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".chart-rubber")).to_be_hidden()
        page.mouse.up()
        visitor.settled()
        assert visitor.window() == (BEGIN, END)

    def test_escape_while_panning_leads_back_to_where_it_was(self, node, visit):
        visitor = visit()
        page = visitor.open(f"machine.html?machine=node01&from={DAY}T10:00:00Z&to={DAY}T12:00:00Z")
        visitor.drawn()
        before = visitor.window()
        box = page.locator("#chart .u-over").bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 80)
        page.keyboard.down("Alt")
        page.mouse.down()
        page.mouse.move(box["x"] + 400, box["y"] + 80, steps=4)
        page.keyboard.up("Alt")
        page.wait_for_function(f"from => {CHART}.scales.x.min < from", arg=before[0])
        page.keyboard.press("Escape")
        page.mouse.up()
        page.wait_for_function(f"from => {CHART}.scales.x.min === from", arg=before[0])
        assert visitor.window() == before

    def test_the_crosshair_says_date_time_and_the_least_and_most_of_a_pixel(self, node, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        page.locator("#chart .u-over").hover(position={"x": 500, "y": 100})
        said = page.locator("#chart .readout").inner_text()
        found = re.search(r"Fri 20 Nov 2026, (\d\d):(\d\d):(\d\d)\s+([\d.]+) W\s+(\d+) to (\d+) W", said)
        assert found, said
        low, mean, high = int(found[5]), float(found[4]), int(found[6])
        assert 400 <= low < mean < high <= 449
        page.locator("h1").hover()
        expect(page.locator("#chart .readout")).to_have_text("Line: mean. Band: lowest to highest reading.")

    def test_a_mouse_move_draws_nothing_anew(self, node, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        page.get_by_label("Real time").uncheck()
        visitor.settled()
        page.evaluate(f"() => {{ window.draws = 0; {CHART}.hooks.draw.push(() => window.draws++); }}")
        for x in range(100, 900, 50):
            page.locator("#chart .u-over").hover(position={"x": x, "y": 100})
        assert page.locator("#chart .readout").inner_text() != ""
        assert page.evaluate("window.draws") == 0


class TestKeys:
    def test_the_cursor_goes_from_reading_to_reading_and_speaks(self, node, visit):
        visitor = visit()
        page = visitor.open(TEN_MINUTES)
        visitor.drawn()
        chart = page.get_by_role("application", name=re.compile("^Watts of Node 1, Fri 20 Nov 2026"))
        chart.focus()
        chart.press("Home")
        spoken = page.locator("#chart [aria-live=polite]")
        watts = dict(ROWS)
        for i in range(1, 4):
            chart.press("ArrowRight")
            expect(spoken).to_have_text(f"Fri 20 Nov 2026, 10:00:{i}0, {watts[ms(f'{DAY}T10:00:{i}0Z')]} W")
        chart.press("ArrowLeft")
        expect(spoken).to_contain_text("10:00:20")
        chart.press("End")
        expect(spoken).to_contain_text("10:10:00")

    def test_arrows_stop_in_a_hole_once_and_its_reason_is_spoken(self, lab, visit):
        hole = {"kind": "outage", "begin": f"{DAY}T10:02:00.000Z", "end": f"{DAY}T10:05:00.000Z"}
        rows = [row for row in ROWS if not ms(f"{DAY}T10:02:00Z") <= row[0] < ms(f"{DAY}T10:05:00Z")]
        lab.bmc("node01")
        lab.day("node01", DAY, rows, [hole | {"reason": "login-refused", "detail": ""}])
        visitor = visit()
        page = visitor.open(f"machine.html?machine=node01&from={DAY}T10:00:00Z&to={DAY}T10:10:00Z")
        visitor.drawn()
        chart = page.get_by_role("application")
        chart.focus()
        spoken = page.locator("#chart [aria-live=polite]")
        for key, begin, steps in (("ArrowRight", "Home", 12), ("ArrowLeft", "End", 60)):
            chart.press(begin)
            said = []
            for _ in range(steps + 4):
                chart.press(key)
                said.append(spoken.inner_text())
            assert sum("no reading: it refuses the login" in each for each in said) == 1, said

    def test_the_cursor_speaks_of_markers_and_caps_and_so_does_the_table(self, lab, visit):
        mark = {"kind": "marker", "reason": "marker"}
        lab.bmc("node01")
        events = [
            mark | {"begin": f"{DAY}T10:02:00.000Z", "end": f"{DAY}T10:02:00.000Z", "detail": "fans cleaned"},
            mark | {"begin": f"{DAY}T10:06:00.000Z", "end": f"{DAY}T10:07:00.000Z", "detail": "job 42"},
            {"kind": "cap", "begin": f"{DAY}T10:06:30.000Z", "end": None, "reason": "", "detail": "", "limit_w": 500},
        ]
        lab.day("node01", DAY, ROWS, events)
        visitor = visit()
        page = visitor.open(TEN_MINUTES)
        visitor.drawn()
        chart = page.get_by_role("application")
        chart.focus()
        spoken = page.locator("#chart [aria-live=polite]")
        chart.press("Home")
        said = []
        for _ in range(58):
            chart.press("ArrowRight")
            said.append(spoken.inner_text())
        assert [each for each in said if "fans cleaned" in each] == [said[11]]
        assert [i for i, each in enumerate(said) if "job 42" in each] == list(range(35, 41))
        assert [i for i, each in enumerate(said) if "power cap 500 W" in each] == list(range(38, 58))
        page.locator("#drawn summary").click()
        expect(page.locator("#drawn-marks li")).to_have_text(
            [
                "Fri 20 Nov 2026, 10:02:00: fans cleaned",
                "Fri 20 Nov 2026, 10:06:00 – Fri 20 Nov 2026, 10:07:00: job 42",
                "Fri 20 Nov 2026, 10:06:30 – Fri 20 Nov 2026, 10:10:00: power cap 500 W",
            ]
        )

    def test_with_shift_keys_select_and_escape_clears(self, node, visit):
        visitor = visit()
        page = visitor.open(WHOLE_DAY)
        visitor.drawn()
        chart = page.get_by_role("application")
        chart.focus()
        chart.press("Home")
        chart.press("Shift+PageDown")
        expect(page.locator("#figures-title")).to_have_text(
            "Selected: Fri 20 Nov 2026, 00:00:00 – 02:24:00 (2 h 24 min)"
        )
        chart.press("Shift+PageDown")
        expect(page.locator("#figures-title")).to_contain_text("00:00:00 – 04:48:00 (4 h 48 min)")
        chart.press("Escape")
        expect(page.locator("#figures-title")).to_contain_text("In view: ")

    def test_plus_minus_and_enter_zoom(self, node, visit):
        visitor = visit()
        page = visitor.open(f"{WHOLE_DAY}&sel={DAY}T10:00:00Z/{DAY}T11:00:00Z")
        visitor.drawn()
        chart = page.get_by_role("application")
        chart.focus()
        chart.press("+")
        half = rests(visitor, (BEGIN, END))
        assert half == (BEGIN + 21_600_000, END - 21_600_000)
        chart.press("-")
        assert rests(visitor, half) == (BEGIN, END)
        chart.press("Enter")
        assert rests(visitor, (BEGIN, END)) == (ms(f"{DAY}T10:00:00Z"), ms(f"{DAY}T11:00:00Z"))


@pytest.fixture
def phone(node, visit):
    visitor = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = visitor.open(f"machine.html?machine=node01&from={DAY}T10:00:00Z&to={DAY}T12:00:00Z")
    visitor.drawn()
    page.locator("#chart .u-over").scroll_into_view_if_needed()
    session = visitor.context.new_cdp_session(page)
    box = page.locator("#chart .u-over").bounding_box()

    def touch(*steps, up=True):
        """Put fingers to distances from the plot's left edge, then move them there."""
        for n, places in enumerate(steps):
            points = [{"x": box["x"] + x, "y": box["y"] + y, "id": i} for i, (x, y) in enumerate(places)]
            session.send(
                "Input.dispatchTouchEvent", {"type": "touchMove" if n else "touchStart", "touchPoints": points}
            )
        if up:
            session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    visitor.touch, visitor.width = touch, box["width"]
    return visitor


class TestFingers:
    def test_one_finger_pans(self, phone):
        before = phone.window()
        phone.touch([(200, 60)], [(170, 60)], [(130, 60)], [(100, 60)])
        after = rests(phone, before)
        assert abs((after[0] - before[0]) / length(before) - 100 / phone.width) < 0.05
        assert length(after) == length(before)

    def test_two_fingers_zoom_and_the_moments_under_them_stay_there(self, phone):
        before = phone.window()
        phone.touch([(100, 60), (150, 60)], [(90, 60), (170, 60)], [(75, 60), (200, 60)])
        after = rests(phone, before)
        assert abs(length(after) / length(before) - 50 / 125) < 0.03
        held = before[0] + 100 / phone.width * length(before)
        assert abs((held - after[0]) / length(after) - 75 / phone.width) < 0.03

    def test_a_tap_moves_the_cursor(self, phone):
        before = phone.window()
        phone.touch([(150, 60)])
        expect(phone.page.locator("#chart .readout strong")).to_contain_text(" W")
        assert phone.window() == before

    def test_a_swipe_up_scrolls_the_page(self, phone):
        before = phone.window()
        top = phone.page.evaluate("scrollY")
        phone.touch([(150, 100)], [(150, 70)], [(151, 20)], [(151, -60)], [(151, -160)])
        phone.page.wait_for_function("top => scrollY > top", arg=top)
        assert phone.window() == before

    def test_with_the_tool_one_finger_selects(self, phone):
        phone.page.get_by_label("Select", exact=True).check()
        phone.touch([(50, 60)], [(90, 60)], [(150, 60)])
        expect(phone.page.locator("#figures-title")).to_contain_text("Selected: ")
        assert "sel=" in phone.page.url


def test_colours_change_with_the_scheme_and_a_wider_window_shows_more(node, visit):
    visitor = visit(color_scheme="light")
    page = visitor.open(WHOLE_DAY)
    points = len(visitor.drawn()[0])
    ink = f"{CHART}.series[1].stroke()"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {ink} !== light", arg=light)
    page.set_viewport_size({"width": 2000, "height": 900})
    page.wait_for_function(f"points => {CHART}.data[0].length > points * 1.4", arg=points)


def luminance(hexadecimal: str) -> float:
    channels = [int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_six_lines_stand_out_from_the_surface(node, visit, scheme):
    page = visit(color_scheme=scheme).open(WHOLE_DAY)
    colours = page.evaluate(
        "[1, 2, 3, 4, 5, 6, 'cap', 'surface'].map((name) =>"
        " getComputedStyle(document.documentElement).getPropertyValue(`--chart-${name}`).trim())"
    )
    *inks, surface = map(luminance, colours)
    for ink in inks:
        lighter, darker = sorted((ink, surface), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3


def test_nothing_moves_by_itself(lab, visit):
    lab.bmc("node01")
    lab.day("node01", "2026-11-24", every(10, NOW - 3_600_000, NOW))
    visitor = visit(reduced_motion="reduce")
    page = visitor.open("machine.html")
    visitor.drawn()
    moving = page.evaluate("""() => [...document.querySelectorAll('*')].filter((each) => {
        const {animationName, transitionDuration, transitionProperty} = getComputedStyle(each);
        return animationName !== 'none' || (transitionProperty !== 'none' && !/^0s(, 0s)*$/.test(transitionDuration));
    }).length""")
    assert moving == 0
