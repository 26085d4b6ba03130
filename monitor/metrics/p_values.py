"""p-values that metrics show beside their values. Verdicts rest on `monitor/alerts/tails.py`, which counts dependence."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

_AS_LIKELY = 1e-7
"""Tables that are as likely as the one seen, but for rounding, count as such."""
_SPREADS = 40.0
"""Tables further than this many standard deviations from the middle have no weight that a double holds."""


def fisher_p(k: int, n: int, j: int, m: int) -> float:
    """Two-sided p-value of k of n beside j of m: the probability of all tables with the same margins that are no likelier.

    >>> round(fisher_p(8, 10, 1, 6), 6)
    0.034965
    """
    total, hits = n + m, k + j
    low, high = max(0, hits - m), min(hits, n)
    if low == high:
        return 1.0
    middle = n * (hits / total)
    spread = math.sqrt(max(middle * (1 - hits / total) * (m / max(1, total - 1)), 0.0))
    reach = _SPREADS * max(spread, 1.0)
    if abs(k - middle) > reach:
        return 0.0
    x = np.arange(max(low, math.floor(middle - reach)), min(high, math.ceil(middle + reach)) + 1)
    weights = _log_weights(x, n, m, hits)
    seen = float(weights[k - int(x[0])])
    return min(1.0, math.exp(float(special.logsumexp(weights[weights <= seen + _AS_LIKELY]))))


Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def _log_weights(x: Counts, n: int, m: int, hits: int) -> Floats:
    """Log of the hypergeometric probabilities of x hits among n."""
    return np.asarray(_log_choose(n, x) + _log_choose(m, hits - x) - _log_choose(n + m, np.array(hits)))


def _log_choose(n: int, k: Counts) -> Floats:
    return np.asarray(special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0))


def spoken_p(p: float) -> str:
    """As people write it: two digits, and a bound where there is nothing more to tell."""
    return "< 1e-12" if p < 1e-12 else f"= {p:.2g}"
