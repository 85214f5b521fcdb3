"""What axe-core finds wrong with a page for those who use it by other means than eye and mouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
# All that WCAG 2.2 asks for at levels A and AA, and what axe holds for good practice besides.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    """One line for each violation in the page as it stands: rule, what it asks for, where.

    The source is evaluated by the browser's own debugger: the page's policy allows no script but its own files.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(SOURCE.read_text())
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", RULES
    )
    return [
        f"{each['id']}: {each['help']}: {', '.join(str(node['target']) for node in each['nodes'][:5])}"
        for each in found["violations"]
    ]
