"""A monitor with a small story in it: 16 windows, in the second half of which one category takes over."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.system.services.chromium import chromium
from tests.system.services.outrider import Monitor, run, running_monitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
"""The name of a feature and one of its values: what a client may send."""
QUOTED = 'it\'s "quoted" & 100%'
WINDOWS, ROWS = 16, 400
DRIFT_FROM = 8
"""The window in which `city` becomes rome for most."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="session")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """A real `outrider monitor` on a data directory that `outrider backfill` made."""
    folder = tmp_path_factory.mktemp("story")
    rng = np.random.default_rng(7)
    _write(folder / "baseline.csv", _rows(rng, 6_000, 0.2))
    windows = [_rows(rng, ROWS, 0.2 if w < DRIFT_FROM else 0.75) for w in range(WINDOWS)]
    rows = [row | {"prediction_id": f"p-{i}"} for i, row in enumerate(row for window in windows for row in window)]
    _write(folder / "rows.csv", rows)
    _write(folder / "labels.csv", [{"prediction_id": r["prediction_id"], "bought": _label(rng, r)} for r in rows])
    _write_declaration(folder / "model.json")
    # Recent, or the first pass of the monitor would find it past its retention.
    start = (datetime.now(UTC) - timedelta(hours=6)).strftime("%Y-%m-%dT%H:00:00Z")
    run(
        "backfill", folder / "model.json", folder / "rows.csv", "--rate", "2", "--start", start,
        "--baseline", folder / "baseline.csv", "--labels", folder / "labels.csv", "--data", folder / "data",
    )  # fmt: skip
    with running_monitor(folder / "monitor", folder / "data") as running:
        yield running


def _write_declaration(path: Path) -> None:
    declaration = {
        "model": "shop",
        "task": "binary",
        "features": {"age": "numeric", "city": "categorical", HOSTILE: "categorical", QUOTED: "numeric"},
        "prediction": {"score": "p", "class": "yhat"},
        "label": {"name": "bought", "positive": 1},
        "groups": ["city"],
        "slices": [{"name": "young", "where": "age < 40"}],
        "schema": {"age": {"type": "number", "min": 0, "max": 60}},
        "windows": [{"rows": ROWS}],
        "owner": "shop-team",
    }
    path.write_text(json.dumps(declaration))


def _rows(rng: np.random.Generator, n: int, rome: float) -> list[dict[str, object]]:
    age = rng.normal(40, 10, n).round(1)
    city = np.where(rng.random(n) < rome, "rome", rng.choice(["paris", "oslo", "lima"], n))
    odd = rng.choice(["a", "b", HOSTILE], n)
    score = np.clip(0.5 + (age - 40) / 60 + rng.normal(0, 0.1, n), 0.01, 0.99).round(4)
    return [
        {"age": a, "city": c, HOSTILE: o, QUOTED: round(float(q), 3), "p": s, "yhat": int(s > 0.5)}
        for a, c, o, q, s in zip(age.tolist(), city.tolist(), odd.tolist(), rng.random(n), score.tolist(), strict=True)
    ]


def _label(rng: np.random.Generator, row: dict[str, object]) -> int:
    return int(rng.random() < float(str(row["p"])))


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
