"""The parts of the model's page and the rows behind them: labels, groups, quality, schema; by bin, fault and group."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ROWS, WINDOWS
from tests.system.services.axe import barriers
from tests.system.services.chromium import Theme, visiting
from tests.system.services.outrider import Monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser

PARTS = ("outcomes", "labels", "fairness", "quality", "schema")
NARROW = 390


def wait_for_parts(page: Page) -> None:
    page.locator("#part-outcomes svg[aria-label^=Calibration]").wait_for()
    page.locator("#part-labels svg[aria-label^='Share of rows with labels']").wait_for()
    page.get_by_role("table", name="Groups").wait_for()
    page.get_by_role("table", name="Data quality by column").wait_for()
    page.get_by_role("table", name="Schema by column").wait_for()
    page.locator("#performance svg").first.wait_for()
    page.locator("#bins svg").first.wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_parts_of_the_model_are_drawn_and_read_without_eyes(
    browser: Browser, monitor: Monitor, theme: Theme
) -> None:
    """Each says something of its own; no rule of axe is broken; no error in the console; nothing asked of anyone else."""
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop?open={','.join(PARTS)}")
        wait_for_parts(page)
        confusion = (
            page.get_by_role("table", name="Confusion of labels and predictions").locator("td").all_inner_texts()
        )
        assert confusion
        assert page.get_by_role("table", name="Groups").locator("tbody tr").count() == 4
        assert (
            "against rome" in page.get_by_role("table", name="Groups").inner_text()
            or "base group" in page.get_by_role("table", name="Groups").inner_text()
        )
        assert barriers(page) == []
        assert visit.is_clean(), (visit.complaints, visit.strangers)


@pytest.mark.parametrize(
    "path", ["", "alerts", "capture", "system", "models/shop/rows?from=2020-01-01T00:00:00Z&to=2040-01-01T00:00:00Z"]
)
def test_the_other_pages_are_read_without_eyes(browser: Browser, monitor: Monitor, path: str) -> None:
    """No rule of axe is broken."""
    with visiting(browser) as visit:
        visit.page.goto(f"{monitor.url}/{path}")
        visit.page.get_by_role("heading", level=1).wait_for()
        assert barriers(visit.page) == []
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_a_bar_leads_to_its_rows_and_to_their_file(browser: Browser, monitor: Monitor) -> None:
    """As many rows as the bar counts; the file has the same; back returns to the picture."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop?feature=age")
        bars = page.locator("#bins svg g.cell")
        bars.first.wait_for()
        said = bars.nth(10).locator("title").text_content() or ""
        count = int(re.findall(r"window .*\((\d[\d,]*)\)", said)[0].replace(",", ""))
        bars.nth(10).click()
        page.get_by_role("heading", level=1).filter(has_text="Rows where age is more than").wait_for()
        page.get_by_text(f"{count} row", exact=False).first.wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="All of them as CSV").click()
        lines = download.value.path().read_text().splitlines()
        assert lines[0].startswith("prediction_id,time,") and len(lines) == count + 1
        page.go_back()
        page.locator("#bins svg").first.wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_what_breaks_the_schema_leads_to_its_rows(browser: Browser, monitor: Monitor) -> None:
    """From the table by column to rows that all break it; the suggestion can be copied."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop?open=schema")
        table = page.get_by_role("table", name="Schema by column")
        table.get_by_text("number, 0 to 60").wait_for()
        page.get_by_text("Take the suggestion over").click()
        page.get_by_role("button", name="Copy the schema").click()
        page.get_by_role("button", name=re.compile("Copied|Selected")).wait_for()
        assert "outrider model propose shop" in page.locator("#part-schema pre").first.inner_text()
        table.get_by_role("link").first.click()
        page.get_by_role("heading", level=1).filter(has_text="age breaks the schema").wait_for()
        ages = page.get_by_role("table", name="Rows").locator("tbody tr td:nth-child(3)").all_inner_texts()
        assert ages and all(float(age) > 60 or float(age) < 0 for age in ages)
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_rows_are_narrowed_by_hand(browser: Browser, monitor: Monitor) -> None:
    """A condition and a group together; the address says both, and taking them away shows all."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop/rows?from=2020-01-01T00:00:00Z&to=2040-01-01T00:00:00Z")
        page.get_by_text(f"{ROWS * WINDOWS:,} rows").wait_for()
        page.get_by_label("Column").fill("age")
        page.get_by_label("Condition").select_option("between")
        page.get_by_label("More than").fill("60")
        page.get_by_label("Group").fill("city=rome")
        page.get_by_role("button", name="Show", exact=True).click()
        page.get_by_role("heading", level=1).filter(has_text="Rows of city=rome where age is more than 60").wait_for()
        assert "above=60" in page.url and "group=city%3Drome" in page.url
        page.get_by_role("button", name="All rows of the span").click()
        page.get_by_text(f"{ROWS * WINDOWS:,} rows").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


@pytest.mark.parametrize("path", ["models/shop?open=outcomes,labels,fairness,quality,schema", "", "alerts"])
def test_a_narrow_screen_scrolls_one_way(browser: Browser, monitor: Monitor, path: str) -> None:
    """Nothing is wider than a telephone; tables scroll in themselves."""
    with visiting(browser) as visit:
        page = visit.page
        page.set_viewport_size({"width": NARROW, "height": 800})
        page.goto(f"{monitor.url}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        if "open=" in path:
            wait_for_parts(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_an_estimate_within_its_limits_is_no_performance_within_its_limits(browser: Browser, monitor: Monitor) -> None:
    """Where a window has no labels yet, its performance is said to wait for them."""

    def without_labels(route: Route) -> None:
        answer = route.fetch()
        grid = answer.json()
        for column in grid["columns"]:
            column["labelled"] = 0
        for cell in next(row for row in grid["rows"] if row["name"] == "performance")["cells"]:
            cell["status"] = "ok"
        route.fulfill(response=answer, json=grid)

    with visiting(browser, "light") as visit:
        page = visit.page
        page.route(re.compile(r"/models/shop/grid\?.*per=kind"), without_labels)
        page.goto(f"{monitor.url}/models/shop")
        performance = page.locator(".strips > .name", has_text="Performance").locator("xpath=following-sibling::*[2]")
        performance.get_by_text("for labels; the estimate is ok").wait_for()
        assert "waiting" in performance.inner_text()
