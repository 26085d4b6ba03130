"""The way of a person who is told that something is wrong: home, model, alert, rows; in light and in dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.services.chromium import Theme, visiting
from tests.system.services.outrider import Monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PAGE_BYTES_MAX = 1_000_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_from_the_home_page_to_the_rows_behind_the_alert(browser: Browser, monitor: Monitor, theme: Theme) -> None:
    """Four clicks from the list of models to the rows; no error in the console; nothing asked of anyone else."""
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(monitor.url)
        page.get_by_role("heading", level=1).filter(has_text="1 of 1 model has open alerts").wait_for()
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        page.get_by_role("link", name="shop", exact=True).click()

        page.get_by_role("heading", level=1).filter(has_text="Inputs drifted").wait_for()
        page.locator("#bins svg[aria-label*='most changed rome']").wait_for()
        page.locator("#performance svg[aria-label^='ROC AUC']").wait_for()
        page.get_by_role("link", name="Open the alert").click()

        page.get_by_role("heading", level=1).filter(has_text="Inputs drifted, open for").wait_for()
        page.get_by_text("city = rome").first.wait_for()
        page.get_by_role("table", name="Ranked features").get_by_role("link", name="rows").first.click()

        page.get_by_role("heading", level=1).filter(has_text="Rows, city first").wait_for()
        rows = page.get_by_role("table", name="Rows").locator("tbody tr")
        rows.first.wait_for()
        assert rows.count() == 50
        rows.first.get_by_role("link").click()
        page.get_by_text("was not explained").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["alerts", "capture", "system"])
def test_the_other_pages_draw_themselves(browser: Browser, monitor: Monitor, path: str, theme: Theme) -> None:
    """Each says something of its own, without an error."""
    said = {"alerts": "open", "capture": "No sidecar has reported", "system": "Running, without errors"}
    with visiting(browser, theme) as visit:
        visit.page.goto(f"{monitor.url}/{path}")
        visit.page.get_by_role("heading", level=1).filter(has_text=said[path]).wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_a_copied_address_shows_the_same_picture(browser: Browser, monitor: Monitor) -> None:
    """Feature, window, metric and opened parts survive a reload and a clean browser; back undoes a choice."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.locator("#cell-1-3").click()
        page.locator("#performance select").select_option("accuracy")
        page.locator("#part-numbers summary").click()
        page.locator("#part-numbers table").wait_for()
        page.wait_for_url("**open=numbers**")
        address, chosen = page.url, page.locator("#bins h2").inner_text()
        page.reload()
        page.locator("#bins h2").filter(has_text=chosen).wait_for()
        page.locator("#part-numbers table").wait_for()
        page.go_back()
        page.go_back()
        page.locator("#bins h2").filter(has_not_text=chosen).wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)
    with visiting(browser) as visit:
        visit.page.goto(address)
        visit.page.locator("#bins h2").filter(has_text=chosen).wait_for()
        visit.page.locator("#performance h2").filter(has_text="Accuracy").wait_for()
        visit.page.locator("#part-numbers table").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_the_heat_map_is_walked_with_the_keyboard(browser: Browser, monitor: Monitor) -> None:
    """It is reached with Tab; arrows move the choice, the panel beside it and the URL follow, and it keeps the focus."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.locator("#bins svg").first.wait_for()
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.classList.contains('heat')"):
                break
        heat = page.locator(".heat")
        before = heat.get_attribute("aria-activedescendant")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert heat.get_attribute("aria-activedescendant") == "cell-1-1" != before
        name = page.locator("#cell-1-1").get_attribute("aria-label")
        assert name is not None
        page.locator("#bins h2").filter(has_text=name.split(",")[0][:20]).wait_for()
        assert page.evaluate("document.activeElement.classList.contains('heat')")
        assert "window=" in page.url and "feature=" in page.url
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_a_hostile_name_stays_a_name(browser: Browser, monitor: Monitor) -> None:
    """A feature called like an HTML element is shown as text on every page that names it."""
    hostile = "<img src=x"
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.locator("#drift text[role=rowheader]").filter(has_text=hostile).click()
        page.locator("#bins h2").filter(has_text=hostile).wait_for()
        page.locator("#bins svg text").filter(has_text="<img").first.wait_for()
        page.locator("#bins a", has_text="rows").click()
        page.get_by_role("columnheader").filter(has_text=hostile).wait_for()
        assert page.locator("main img").count() == 0
        assert "taken" not in page.title()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_no_data_is_not_no_drift(browser: Browser, monitor: Monitor) -> None:
    """A range without windows, and a model that is not known, say so."""
    with visiting(browser) as visit:
        visit.page.goto(f"{monitor.url}/models/shop?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
        visit.page.get_by_role("heading", level=1).filter(has_text="No windows in this range").wait_for()
        visit.page.get_by_text("not the same as no drift").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)
        visit.page.goto(f"{monitor.url}/models/nobody")
        visit.page.get_by_role("alert").filter(has_text="Not found").wait_for()


def test_a_page_stays_under_a_megabyte(browser: Browser, monitor: Monitor) -> None:
    """Everything that the model's page fetches, scripts included."""
    with visiting(browser) as visit:
        visit.page.goto(f"{monitor.url}/models/shop")
        visit.page.locator("#performance svg").first.wait_for()
        assert 10_000 < sum(visit.received.values()) < PAGE_BYTES_MAX


def test_the_theme_may_come_by_url_and_by_choice(browser: Browser, monitor: Monitor) -> None:
    """`?theme=dark` wins over the system, links keep it; the button's choice is remembered without it."""
    with visiting(browser, "light") as visit:
        page = visit.page
        page.goto(f"{monitor.url}/?theme=dark")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        page.get_by_role("link", name="shop", exact=True).click()
        page.get_by_role("heading", level=1).filter(has_text="Inputs drifted").wait_for()
        assert "theme=dark" in page.url
        page.goto(monitor.url)
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.locator("#theme").click()
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_an_alert_is_acknowledged_and_silenced(browser: Browser, monitor: Monitor) -> None:
    """The forms of the alert's page do what they say, and the page then says who did."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.get_by_role("link", name="Open the alert").click()
        page.locator("#part-act summary").click()
        page.get_by_label("your name or team").fill("ada")
        page.get_by_role("button", name="Acknowledge").click()
        page.get_by_text("Acknowledged by ada").wait_for()
        page.get_by_label("your name", exact=True).fill("ada")
        page.get_by_label("why").fill("known campaign")
        page.get_by_role("button", name="Silence").click()
        page.get_by_text("by ada: known campaign").wait_for()
        page.goto(f"{monitor.url}/alerts")
        page.get_by_role("button", name="end now").click()
        page.get_by_text("Nothing is silenced").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)
