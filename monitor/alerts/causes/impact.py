"""Impact: by how much a feature's new distribution alone is expected to change the model's error, or its score.

For a feature with bins k, shares p_k in the baseline and q_k in the window, and the baseline's mean number y_k of each bin
(error where the baseline has labels, else score):

    impact = sum over k of (q_k - p_k) y_k          what the new mixture of the feature's values brings
    within = sum over k of q_k (w_k - y_k)          with labels: what changed for the same values, w_k the window's mean

So impact + within is the whole change of the number, for every feature. The interval of the impact is the delta method's,
at 95 %, with rows weighed by the design effect; the impact is at most the range of y_k in size. New values, which the
baseline does not know, and values left out of the largest categories are bins of their own, whose mean is the baseline's overall.

How to read it: the feature with the largest impact is where to look first; a feature that drifted far with an impact near 0
moved among values for which the model is equally good.

When it misleads: features that move together each claim the change they share (impacts do not add up); what the window
does within a bin is not seen without labels; a mixture of two features that neither shows alone is not seen.

Reference: the covariate part of the decomposition of Budhathoki et al., *Why did the distribution change?*, AISTATS 2021,
and of Zhang et al., *"Why did the model fail?"*, ICML 2023, feature by feature.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from monitor.alerts.causes.attributes import Attribute
from monitor.alerts.causes.search import Codes, Floats, Side
from monitor.alerts.effects import Z
from monitor.findings import Impact

IMPACTS_MAX = 10


def impacts(
    attributes: Sequence[Attribute], window: Side, baseline: Side, *, effect: float = 1.0
) -> tuple[Impact, ...]:
    """Every column's impact on the baseline's number, largest first; none where the baseline does not know it."""
    if baseline.values is None:
        return ()
    found = [
        one
        for i, attribute in enumerate(attributes)
        if (one := _impact(attribute, window.codes[i], window.values, baseline.codes[i], baseline.values, effect))
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.effect), one.feature))[:IMPACTS_MAX])


def _impact(
    attribute: Attribute, window: Codes, here: Floats | None, baseline: Codes, values: Floats, effect: float
) -> Impact | None:
    size = len(attribute.conditions) + 1
    known = np.isfinite(values)
    # Code -1, of rare and new values, is the bin 0.
    n = np.bincount(window + 1, minlength=size).astype(np.float64)
    m = np.bincount(baseline[known] + 1, minlength=size).astype(np.float64)
    if not n.sum() or not m.sum():
        return None
    overall = float(values[known].mean())
    sums = np.bincount(baseline[known] + 1, weights=values[known], minlength=size)
    squares = np.bincount(baseline[known] + 1, weights=values[known] ** 2, minlength=size)
    mean = np.where(m > 0, sums / np.maximum(m, 1), overall)
    spread = np.maximum(squares / np.maximum(m, 1) - mean**2, 0.0)
    q, p = n / n.sum(), m / m.sum()
    value = float(((q - p) * mean).sum())
    variance = _of_mixture(q, mean, n.sum()) + _of_mixture(p, mean, m.sum())
    variance += float(((q - p) ** 2 * spread / np.maximum(m, 1)).sum())
    half = Z * math.sqrt(effect * variance)
    return Impact(attribute.column, value, value - half, value + half, _within(window, here, q, mean, size))


def _of_mixture(shares: Floats, mean: Floats, rows: float) -> float:
    """Variance of a mean of bin means over so many rows."""
    center = float((shares * mean).sum())
    return float((shares * (mean - center) ** 2).sum()) / rows


def _within(codes: Codes, here: Floats | None, q: Floats, mean: Floats, size: int) -> float | None:
    if here is None or not np.isfinite(here).any():
        return None
    known = np.isfinite(here)
    n = np.bincount(codes[known] + 1, minlength=size).astype(np.float64)
    sums = np.bincount(codes[known] + 1, weights=here[known], minlength=size)
    return float((q * np.where(n > 0, sums / np.maximum(n, 1) - mean, 0.0)).sum())
