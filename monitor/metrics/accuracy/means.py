"""A mean of rows with its interval, from the sums a tile keeps."""

from __future__ import annotations

import math

from monitor.metrics.intervals import Z

ROWS_MIN = 2
"""Rows from which on a sample has a spread."""


def mean_interval(total: float, squares: float, n: int) -> tuple[float, float, float] | None:
    """(mean, low, high) of n rows with these sums, by the normal law; None where the sums are beyond a double."""
    mean = total / n
    variance = (squares / n - mean * mean) / (n - 1)
    if not (math.isfinite(mean) and math.isfinite(variance)):
        return None
    half = Z * math.sqrt(max(0.0, variance))
    return mean, mean - half, mean + half
