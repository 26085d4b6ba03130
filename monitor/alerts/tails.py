"""p-values that stay honest far out in the tail (1e-6 and beyond), in logarithms so that they never underflow.

Each function bounds the true tail from above where it is not exact. `effect` is the design effect: the factor by which
dependent rows vary more than independent ones; it divides the counts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]

_LOG_2 = math.log(2.0)
_UNDERFLOW = 1e-280
"""Below this a double loses digits; the Chernoff bound takes over."""
_TINY = 1e-60
"""A variance below this is none: its square still fits a double."""


def ks_log_p(distance: Floats, n: Floats, m: Floats, effect: float = 1.0) -> Floats:
    """Two-sample Kolmogorov-Smirnov on binned counts: log of 2 exp(-2 D² nm/(n+m)), above Kolmogorov's law everywhere.

    Bins only make it more conservative: the largest difference at the edges is at most the largest anywhere.
    """
    total = n + m
    rows = np.divide(n * m, total, out=np.zeros_like(total, np.float64), where=total > 0) / effect
    return np.minimum(0.0, _LOG_2 - 2.0 * rows * distance**2)


def units(log_p: Any) -> Any:
    """Evidence as the normalised Kolmogorov distance of the same p-value: what scores compare, linear in the deviation."""
    return np.sqrt(np.maximum(_LOG_2 - log_p, 0.0) / 2.0)


def proportion_log_p(
    k: npt.ArrayLike, n: npt.ArrayLike, j: npt.ArrayLike, m: npt.ArrayLike, effect: float = 1.0, *, sides: int = 2
) -> tuple[Floats, Floats]:
    """Log p-values that k of n is too high and too low beside j of m, each times `sides`.

    Given K = k + j, k is hypergeometric. Its tail lies under the binomial tail of each of its four margins (n, m, K and
    the rest, Hoeffding 1963); the smallest margin is the closest and is taken. Fractional counts are allowed.
    """
    k, n, j, m = (np.asarray(x, np.float64) / effect for x in np.broadcast_arrays(k, n, j, m))
    total, hits = n + m, k + j
    rest = total - hits
    window_first = n <= m
    sample, other = np.where(window_first, n, m), np.where(window_first, m, n)
    by_hits = np.minimum(hits, rest) <= np.minimum(sample, other)
    # Each margin draws `size` times with probability `p`; `seen` counts so that "too high" stays too high in k.
    flip_class, flip_sample = hits > rest, ~window_first
    size = np.where(by_hits, np.where(flip_class, rest, hits), sample)
    share = np.where(by_hits, n, hits)
    p = np.divide(share, total, out=np.zeros_like(total), where=total > 0)
    seen = np.where(by_hits, np.where(flip_class, n - k, k), np.where(flip_sample, j, k))
    flipped = np.where(by_hits, flip_class, flip_sample)
    high, low = _binomial_log_tails(seen, size, p)
    shift = math.log(sides)
    up, down = np.where(flipped, low, high), np.where(flipped, high, low)
    return np.minimum(0.0, up + shift), np.minimum(0.0, down + shift)


def _binomial_log_tails(seen: Floats, size: Floats, p: Floats) -> tuple[Floats, Floats]:
    """log P(X >= seen) and log P(X <= seen) of a binomial with real arguments."""
    with np.errstate(divide="ignore", invalid="ignore"):
        high = np.where(seen <= 0, 1.0, special.betainc(np.maximum(seen, 1e-12), np.maximum(size - seen + 1, 1e-12), p))
        low = np.where(
            seen >= size, 1.0, special.betainc(np.maximum(size - seen, 1e-12), np.maximum(seen + 1, 1e-12), 1 - p)
        )
        # Counts over a design effect are fractions, and may round to a hair more than all.
        rate = np.minimum(np.divide(seen, size, out=np.zeros_like(size), where=size > 0), 1.0)
        chernoff = -size * (special.rel_entr(rate, p) + special.rel_entr(1 - rate, 1 - p))
        chernoff = np.where(np.isnan(chernoff), 0.0, chernoff)
        log_high = np.where(high > _UNDERFLOW, np.log(np.maximum(high, _UNDERFLOW)), chernoff)
        log_low = np.where(low > _UNDERFLOW, np.log(np.maximum(low, _UNDERFLOW)), chernoff)
    return np.where(size > 0, log_high, 0.0), np.where(size > 0, log_low, 0.0)


def bernstein_log_p(deviation: Any, variance: Any, bound: Any, *, sides: int = 2) -> Any:
    """Normal tail with Bernstein's exponent: log p of a deviation of a mean of bounded terms.

    `bound` is the largest weight of one row. Where rows are many it is the normal tail; where a few of them could have
    made the difference it is as heavy as theirs. Against exact binomial tails from 1e-3 to 1e-12 it is above them, or
    under by at most a tenth.
    """
    deviation = np.maximum(deviation, 0.0)
    spread = 2.0 * (variance + bound * deviation / 3.0)
    exponent = np.divide(deviation**2, spread, out=np.zeros_like(deviation + spread), where=spread > 0)
    return np.minimum(0.0, math.log(sides) + special.log_ndtr(-np.sqrt(2.0 * exponent)))


def score_log_p(deviation: Any, variance: Any, third: Any, fourth: Any, bound: Any, *, sides: int = 2) -> Any:
    """Tail of a difference of means of a bounded score, from its cumulants: `third` in the direction of the deviation.

    The exponent is the normal one less what skewness and excess kurtosis g, h of the difference take from it,
    z²/2 / (1 + (g + h z/4) z/3), or Bernstein's where that is larger: where many values share the scores it is normal,
    where a few rows could have made the difference it is as heavy as theirs. Against exact convolutions log p lies above
    the exact one; of scores with two values only, whose steps are largest, under it by at most 0.2 from 1e-5 down.
    """
    deviation = np.maximum(deviation, 0.0)
    squared = np.divide(deviation**2, variance, out=np.zeros_like(deviation + variance), where=variance > 0)
    z = np.sqrt(squared)
    spread = np.maximum(variance, _TINY)
    heavier = (np.maximum(third, 0.0) / spread**1.5 + np.maximum(fourth, 0.0) / spread**2 * z / 4.0) * z / 3.0
    bounded = 1.0 + bound * deviation / spread / 3.0
    exponent = squared / 2.0 / np.minimum(1.0 + heavier, bounded)
    return np.minimum(0.0, math.log(sides) + special.log_ndtr(-np.sqrt(2.0 * exponent)))


def student_log_p(z: float, rows: float, *, sides: int = 1) -> float:
    """Student's tail of a studentised mean; where it underflows, (1 + z²/(n-1))^(-(n-1)/2), which lies above it."""
    if z <= 0 or rows <= 1:
        return 0.0
    tail = float(special.stdtr(rows - 1, -z))
    log_tail = math.log(tail) if tail > _UNDERFLOW else -0.5 * (rows - 1) * math.log1p(z * z / (rows - 1))
    return min(0.0, math.log(sides) + log_tail)


