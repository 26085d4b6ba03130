"""Versions, pipeline and change points as they are seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.system.services.chromium import Theme, visiting
from tests.system.services.story_of_a_pipeline import Story, running_story

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running_story(tmp_path_factory.mktemp("pipeline")) as running:
        yield running


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_folds_of_a_model_in_a_pipeline(browser: Browser, story: Story, theme: Theme) -> None:
    """The table of versions, who changed first, and the change points, without a complaint of the browser."""
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(f"{story.monitor.url}/models/income?version=v1")
        for fold in ("versions", "pipeline", "changes"):
            page.locator(f"#part-{fold} summary").first.click()
        versions = page.locator("#part-versions")
        versions.get_by_role("table", name="Version v2 against v1").wait_for()
        told = versions.inner_text()
        assert "as declared" in told and "share refused" in told and "latency" in told
        pipeline = page.locator("#part-pipeline")
        pipeline.get_by_role("table", name="Components by when they changed").wait_for()
        assert "features-v2 was" in pipeline.inner_text() and "95" in pipeline.inner_text()
        changes = page.locator("#part-changes")
        changes.get_by_role("table", name="Change points of the score").wait_for()
        assert "ADWIN" in changes.inner_text()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_the_alert_of_a_canary(browser: Browser, story: Story) -> None:
    """Says that it is the service, in numbers of both."""
    alert = next(
        a for a in story.monitor.items("/api/v1/alerts", model="income", kind="quality") if a["version"] == "v2"
    )
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{story.monitor.url}/alerts/{alert['fingerprint']}")
        page.get_by_text("against the champion").first.wait_for()
        page.locator("#cause").get_by_text("the service, not the data").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_the_alert_names_the_model_upstream(browser: Browser, story: Story) -> None:
    """With a way to its alert; and says which code decided it."""
    alert = next(a for a in story.monitor.items("/api/v1/alerts", model="income", kind="drift") if a["version"] == "v1")
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{story.monitor.url}/alerts/{alert['fingerprint']}")
        upstream = page.locator("#upstream")
        upstream.wait_for()
        assert "windows earlier" in upstream.inner_text()
        page.locator("#part-recompute summary").click()
        page.locator("#decided-by").wait_for()
        assert alert["code"] in page.locator("#decided-by").inner_text()
        upstream.get_by_role("link", name="features-v2").first.click()
        page.get_by_text("features-v2").first.wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)
