"""Which rows of a window are recorded as discoveries: Benjamini-Hochberg over the window's p-values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FALSE_DISCOVERY_RATE = 0.1
"""Expected share of clean rows among a window's discoveries; the customary 10 %."""


def flagged(p: npt.NDArray[np.float64], q: float = FALSE_DISCOVERY_RATE) -> npt.NDArray[np.bool_]:
    """The discoveries among `p` at false discovery rate `q`: all p at most p(k), k the largest with p(k) <= k q / n.

    >>> flagged(np.array([0.9, 0.001, 0.02, 0.5]), q=0.1).tolist()
    [False, True, True, False]
    """
    n = len(p)
    if not n:
        return np.zeros(0, np.bool_)
    ordered = np.sort(p)
    passing = np.nonzero(ordered <= q * np.arange(1, n + 1) / n)[0]
    return p <= ordered[passing[-1]] if len(passing) else np.zeros(n, np.bool_)