def weighted_squares_log_p(statistic: float, weights: Floats) -> float:
    """Log P(Σ weights[i] · Z_i² > statistic) of independent standard normal Z, by the saddlepoint.

    Barndorff-Nielsen's form of Lugannani and Rice (1980; Kuonen 1999 for this sum). Against the exact law of equal
    weights p is at most an eighth too large down to 1e-12, and never too small. At or below the mean it says 1.
    """
    weights = weights[weights > 1e-12 * weights.max(initial=0.0)]
    if not len(weights) or statistic <= weights.sum():
        return 0.0
    x = statistic / weights.max()
    scaled = weights / weights.max()
    low, high = 0.0, 0.5
    for _ in range(200):
        t = (low + high) / 2
        if float((scaled / (1 - 2 * t * scaled)).sum()) < x:
            low = t
        else:
            high = t
        if high - low < 1e-15:
            break
    rest = 1 - 2 * low * scaled
    w = math.sqrt(max(2 * (low * x + 0.5 * float(np.log(rest).sum())), 0.0))
    v = low * math.sqrt(2 * float(((scaled / rest) ** 2).sum()))
    if w < _NEAR_MEAN or v <= 0:
        return 0.0
    return min(0.0, float(special.log_ndtr(-(w + math.log(v / w) / w))))


_NEAR_MEAN = 1e-3
"""Under this the saddlepoint's formula divides by nothing; p is about a half."""
