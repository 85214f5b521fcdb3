"""What charts look like, pixel by pixel, beside pictures that somebody has looked at.

Words are left out, since letters differ from machine to machine; what a chart says is in other tests. After a change
that is meant, `POWERGRAPH_NEW_PICTURES=1 bin/test browser -- -k pictures` takes them anew, to be looked at and kept.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from views import DAY, FULL, TODAY, everything, shown

KEPT = Path(__file__).parent / "pictures"
WORDLESS = "for (const name of ['fillText', 'strokeText']) CanvasRenderingContext2D.prototype[name] = () => {};"
FIXED = f"from={DAY}T12:00:00Z&to={TODAY}T12:00:00Z"
PICTURES = {
    "machine": (f"machine.html?machine=node04&{FIXED}", "#chart canvas"),
    "strip": (f"machine.html?machine=node04&{FIXED}", "#strip canvas"),
    "room": (FULL["index.html"], "#room-chart canvas"),
    "compare": (
        f"compare.html?item=node01@{DAY}T00:00:00Z/{DAY}T12:00:00Z&item=node04@{TODAY}T00:07:00Z/{TODAY}T12:07:00Z",
        "#together canvas",
    ),
}
# Of the pixels, and of 255 in any colour: more is another picture, less another version of the browser.
FEW = 0.002
SLIGHTLY = 8
PIXELS = "each.toDataURL().split(',')[1]"
DIFFERENCE = """async ([kept, taken, slightly]) => {
    const pixels = async (text) => {
        const image = new Image();
        image.src = `data:image/png;base64,${text}`;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext('2d');
        context.fillStyle = 'gray';
        context.fillRect(0, 0, image.width, image.height);
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height);
    };
    const [a, b] = [await pixels(kept), await pixels(taken)];
    if (a.width !== b.width || a.height !== b.height) return [[a.width, a.height], [b.width, b.height], 1];
    let other = 0;
    for (let i = 0; i < a.data.length; i += 4) {
        if ([0, 1, 2].some((k) => Math.abs(a.data[i + k] - b.data[i + k]) > slightly)) other++;
    }
    return [[a.width, a.height], [b.width, b.height], other / (a.width * a.height)];
}"""


@pytest.mark.parametrize("name", PICTURES)
def test_a_chart_looks_as_it_did_when_somebody_looked(lab, visit, tmp_path, name):
    everything(lab)
    visitor = visit(viewport={"width": 800, "height": 900})
    address, where = PICTURES[name]
    visitor.context.add_init_script(WORDLESS)
    page = visitor.open(address)
    if name == "compare":
        page.wait_for_function("() => document.querySelector('#together').chart?.data[2]?.some((each) => each > 0)")
    else:
        shown(page, address)
    if name == "strip":
        page.wait_for_selector(".strip-window[aria-valuemin]:not([aria-valuemin='0'])")
    visitor.settled()
    blank = visitor.context.new_page()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        # The canvas itself: where it is on the page depends on the letters above it.
        visitor.settled()
        taken = base64.b64decode(page.locator(where).evaluate(f"(each) => {PIXELS}"))
        kept = KEPT / f"{name}-{scheme}.png"
        if os.environ.get("POWERGRAPH_NEW_PICTURES"):
            kept.write_bytes(taken)
        pictures = [base64.b64encode(each).decode() for each in (kept.read_bytes(), taken)]
        before, now, other = blank.evaluate(DIFFERENCE, [*pictures, SLIGHTLY])
        (tmp_path / kept.name).write_bytes(taken)
        assert other <= FEW, f"{kept.name} {before}, {tmp_path / kept.name} {now}: {other:.2%} of the pixels differ"
