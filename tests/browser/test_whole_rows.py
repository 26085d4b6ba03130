"""What has no column of its own on the model's page: whole rows, and the descriptors of a timestamp."""

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

ROWS, WINDOWS = 300, 4
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=WINDOWS + 1)
EVERY = timedelta(hours=1) / ROWS
METRICS = ["domain_classifier_auc", "joint_mmd", "correlation_max_z"]


@pytest.fixture(scope="module")
def knotted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """Two numbers that stop hanging together, each as it was; accounts that are two months older."""
    folder = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(12)
    _write(folder / "baseline.csv", rng, START - timedelta(days=3), [(2_000, 0.8, 0.0)])
    _write(folder / "rows.csv", rng, START, [(2 * ROWS, 0.8, 0.0), (2 * ROWS, 0.0, 60.0)])
    declaration = {
        "model": "whole",
        "features": {"a": "numeric", "b": "numeric", "opened": {"timestamp": "Europe/Paris"}},
        "windows": [{"every": "1h"}],
        "metrics": METRICS,
    }
    (folder / "model.json").write_text(json.dumps(declaration))
    run(
        "backfill", folder / "model.json", folder / "rows.csv", "--time", "time", "--baseline", folder / "baseline.csv",
        "--data", folder / "data",
    )  # fmt: skip
    with running_monitor(folder / "monitor", folder / "data") as running:
        yield running


def _write(path: Path, rng: np.random.Generator, start: datetime, parts: list[tuple[int, float, float]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "a", "b", "opened"])
        at = start
        for rows, r, older in parts:
            for a, e, days in zip(*rng.normal(size=(2, rows)), rng.random(rows) * 300 + older, strict=True):
                opened = at - timedelta(days=float(days))
                writer.writerow([at.isoformat(), a, r * a + (1 - r * r) ** 0.5 * e, opened.isoformat()])
                at += EVERY


def test_the_map_has_rows_for_whole_rows(browser: Browser, knotted: Monitor) -> None:
    """One for each metric that is asked for; chosen, it says by which features the rows are told apart."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{knotted.url}/models/whole?feature=whole rows: domain classifier auc")
        page.locator("#drift").get_by_text("whole rows: joint mmd").first.wait_for(state="attached")
        page.locator("#bins").get_by_text("told apart by").wait_for()
        page.locator("#score h2").filter(has_text="Domain classifier auc of whole rows").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_ages_and_hours_are_drawn_as_features(browser: Browser, knotted: Monitor) -> None:
    """The older accounts lead; hours of the week are there."""
    with visiting(browser) as visit:
        page = visit.page
        page.goto(f"{knotted.url}/models/whole?feature=opened.age")
        page.locator("#bins h2").filter(has_text="opened.age").wait_for()
        page.locator("#bins svg").first.wait_for()
        page.locator("#drift").get_by_text("opened.hour_of_week").first.wait_for(state="attached")
        assert visit.is_clean(), (visit.complaints, visit.strangers)
