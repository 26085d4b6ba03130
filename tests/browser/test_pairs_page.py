"""A pair of categories that no longer go together as they did, each by itself as before: seen on the model's page and the alert's."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.system.services.axe import barriers
from tests.system.services.chromium import Theme, visiting
from tests.system.services.outrider import Monitor, run, running_monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

WINDOWS, ROWS, TIED_FROM = 8, 600, 5
NARROW = 390
DECLARATION = {
    "model": "plans",
    "features": {"plan": "categorical", "region": "categorical", "spend": "numeric"},
    "windows": [{"rows": ROWS}],
    "metrics": ["association_distance"],
}


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(29)
    (folder / "model.json").write_text(json.dumps(DECLARATION))
    write(folder / "baseline.csv", rows(rng, 3_000, tied=0.0))
    windows = [rows(rng, ROWS, tied=0.6 if number >= TIED_FROM else 0.0) for number in range(WINDOWS)]
    served = [row | {"prediction_id": f"r{i}"} for i, row in enumerate(row for window in windows for row in window)]
    write(folder / "rows.csv", served)
    start = (datetime.now(UTC) - timedelta(hours=6)).strftime("%Y-%m-%dT%H:00:00Z")
    run(
        "backfill", folder / "model.json", folder / "rows.csv", "--rate", "2", "--start", start,
        "--baseline", folder / "baseline.csv", "--data", folder / "data",
    )  # fmt: skip
    with running_monitor(folder / "monitor", folder / "data") as running:
        yield running


def rows(rng: np.random.Generator, n: int, tied: float) -> list[dict[str, object]]:
    """Plans and regions a third each; where they are tied, the region is the plan's."""
    plan = rng.integers(0, 3, n)
    region = np.where(rng.random(n) < tied, plan, rng.integers(0, 3, n))
    spend = rng.normal(20, 5, n).round(2)
    plans, regions = ("free", "plus", "pro"), ("eu", "us", "asia")
    return [
        {"plan": plans[p], "region": regions[r], "spend": s}
        for p, r, s in zip(plan.tolist(), region.tolist(), spend.tolist(), strict=True)
    ]


def write(path: Path, given: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(given[0]))
        writer.writeheader()
        writer.writerows(given)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_begins_with_the_pair_that_the_alert_is_about(browser: Browser, monitor: Monitor, theme: Theme) -> None:
    """Both features stand beside it, with a word on why neither shows it; from there to the alert and back."""
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/plans")
        page.locator("#bins h2").filter(has_text="plan~region").wait_for()
        page.get_by_text("How the two go together has changed").wait_for()
        assert page.locator("#bins .one-of-two svg[role=img]").count() == 2
        assert page.get_by_label("What the map shows").input_value() == "associations"
        assert "no label is declared" in page.locator("#performance h2").inner_text()
        assert barriers(page) == []

        page.get_by_role("link", name="Open the alert").click()
        page.locator("#exhibit").get_by_text("How the two go together has changed").wait_for()
        assert page.locator("#exhibit .one-of-two").count() == 2
        assert barriers(page) == []

        page.get_by_role("link", name="The model then").click()
        page.locator("#bins h2").filter(has_text="plan~region").wait_for()
        assert "check=associations" in page.url
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_another_choice_of_the_map_stays(browser: Browser, monitor: Monitor) -> None:
    """It is in the address: a reload shows the inputs that were asked for, not the pairs of the alert."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/plans")
        page.get_by_label("What the map shows").select_option("drift")
        page.locator("#drift h2").filter(has_text="Drift by feature and window").wait_for()
        page.reload()
        page.locator("#drift h2").filter(has_text="Drift by feature and window").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_home_on_a_telephone_has_no_columns_out_of_sight(browser: Browser, monitor: Monitor) -> None:
    """A model is a card: its sentence has the width, and nothing scrolls sideways."""
    with visiting(browser) as visit:
        page = visit.page
        page.set_viewport_size({"width": NARROW, "height": 800})
        page.goto(monitor.url)
        row = page.get_by_role("table", name="Models by worst state").locator("tbody tr").first
        row.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
        box = page.locator(".tablebox").first
        assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
        assert barriers(page) == []
        assert visit.is_clean(), (visit.complaints, visit.strangers)
