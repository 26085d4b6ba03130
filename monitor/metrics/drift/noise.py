"""How far two samples differ by chance: in the shares of cells, and in their distribution functions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.metrics.drift.cells import Counts

Floats = npt.NDArray[np.float64]


def cell_variances(b: Counts, w: Counts) -> Floats:
    """Variance of the difference of each cell's shares."""
    n, m = int(b.sum()), int(w.sum())
    return difference_variances(b / n, w / m, n, m)


def difference_variances(p: Floats, q: Floats, n: int, m: int) -> Floats:
    """Variance of the difference of shares p of n rows and q of m: as they are, or as if of one population, if that is more.

    The second counts where few rows show none or all of a share that is neither 0 nor 1.
    """
    pooled = (n * p + m * q) / (n + m)
    apart = p * (1.0 - p) / n + q * (1.0 - q) / m
    return np.maximum(0.0, np.maximum(apart, pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)))
