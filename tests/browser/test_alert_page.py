"""What an alert's page shows of what the alert rests on, and the command that it names."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from outrider.main import main
from tests.system.services.chromium import Theme, visiting
from tests.system.services.outrider import Monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_alert_shows_what_it_rests_on(browser: Browser, monitor: Monitor, theme: Theme) -> None:
    """Both distributions as they were kept, and the bins that changed most, worst first."""
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.get_by_role("link", name="Open the alert").click()
        exhibit = page.locator("#exhibit")
        exhibit.locator("svg[aria-label*='window against baseline']").first.wait_for()
        bins = exhibit.get_by_role("table", name="Bins of city that changed most").locator("tbody tr")
        assert bins.first.inner_text().startswith("rome")
        parts = [float(row.locator("td").last.inner_text().split("%")[0]) for row in bins.all()]
        assert parts == sorted(parts, reverse=True)
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_an_alert_that_is_silenced_says_so_wherever_it_is_named(browser: Browser, monitor: Monitor) -> None:
    """A person silences it on its page; the pages of the alerts and of the monitor say what was held back and why."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.get_by_role("link", name="Open the alert").click()
        page.locator("#part-act summary").click()
        page.locator("#part-act").get_by_label("your name", exact=True).fill("ann")
        page.locator("#part-act").get_by_label("why", exact=True).fill("known")
        page.get_by_role("button", name="Silence").click()
        page.get_by_text("Nobody is told since").first.wait_for()
        page.goto(f"{monitor.url}/alerts")
        page.get_by_role("table", name="Alerts").get_by_text("held: silenced").first.wait_for()
        page.get_by_role("table", name="Held back").get_by_text("goes on").first.wait_for()
        page.goto(f"{monitor.url}/system")
        page.get_by_role("table", name="Held back").get_by_text("silenced").first.wait_for()
        page.goto(f"{monitor.url}/alerts")
        page.get_by_role("button", name="end now").click()
        page.get_by_text("told then").first.wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_the_model_says_what_of_its_alarm_budget_is_spent(browser: Browser, monitor: Monitor) -> None:
    """As the interface does: allowed, spent at most, raised."""
    with visiting(browser) as visit:
        visit.page.goto(f"{monitor.url}/models/shop")
        line = visit.page.locator("#budget")
        line.filter(has_text="Alarm budget: 1 false alarm a month").wait_for()
        assert "could have raised 0.0" in line.inner_text()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_the_command_on_the_page_finds_the_same_bits(
    browser: Browser, monitor: Monitor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Read from the page, split as a shell would, run against the monitor that it names."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop")
        page.get_by_role("link", name="Open the alert").click()
        page.locator("#part-recompute summary").click()
        command = shlex.split(page.locator("#part-recompute pre").first.inner_text())
    assert command[:3] == ["outrider", "recompute", "shop"]
    assert command[-1] == monitor.url
    assert main(command[1:]) == 0
    assert "equal: " in capsys.readouterr().out
