"""Streams of windows for the tests of what looks along them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.findings import Span
from monitor.tiles.stream import Point

MINUTE = 60 * 10**9


def points_of(windows: npt.NDArray[np.float64], unit: float = 1.0) -> list[Point]:
    """Rows [windows, rows] as points."""
    return [
        Point(Span(i * MINUTE, (i + 1) * MINUTE), len(row), float(row.mean()), float(row.var()), unit)
        for i, row in enumerate(windows)
    ]


def bernoulli(rng: np.random.Generator, levels: npt.ArrayLike, rows: int) -> npt.NDArray[np.float64]:
    """One window a level: that share of ones."""
    p = np.asarray(levels, np.float64)
    return (rng.random((len(p), rows)) < p[:, None]).astype(np.float64)
