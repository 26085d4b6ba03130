"""A model with 200 features stays readable: the map is searched, ordered and paged, and so are the tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.system.services.chromium import visiting
from tests.system.services.outrider import Monitor, run, running_monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

FEATURES = [f"sensor_{i:03d}" for i in range(200)]
MOVED = "sensor_133"
WINDOWS, ROWS = 4, 300
PAGE_BYTES_MAX = 1_000_000


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(11)
    _write(folder / "baseline.csv", rng.normal(size=(600, len(FEATURES))))
    rows = rng.normal(size=(WINDOWS * ROWS, len(FEATURES)))
    rows[2 * ROWS :, FEATURES.index(MOVED)] += 2.0
    _write(folder / "rows.csv", rows)
    declaration = {"model": "wide", "features": dict.fromkeys(FEATURES, "numeric"), "windows": [{"rows": ROWS}]}
    (folder / "model.json").write_text(json.dumps(declaration))
    start = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:00:00Z")
    run(
        "backfill", folder / "model.json", folder / "rows.csv", "--rate", "1", "--start", start,
        "--baseline", folder / "baseline.csv", "--data", folder / "data",
    )  # fmt: skip
    with running_monitor(folder / "monitor", folder / "data") as running:
        yield running


def _write(path: Path, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FEATURES)
        writer.writerows(values.round(4).tolist())


def test_the_map_of_200_features_is_searched_and_paged(browser: Browser, wide: Monitor) -> None:
    """The one that moved leads; the others are pages; a search finds one; the address says all of it; under a megabyte."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{wide.url}/models/wide")
        page.locator("#bins h2").filter(has_text=MOVED).wait_for()
        assert page.locator("#drift [role=row]").count() == 24
        assert 10_000 < sum(visit.received.values()) < PAGE_BYTES_MAX
        page.get_by_text("1 to 24 of 200").wait_for()
        page.locator("#drift").get_by_role("button", name="24 more").click()
        page.get_by_text("25 to 48 of 200").wait_for()
        assert "skip=24" in page.url
        page.go_back()
        page.get_by_text("1 to 24 of 200").wait_for()
        page.get_by_label("Order").select_option("name")
        page.locator("#drift [role=row]").first.get_by_text("sensor_000", exact=True).first.wait_for(state="attached")
        search = page.get_by_label("Only features with this in their name")
        search.fill("_13")
        search.press("Enter")
        page.locator("#bins h2").filter(has_text="sensor_130").wait_for()
        assert page.locator("#drift [role=row]").count() == 10
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_the_table_of_200_columns_is_searched_and_sorted(browser: Browser, wide: Monitor) -> None:
    """Twenty lines at first, more on request; a heading sorts, and says so to a screen reader."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{wide.url}/models/wide?open=quality")
        part = page.locator("#part-quality")
        lines = part.locator("tbody tr")
        lines.first.wait_for()
        assert lines.count() == 20
        part.get_by_role("button", name="100 more").click()
        assert lines.count() == 120
        part.get_by_role("button", name="outside", exact=True).click()
        assert lines.first.inner_text().startswith(MOVED)
        assert part.get_by_role("columnheader", name="outside").get_attribute("aria-sort") == "descending"
        part.get_by_role("searchbox").fill("sensor_077")
        assert lines.count() == 1
        assert visit.is_clean(), (visit.complaints, visit.strangers)
