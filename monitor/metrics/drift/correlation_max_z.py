"""The pair of features whose correlation changed most plainly."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from monitor.findings import Value
from monitor.metrics.drift.matrix_metric import Change, MatrixMetric
from monitor.metrics.intervals import Z
from monitor.metrics.p_values import spoken_p


def correlation_max_z(found: Change) -> Value:
    """Largest |z| of the change of any correlation of two numeric features.

    **What it tells.** Whether the correlations changed, all of them looked at together, and which pair most plainly: the
    reason names it, with the p-value over all pairs.

    **Formula.** max |r - r'| / √C over all pairs of the first 32 numeric features, r the rank correlation of
    `correlation_distance`, C the variance of the difference as the sampled rows tell it. p = 1 - (1 - p₁)^K of the largest of K
    pairs (Šidák 1967), which lies above that of dependent pairs.

    **Range.** 0 upward; of 190 pairs that did not change it is about 2.9.

    **How to read.** p under 0.01 is a change that chance explains in one window of a hundred. The interval is that of the
    pair's own z. It grows with the number of rows: how large the change is, `correlation_distance` says.

    **When it misleads.** Rows that depend on each other make every z larger. The p-value is shown; the verdict is that of
    the tested pairs (`correlation_distance`), which counts dependence.

    **Reference.** Fisher 1921; Browne 1984 (British Journal of Mathematical and Statistical Psychology 37, 62); Šidák 1967.

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
    >>> correlation_max_z(found).reason
    'a~c: correlation 0.20 against 0.50, p = 6.6e-05 over 3 pairs'
    """
    scores = (found.s - found.r) / np.sqrt(np.maximum(np.diag(found.law), _LEAST))
    at = int(np.argmax(np.abs(scores)))
    value = abs(float(scores[at]))
    p = -math.expm1(len(scores) * math.log1p(-min(2.0 * float(special.ndtr(-value)), 1.0 - 1e-16)))
    pair = f"{found.names[found.i[at]]}~{found.names[found.j[at]]}"
    return Value(
        value,
        max(0.0, value - Z),
        value + Z,
        n_baseline=int(found.n[at]),
        n_window=int(found.m[at]),
        n_missing=int(found.m.max()) - int(found.m[at]),
        reason=f"{pair}: correlation {found.s[at]:.2f} against {found.r[at]:.2f}, p {spoken_p(p)} over {len(scores)} pairs",
    )


_LEAST = 1e-12
"""Variance of a correlation of 1, which has none."""


CORRELATION_MAX_Z = MatrixMetric(
    name="correlation_max_z",
    prometheus="outrider_drift_correlation_max_z",
    help="Largest |z| of the change of any correlation of two numeric features.",
    of=correlation_max_z,
)
