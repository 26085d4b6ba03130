"""A declaration is tried on the model's page before it is saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import WINDOWS
from tests.system.services.axe import barriers
from tests.system.services.chromium import Theme, visiting
from tests.system.services.outrider import Monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SECONDS_MAX = 120.0
"""Sixteen windows are judged twice; on a machine that does much else it takes a while."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_changed_declaration_says_what_it_would_have_told(browser: Browser, monitor: Monitor, theme: Theme) -> None:
    """Beside the one in force, on the same windows; a mistake is answered with its place; nothing is saved."""
    before = monitor.get("/api/v1/models/shop")["declaration"]
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/shop?open=trying")
        text = page.get_by_role("textbox", name="Declaration to be tried")
        text.wait_for()
        assert json.loads(text.input_value()) == before
        deaf = {"drift": False, "prediction_drift": False, "quality": False}
        text.fill(json.dumps(before | {"checks": deaf}))
        page.get_by_role("button", name="Try it").click()
        beside = page.get_by_role("table", name="As changed and in force")
        beside.wait_for(timeout=SECONDS_MAX * 1_000)
        changed, in_force = (row.split("\t") for row in beside.locator("tbody").inner_text().strip().splitlines())
        assert changed[0] == "as changed" and in_force[0] == "in force"
        assert changed[2].startswith(f"{WINDOWS} of ") and changed[2] == in_force[2]
        assert int(changed[4]) < int(in_force[4])
        assert barriers(page) == []
        assert visit.is_clean(), (visit.complaints, visit.strangers)
        text.fill(json.dumps(before | {"features": {"height": "numeric"}}))
        page.get_by_role("button", name="Try it").click()
        page.get_by_text("features.height").wait_for()
    assert monitor.get("/api/v1/models/shop")["declaration"] == before
