"""Rows for the tests of causes: columns that a search may split, a score, and a label that the score predicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.tiles.rows import Rows
from tests.monitor.tiles.samples import rows

MODEL = MonitoredModel.from_document(
    {
        "model": "m",
        "task": "binary",
        "features": {"age": "numeric", "pay": "numeric", "sex": "categorical", "city": "categorical"},
        "prediction": {"score": "p", "class": "yhat"},
        "label": {"name": "y", "positive": 1},
        "groups": ["sex"],
    }
)


def columns(rng: np.random.Generator, n: int) -> dict[str, Any]:
    age = rng.normal(40, 12, n)
    score = np.clip(0.5 + (age - 40) / 60 + rng.normal(0, 0.15, n), 0.01, 0.99)
    return {
        "age": age,
        "pay": np.exp(rng.normal(8, 0.6, n)),
        "sex": rng.choice(["1", "2"], n).astype(object),
        "city": rng.choice(["rome", "oslo", "lima", "paris"], n, p=[0.4, 0.3, 0.2, 0.1]).astype(object),
        "p": score,
        "yhat": (score > 0.5).astype(np.int64),
    }


def truth(rng: np.random.Generator, table: dict[str, Any], wrong: Any = 0.0) -> list[int]:
    """Labels by the score; a share `wrong` (one for all, or one a row) is turned round."""
    n = len(table["p"])
    label = (rng.random(n) < table["p"]).astype(int)
    return np.where(rng.random(n) < wrong, 1 - label, label).tolist()


def population(rng: np.random.Generator, n: int, *, wrong: Any = 0.0, label: bool = True, start: int = 0) -> Rows:
    table = columns(rng, n)
    share = wrong(table) if callable(wrong) else wrong
    return rows(table, truth(rng, table, share) if label else None, start)
