"""How large a difference is, with the interval whose lower end is the second gate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from monitor.metrics import intervals

Floats = npt.NDArray[np.float64]

Z = 1.959963984540054
"""Two-sided 95 %."""
_CELL_ROWS_MIN = 10.0
"""Cells with a smaller expected count are pooled before the chi-square law is used; pooling only lowers the distance."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect with its 95 % interval, the metric's own value behind it, and the clause that says it in numbers."""

    value: float
    low: float
    high: float
    shown: float
    detail: str


def js_effect(
    window: npt.NDArray[np.int64], baseline: npt.NDArray[np.int64], effect: float = 1.0
) -> tuple[float, float, float]:
    """Jensen-Shannon distance (base 2) of two rows of counts, with its 95 % interval.

    8 D nm/(n+m) of the divergence D in nats is close to a non-central chi-square whose non-centrality is that of the
    true divergence; inverting it takes the bias of small windows off. The lower end rests on pooled cells, so it is a
    lower end for the unpooled distance too.
    """
    value = _divergence(window, baseline)
    n, m = int(window.sum()), int(baseline.sum())
    if n == 0 or m == 0:
        return 0.0, 0.0, 1.0
    pooled_window, pooled_baseline = _pool_rare(window, baseline)
    cells = int(((pooled_window + pooled_baseline) > 0).sum())
    rows = n * m / (n + m) / effect
    low = _noncentrality(8 * rows * _divergence(pooled_window, pooled_baseline), cells - 1, 0.975) / (8 * rows)
    high = _noncentrality(8 * rows * value, cells - 1, 0.025) / (8 * rows)
    distance = _distance(value)
    return distance, min(distance, _distance(low)), min(1.0, max(distance, _distance(high)))


def _divergence(window: npt.NDArray[np.int64], baseline: npt.NDArray[np.int64]) -> float:
    n, m = window.sum(), baseline.sum()
    if n == 0 or m == 0:
        return 0.0
    p, q = window / n, baseline / m
    middle = (p + q) / 2
    return float((special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum()) / 2


def _distance(nats: float) -> float:
    return math.sqrt(max(0.0, nats) / math.log(2.0))


def _noncentrality(statistic: float, df: int, level: float) -> float:
    """Non-centrality at which P(chi-square <= statistic) is `level`: 0 where even none reaches it."""
    if df < 1 or statistic <= 0 or special.chdtr(df, statistic) <= level:
        return 0.0
    if statistic > _NORMAL_FROM:
        z = special.ndtri(level)
        return float(max(0.0, (math.sqrt(statistic - df + z * z) - z) ** 2)) if statistic > df else 0.0
    return float(max(0.0, special.chndtrinc(statistic, df, level)))


_NORMAL_FROM = 5_000.0
"""From here the square root of the statistic is normal to four digits, and the exact inverse is slow."""


def _pool_rare(
    window: npt.NDArray[np.int64], baseline: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    n, m = window.sum(), baseline.sum()
    rare = (window + baseline) * (min(n, m) / (n + m)) < _CELL_ROWS_MIN
    if not rare.any():
        return window, baseline
    return (
        np.append(window[~rare], window[rare].sum()),
        np.append(baseline[~rare], baseline[rare].sum()),
    )


def wilson(k: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion; of no rows it is everything."""
    return intervals.wilson(k, n) if n > 0 else (0.0, 1.0)


def newcombe(k: float, n: float, j: float, m: float, effect: float = 1.0) -> tuple[float, float, float]:
    """k/n - j/m with Newcombe's (1998, method 10) 95 % score interval."""
    k, n, j, m = k / effect, n / effect, j / effect, m / effect
    p, q = (k / n if n else 0.0), (j / m if m else 0.0)
    (p_low, p_high), (q_low, q_high) = wilson(k, n), wilson(j, m)
    value = p - q
    return (
        value,
        value - math.hypot(p - p_low, q_high - q),
        value + math.hypot(p_high - p, q - q_low),
    )


def beyond_zero(value: float, half: float) -> tuple[float, float, float]:
    """|value| with the interval that value ± half gives it."""
    size = abs(value)
    return size, max(0.0, size - half), size + half
