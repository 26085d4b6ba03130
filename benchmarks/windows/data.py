"""The same columns for every contender, whichever environment it runs in: NumPy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

BASELINE_ROWS = 20_000
GROUPS = 8
LABELLED_ROWS = 50_000
"""Baseline that teaches estimates."""
ESTIMATED_GROUPS = 4


def drawn(rows: int, columns: int, seed: int) -> dict[str, np.ndarray]:
    """A quarter each of normal, skewed, heavy-tailed and discrete columns."""
    rng = np.random.default_rng(seed)
    shapes: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda x: x,
        lambda x: np.exp(2 * x),
        lambda x: x**3,
        lambda x: np.round(20 * x),
    ]
    return {f"f{i:03d}": np.ascontiguousarray(shapes[i % 4](rng.normal(size=rows))) for i in range(columns)}


def scored(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, their labels (calibrated) and groups of a binary model."""
    rng = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-rng.standard_normal(rows)))
    return score, (rng.random(rows) < score).astype(np.int64), rng.integers(0, GROUPS, rows)


def predicted(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Scores that are too sure of themselves, decisions, four groups and labels of a binary model."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.3, rows)
    p = 1 / (1 + np.exp(-1.5 * z))
    y = (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(np.int64)
    return {"x": z, "p": p, "yhat": (p >= 0.5).astype(np.int64), "g": rng.integers(0, ESTIMATED_GROUPS, rows), "y": y}
