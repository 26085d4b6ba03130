"""axe-core, which comes with a package of PyPI: what a page does to those who read it by keyboard or by ear."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def barriers(page: Page) -> list[str]:
    """One line for each rule that the page breaks, with an element that does."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert found["passes"]
    return [f"{v['impact']} {v['id']}: {v['help']}, as {v['nodes'][0]['html'][:200]}" for v in found["violations"]]
