"""Quantiles of numbers of any size: the difference of two may be more than a double holds, which interpolation needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LARGEST = float(np.finfo(np.float64).max) / 2


def quantiles(values: Floats, at: Floats | Sequence[float]) -> Floats:
    """Linear interpolation between order statistics (Hyndman and Fan 1996, type 7), as NumPy takes them; of at least one finite value."""
    halved = float(np.abs(values).max()) > _LARGEST
    found: Floats = np.quantile(values / 2 if halved else values, at)
    return found * 2 if halved else found
