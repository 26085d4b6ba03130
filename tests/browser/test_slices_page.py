"""Slices, the cause of an alert and forecasts as they are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.services.chromium import Theme, visiting
from tests.system.services.outrider import Monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_alert_says_why(browser: Browser, monitor: Monitor, theme: Theme) -> None:
    """What it is, since when, and what the change does to the error; the model's page says it in a line."""
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.get_by_text("Another population: the values are sound").first.wait_for()
        page.get_by_role("link", name="Open the alert").click()
        cause = page.locator("#cause")
        cause.get_by_text("Another population").wait_for()
        cause.get_by_text("city", exact=True).first.wait_for()
        assert "Since" in cause.inner_text()
        assert cause.get_by_role("link").count() >= 1
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_a_slice_is_picked_and_stays_picked(browser: Browser, monitor: Monitor) -> None:
    """The page is the slice's: heat map, distribution and rows; its address says so, and back undoes it."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.locator("#bins svg").first.wait_for()
        page.locator("select[name=slice]").select_option("young")
        page.locator("#bins h2").filter(has_text="of young").wait_for()
        assert "slice=young" in page.url
        page.reload()
        page.locator("#bins h2").filter(has_text="of young").wait_for()
        page.locator("#bins a", has_text="rows").click()
        page.get_by_text("only young").wait_for()
        page.go_back()
        page.locator("#part-forecast summary").click()
        page.locator("#part-forecast").get_by_text("Nobody can say").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)
