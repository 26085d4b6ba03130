"""The page of a model that ranks, with lists, labels and a drop in it; and the page of its alert."""

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

WINDOWS, LISTS, LENGTH = 10, 60, 10
WORSE_FROM = 6
"""The window from which the scores say nothing of what is wanted, and prices are higher."""
DECLARATION = {
    "model": "search",
    "task": "ranking",
    "query": "query_id",
    "features": {"price": "numeric", "brand": "categorical"},
    "prediction": {"score": "score"},
    "label": "relevance",
    "windows": [{"rows": LISTS * LENGTH}],
    "checks": {"performance": {"tolerance": {"ndcg": [0.9, 1.0]}}},
    "metrics": ["ndcg", "mean_average_precision", "mean_reciprocal_rank", "precision_at_10"],
}


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("ranking")
    rng = np.random.default_rng(11)
    (folder / "model.json").write_text(json.dumps(DECLARATION))
    baseline = [row for number in range(300) for row in ranked(rng, f"b{number}", worse=False)]
    write(folder / "baseline.csv", baseline)
    rows = [
        row
        for window in range(WINDOWS)
        for number in range(LISTS)
        for row in ranked(rng, f"q{window}-{number}", worse=window >= WORSE_FROM)
    ]
    named = [row | {"prediction_id": f"p-{i}"} for i, row in enumerate(rows)]
    write(folder / "labels.csv", [{key: row[key] for key in ("prediction_id", "relevance")} for row in named])
    write(folder / "rows.csv", [{key: row[key] for key in row if key != "relevance"} for row in named])
    start = (datetime.now(UTC) - timedelta(hours=6)).strftime("%Y-%m-%dT%H:00:00Z")
    run(
        "backfill", folder / "model.json", folder / "rows.csv", "--rate", "2", "--start", start,
        "--baseline", folder / "baseline.csv", "--labels", folder / "labels.csv", "--data", folder / "data",
    )  # fmt: skip
    with running_monitor(folder / "monitor", folder / "data") as running:
        yield running


def ranked(rng: np.random.Generator, query: str, *, worse: bool) -> list[dict[str, object]]:
    """One list: relevance 0 to 3, and a score that follows it, or does not."""
    relevance = rng.choice(4, LENGTH, p=[0.55, 0.25, 0.15, 0.05])
    score = (0.0 if worse else 1.0) * relevance + rng.normal(0, 0.6, LENGTH)
    price = rng.normal(30 if worse else 20, 5, LENGTH)
    brand = rng.choice(["ash", "birch", "cedar"], LENGTH)
    found = zip(price.round(2).tolist(), brand.tolist(), score.round(4).tolist(), relevance.tolist(), strict=True)
    return [{"query_id": query, "price": p, "brand": b, "score": s, "relevance": r} for p, b, s, r in found]


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_ranking_is_shown_by_what_its_lists_say(browser: Browser, monitor: Monitor, theme: Theme) -> None:
    """Metrics of lists with intervals, no confusion; the drop is drawn and told; no rule of axe is broken."""
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/models/search?open=outcomes,labels,quality")
        table = page.get_by_role("table", name="Metrics from labels")
        table.wait_for()
        said = table.inner_text()
        for name in ("NDCG", "average precision", "reciprocal rank", "recision at 10"):
            assert name in said
        # A range is declared for one of them; the others are within no limit.
        assert (said.count("critical"), said.count("not judged")) == (1, 3)
        assert page.locator("#part-outcomes").get_by_role("table", name="Confusion").count() == 0
        page.locator("#performance svg").first.wait_for()
        page.locator("#bins svg").first.wait_for()
        page.locator("#part-labels svg").first.wait_for()
        assert barriers(page) == []
        assert visit.is_clean(), (visit.complaints, visit.strangers)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["drift", "performance"])
def test_the_page_of_an_alert_is_read_without_eyes(browser: Browser, monitor: Monitor, kind: str, theme: Theme) -> None:
    """With everything that it has to tell unfolded."""
    (alert,) = monitor.items("/api/v1/alerts", model="search", kind=kind, state="firing")
    with visiting(browser, theme) as visit:
        page = visit.page
        page.goto(f"{monitor.url}/alerts/{alert['fingerprint']}")
        page.get_by_role("heading", level=1).wait_for()
        shown = page.locator("#exhibit svg") if kind == "drift" else page.get_by_text("The window's numbers")
        shown.first.wait_for()
        for fold in page.locator("details > summary").all():
            if fold.is_visible():
                fold.click()
        page.locator("#decided-by").wait_for()
        page.wait_for_load_state("networkidle")
        assert barriers(page) == []
        assert visit.is_clean(), (visit.complaints, visit.strangers)
