"""How far the whole matrix of correlations moved."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from monitor.findings import Status, Value
from monitor.metrics.drift.matrix_metric import Change, MatrixMetric
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.metrics.p_values import spoken_p


def correlation_matrix_distance(found: Change) -> Value:
    """Root mean square change of the correlations of all pairs of numeric features, less what chance adds.

    **What it tells.** Whether the features hang together as they did when many correlations change a little, none of them
    plainly: the Frobenius norm of the difference of both matrices, in units of one correlation.

    **Formula.** √((Σ (r - r')² - tr C) / K) over the K pairs of the first 32 numeric features, r the rank correlation of
    `correlation_distance`, C the covariance of the differences where nothing changed, as the sampled rows tell it. The Frobenius
    norm of the difference is √(2 Σ (r - r')²). p is the tail of a scaled chi-square with the mean and variance that C gives Σ.

    **Range.** 0 to 2.

    **How to read.** 0.1: correlations changed by a tenth on average. The reason has the p-value over all pairs. The interval
    is normal on the squared scale.

    **When it misleads.** One pair of many is diluted: `correlation_max_z` and `correlation_distance` see it. Rows that
    depend on each other add to what chance adds, and that is not taken off.

    **Reference.** Jennrich 1970 (JASA 65, 904), for normal rows; Browne 1984 for any.

    >>> found = Change(
    ...     ("a", "b", "c"),
    ...     i=np.array([0, 0, 1]),
    ...     j=np.array([1, 2, 2]),
    ...     r=np.array([0.0, 0.5, 0.0]),
    ...     s=np.array([0.1, 0.2, 0.0]),
    ...     n=np.full(3, 5_000),
    ...     m=np.full(3, 200),
    ...     law=np.eye(3) * 0.005,
    ... )
    >>> one = correlation_matrix_distance(found)
    >>> round(one.value, 2), one.reason
    (0.17, 'p = 0.00017 over 3 pairs')
    """
    away, pairs = found.s - found.r, len(found.i)
    square, chance = float(away @ away), float(np.trace(found.law))
    spread = 2.0 * float(np.square(found.law).sum())
    if spread <= 0.0:
        return nothing(Status.UNDEFINED, "every correlation of the baseline is 1", n_window=int(found.m.max()))
    # A sum of squares with the mean and variance of a chi-square times `unit` of `freedom` degrees (Satterthwaite 1946).
    unit, freedom = spread / (2.0 * chance), 2.0 * chance**2 / spread
    p = float(special.chdtrc(freedom, square / unit))
    half = Z * math.sqrt(spread + 4.0 * max(0.0, float(away @ found.law @ away)))
    ends = (square - chance - half, square - chance, square - chance + half)
    low, value, high = (math.sqrt(max(0.0, end) / pairs) for end in ends)
    return Value(
        value,
        low,
        high,
        n_baseline=int(found.n.max()),
        n_window=int(found.m.max()),
        n_missing=int(found.m.max() - found.m.min()),
        reason=f"p {spoken_p(p)} over {pairs} pairs",
    )


CORRELATION_MATRIX_DISTANCE = MatrixMetric(
    name="correlation_matrix_distance",
    prometheus="outrider_drift_correlation_matrix_distance",
    help="Root mean square change of the rank correlations of all pairs of numeric features, less what chance adds.",
    of=correlation_matrix_distance,
)
