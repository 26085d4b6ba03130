"""Intervals at 95 % that more than one metric uses, each with its source."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z = 1.959963984540054
"""Two-sided 95 % point of the normal law."""
SOLVER_STEPS = 60
"""Most steps of the root finder; 4 to 8 are usual."""


def wilson(successes: float, n: float, z: float = Z) -> tuple[float, float]:
    """Interval of a share (Wilson 1927): honest at 0 and 1 and for few rows."""
    share = successes / n
    shrink = 1.0 + z * z / n
    middle = (share + z * z / (2.0 * n)) / shrink
    half = z * math.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n)) / shrink
    # At 0 and n successes the end is the share itself; rounding must not move it past.
    low = 0.0 if successes <= 0 else max(0.0, middle - half)
    high = 1.0 if successes >= n else min(1.0, middle + half)
    return low, high


def newcombe(x1: int, n1: int, x0: int, n0: int, z: float = Z) -> tuple[float, float]:
    """Interval of the difference of two independent shares x1/n1 - x0/n0 (Newcombe 1998, method 10)."""
    p1, p0 = x1 / n1, x0 / n0
    (l1, u1), (l0, u0) = wilson(x1, n1, z), wilson(x0, n0, z)
    difference = p1 - p0
    return (
        max(-1.0, difference - math.hypot(p1 - l1, u0 - p0)),
        min(1.0, difference + math.hypot(u1 - p1, p0 - l0)),
    )


def mean_of_shares(shares: Sequence[tuple[int, int]]) -> tuple[float, float, float]:
    """(mean, low, high) of independent shares x/n, from Wilson's interval of each (Zou and Donner 2008)."""
    values = [x / n for x, n in shares]
    ends = [wilson(x, n) for x, n in shares]
    mean = sum(values) / len(values)
    down = math.hypot(*(value - low for value, (low, _) in zip(values, ends, strict=True))) / len(values)
    up = math.hypot(*(high - value for value, (_, high) in zip(values, ends, strict=True))) / len(values)
    return mean, max(0.0, mean - down), min(1.0, mean + up)


def noncentral_chi2_z(x: float, df: float, noncentrality: float) -> float:
    """The normal quantile of P(X <= x), X non-central chi-square (Sankaran 1963).

    Within 0.003 of the exact probability from five degrees on; with one or two only in the upper half of the law.
    """
    k, spread = df + noncentrality, df + 2.0 * noncentrality
    h = 1.0 - 2.0 * k * (df + 3.0 * noncentrality) / (3.0 * spread * spread)
    p = spread / (k * k)
    m = (h - 1.0) * (1.0 - 3.0 * h)
    centre = 1.0 + h * p * (h - 1.0 - 0.5 * (2.0 - h) * m * p)
    return (math.pow(x / k, h) - centre) / (h * math.sqrt(2.0 * p) * (1.0 + 0.5 * m * p))


def noncentrality_interval(x: float, df: float) -> tuple[float, float]:
    """Interval of the non-centrality of the chi-square law with `df` degrees that gave x.

    The lower end is 0 wherever chance alone explains x. The upper end is that of no less than the null's median: a
    value that is small by luck must not claim more certainty than the sample has (a power-constrained limit, Cowan et
    al. 2011).
    """
    median = df * max(1.0 - 2.0 / (9.0 * df), 0.0) ** 3
    low = 0.0 if noncentral_chi2_z(x, df, 0.0) <= Z else _solve(x, df, Z)
    return low, _solve(max(x, median), df, -Z)


def _solve(x: float, df: float, z: float) -> float:
    """The non-centrality at which x is the point z of the law. z falls as the non-centrality grows, nearly linearly in its root."""
    low, high = 0.0, math.sqrt(x) + 4.0 + math.sqrt(df)
    below, above = noncentral_chi2_z(x, df, 0.0) - z, noncentral_chi2_z(x, df, high * high) - z
    if below <= 0.0:
        return 0.0
    stayed = 0
    for _ in range(SOLVER_STEPS):
        # The Illinois form of the false position: a straight line between the ends, bent where one of them stays twice.
        root = (low * above - high * below) / (above - below)
        found = noncentral_chi2_z(x, df, root * root) - z
        if abs(found) < 1e-9:
            break
        if found > 0.0:
            low, below, above = root, found, above * (0.5 if stayed > 0 else 1.0)
            stayed = 1
        else:
            high, above, below = root, found, below * (0.5 if stayed < 0 else 1.0)
            stayed = -1
    return root * root
