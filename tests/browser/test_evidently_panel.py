"""The panel of Evidently on a model's page: which windows have an answer, its figures, its report; and what stands there without."""

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
from tests.system.services.chromium import Theme, Visit, visiting
from tests.system.services.outrider import Monitor, run, running_monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser

WINDOWS, ROWS = 4, 200
NARROW = 390
WAIT_MS = 90_000
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
DECLARATION = {
    "model": "shop",
    "features": {"age": "numeric", "city": "categorical", HOSTILE: "numeric"},
    "prediction": {"score": "p"},
    "windows": [{"rows": ROWS}],
    "evidently": ["DataDriftPreset", "MeanValue", "RowCount"],
    "checks": {"quality": {"evidently_rows": [500, 1_000]}},
}
"""A range that no window keeps to, so that one figure is judged."""


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("evidently")
    rng = np.random.default_rng(5)
    (folder / "model.json").write_text(json.dumps(DECLARATION))
    write(folder / "baseline.csv", rows(rng, 2_000, shift=0))
    write(folder / "rows.csv", [row for w in range(WINDOWS) for row in rows(rng, ROWS, shift=15 * (w >= 2))])
    start = (datetime.now(UTC) - timedelta(hours=6)).strftime("%Y-%m-%dT%H:00:00Z")
    run(
        "backfill", folder / "model.json", folder / "rows.csv", "--rate", "2", "--start", start,
        "--baseline", folder / "baseline.csv", "--data", folder / "data",
    )  # fmt: skip
    with running_monitor(folder / "monitor", folder / "data") as running:
        yield running


def rows(rng: np.random.Generator, n: int, shift: float) -> list[dict[str, object]]:
    age, odd = rng.normal(40 + shift, 10, n).round(1), rng.random(n).round(3)
    city = rng.choice(["rome", "oslo", "lima"], n)
    return [
        {"age": a, "city": c, HOSTILE: o, "p": round(float(p), 3)}
        for a, c, o, p in zip(age.tolist(), city.tolist(), odd.tolist(), rng.random(n), strict=True)
    ]


def write(path: Path, lines: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def opened(visit: Visit, url: str) -> Locator:
    """The model's page with the panel open; it asks for much at once, and a busy machine has its time."""
    visit.page.set_default_timeout(WAIT_MS)
    visit.page.goto(f"{url}/models/shop?open=evidently")
    return visit.page.locator("#part-evidently")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panel_shows_its_figures(browser: Browser, asking: Monitor, theme: Theme) -> None:
    """What was asked for, how many windows have it, figures over time and of each column, with counts; nothing from elsewhere."""
    with visiting(browser, theme) as visit:
        panel = opened(visit, asking.url)
        panel.get_by_text("Asked for: DataDriftPreset, MeanValue, RowCount. 4 of 4 windows answered").wait_for()
        panel.get_by_role("img", name="Drifted columns share over 4 windows").wait_for()
        panel.get_by_role("img", name="Value drift of age over 4 windows").wait_for()
        columns = panel.get_by_role("table", name="Evidently's figures of each column")
        assert columns.get_by_role("row").count() == 1 + 4
        assert "Evidently's threshold" in columns.inner_text() and HOSTILE in columns.inner_text()
        whole = panel.get_by_role("table", name="Evidently's figures of the window")
        line = whole.get_by_role("row").filter(has=visit.page.get_by_role("cell", name="rows", exact=True)).inner_text()
        assert "200" in line and "500 to 1,000" in line and "critical" in line
        assert "not judged" in whole.get_by_role("row", name="drifted columns share").inner_text()
        assert barriers(visit.page) == []
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_the_report_is_a_link_away(browser: Browser, asking: Monitor) -> None:
    """Of the chosen window, in a page of its own that asks for nothing."""
    with visiting(browser) as visit:
        panel = opened(visit, asking.url)
        with visit.page.context.expect_page(timeout=WAIT_MS) as opening:
            panel.get_by_role("link", name="Make Evidently's report").click()
        report = opening.value
        report.set_default_timeout(2 * WAIT_MS)
        report.get_by_text("Dataset Drift").first.wait_for()
        assert report.title().startswith("shop: all 200 rows of the window")
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_it_is_read_on_a_telephone(browser: Browser, asking: Monitor) -> None:
    """Nothing is wider than the screen; tables are moved in their own place."""
    with visiting(browser) as visit:
        visit.page.set_viewport_size({"width": NARROW, "height": 800})
        panel = opened(visit, asking.url)
        panel.get_by_role("table", name="Evidently's figures of each column").wait_for()
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= NARROW
        assert visit.is_clean(), (visit.complaints, visit.strangers)


def test_what_has_no_answer_says_so_in_words(browser: Browser, asking: Monitor) -> None:
    """Windows that wait, one whose process was too slow, and an interface that fails."""
    with visiting(browser) as visit:
        page = visit.page

        def delayed(route: object) -> None:
            body = route.fetch().json()  # type: ignore[attr-defined]  # a Route
            reason = "closed, and Evidently has yet to be asked about it"
            body["windows"][-1] |= {"state": "waiting", "reason": reason, "since": body["windows"][-1]["end"]}
            body["windows"][0] |= {"state": "undefined", "reason": "Evidently took longer than 60 s"}
            route.fulfill(json=body | {"owed": 7, "records": [], "series": []})  # type: ignore[attr-defined]

        page.route("**/evidently/windows*", delayed)
        panel = opened(visit, asking.url)
        panel.get_by_text(
            "2 of 4 windows answered · 1 waiting · 1 without a value · 7 of this model wait in all"
        ).wait_for()
        panel.get_by_text("2 without a value of everything, and why").click()
        table = panel.get_by_role("table", name="Windows without an answer").inner_text()
        assert "Evidently took longer than 60 s" in table and "has yet to be asked about it" in table
        panel.get_by_text("Nothing of these windows as a whole has a value (yet)").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)
        page.unroute("**/evidently/windows*")
        failing = {"title": "Not available now", "detail": "catalog is unavailable: locked", "status": 503}
        page.route("**/evidently/windows*", lambda route: route.fulfill(status=503, json=failing))
        opened(visit, asking.url).get_by_text("catalog is unavailable: locked").wait_for()


def test_a_model_that_asks_nothing_says_what_it_could(browser: Browser, monitor: Monitor) -> None:
    """And has the report all the same."""
    with visiting(browser) as visit:
        panel = opened(visit, monitor.url)
        panel.get_by_text("asks Evidently nothing").wait_for()
        panel.get_by_role("link", name="Make Evidently's report").wait_for()
        assert visit.is_clean(), (visit.complaints, visit.strangers)
