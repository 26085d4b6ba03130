"""Evidently's page in a real browser: under its policy it draws itself and asks for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from monitor.definitions import Feature, MonitoredModel
from monitor.reports.evidently import html
from monitor.tiles.rows import Column, Rows

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

HOSTILE = "</script><img src=http://192.0.2.1/x onerror=document.title='taken'>"


def rows_of(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    columns = {
        "age": Column(rng.normal(40 + 10 * seed, 10, n)),
        "city": Column(rng.choice(np.array(["paris", "rome", HOSTILE], object), n)),
    }
    ids = np.array([f"{seed}-{i}" for i in range(n)], object)
    return Rows(np.arange(n), ids, np.zeros(n, np.int32), np.ones(n, np.int32), columns)


def test_the_page_draws_itself_and_asks_for_nothing(browser: Browser, tmp_path: Path) -> None:
    """One request, of the file; no error in the console; the drifted column is shown; a hostile name stays a name."""
    model = MonitoredModel("income", features=(Feature("age", "numeric"), Feature("city", "categorical")))
    page_file = tmp_path / "report.html"
    page_file.write_bytes(html(rows_of(500, 0), rows_of(400, 2), model))
    requests: list[str] = []
    complaints: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(page_file.as_uri())
    page.get_by_text("Dataset Drift is detected").wait_for()
    page.get_by_text("K-S p_value").first.wait_for()
    title = page.title()
    page.close()
    assert requests == [page_file.as_uri()] and complaints == []
    assert title.startswith("income: all 400 rows")
