"""The calibration error of bins of probability, freed of what chance adds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.accuracy.expected_calibration_error import HALF_NORMAL_MEAN, HALF_NORMAL_SPREAD, distance
from monitor.metrics.intervals import Z
from monitor.tiles.forecast import HITS, ROWS, SCORE

Floats = npt.NDArray[np.float64]


def calibration_error(bins: Floats, n: int) -> Value:
    """Of bins f64 [.., BINS, 3], averaged over what stands before the bins; the page of `expected_calibration_error` tells how."""
    parts = bins.reshape(-1, bins.shape[-2], 3)
    held = parts[..., ROWS] > 0
    size, total, hits = (parts[..., at][held] for at in (ROWS, SCORE, HITS))
    score, share = total / size, hits / size
    weight = size / (n * len(parts))
    error = float(weight @ np.abs(share - score))
    se = np.sqrt(np.maximum(score * (1.0 - score), share * (1.0 - share)) / size)
    unit, spread = float(weight @ se), math.sqrt(float(weight**2 @ se**2))
    value = unit * distance(error / unit) if unit > 0.0 else error
    low = error - HALF_NORMAL_MEAN * unit - Z * HALF_NORMAL_SPREAD * spread
    return Value(value, max(0.0, min(low, value)), min(1.0, error + Z * spread), n_window=n)
