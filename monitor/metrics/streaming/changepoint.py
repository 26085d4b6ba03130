"""Since when: where in a row of windows one distribution ends and another begins, with the uncertainty of that.

For every window t the windows before it, together with the baseline, are taken for draws from one distribution and the
windows from t on for draws from another. The marginal likelihood of that (both distributions unknown, Dirichlet prior of
1/2 a cell; for means, a normal with the variance of the whole) is the evidence for t; the baseline's prior is flat. The estimate
is the window with the most evidence, the interval the shortest set of neighbouring windows around it that holds 95 % of it.
Counts are divided by the design effect, so dependent rows are not taken for more than they say.

Formula: log B(t) = log m(baseline + x_0..x_{t-1}) + log m(x_t..x_{n-1}), m the Dirichlet-multinomial likelihood.
Reference: Carlin, Gelfand, Smith, *Hierarchical Bayesian analysis of changepoint problems*, Applied Statistics 41 (1992).

It tells of one step that is still there at the end. Of a slow slope it names the place where a step fits best, of a
shift that came and went the last one that did not go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
_PRIOR = 0.5
"""Jeffreys' prior of a cell."""


@dataclass(frozen=True, slots=True)
class Change:
    """Positions of windows: the first that is different, and the interval of it (inclusive)."""

    at: int
    low: int
    high: int


def change_of_counts(
    windows: npt.NDArray[np.int64], baseline: npt.NDArray[np.int64], effect: float = 1.0
) -> Change | None:
    """Of counts [windows, cells] beside the baseline's counts [cells]. None where no window has rows.

    >>> import numpy as np
    >>> change_of_counts(np.array([[50, 50]] * 6 + [[90, 10]] * 4), np.array([500, 500]))
    Change(at=6, low=6, high=6)
    """
    if not len(windows) or windows.sum() == 0:
        return None
    scaled = windows / effect
    before = np.vstack([np.zeros(scaled.shape[1]), np.cumsum(scaled, 0)[:-1]]) + baseline / effect
    after = np.cumsum(scaled[::-1], 0)[::-1]
    return _change(_log_marginal(before) + _log_marginal(after))


def change_of_means(means: Floats, variances: Floats, mean: float, variance: float) -> Change | None:
    """Of a mean of each window with its variance, beside the baseline's; variances carry the design effect."""
    if not len(means):
        return None
    weights = 1.0 / np.maximum(variances, 1e-300)
    own = 1.0 / max(variance, 1e-300)
    before_weight = np.concatenate([[0.0], np.cumsum(weights)[:-1]]) + own
    before_mean = (np.concatenate([[0.0], np.cumsum(weights * means)[:-1]]) + own * mean) / before_weight
    after_weight = np.cumsum(weights[::-1])[::-1]
    after_mean = np.cumsum((weights * means)[::-1])[::-1] / after_weight
    # The gain of two means over one, less what a mean that is fitted gains by luck (unit information).
    rows = before_weight * after_weight / (before_weight + after_weight)
    gain = 0.5 * rows * (after_mean - before_mean) ** 2
    return _change(gain - 0.5 * np.log1p(after_weight / weights.mean()))


def _log_marginal(counts: Floats) -> Floats:
    alpha = _PRIOR * counts.shape[1]
    inside = special.gammaln(counts + _PRIOR) - special.gammaln(_PRIOR)
    return np.asarray(inside.sum(1) + special.gammaln(alpha) - special.gammaln(counts.sum(1) + alpha))


def _change(evidence: Floats) -> Change:
    posterior = special.softmax(evidence)
    at = low = high = int(np.argmax(posterior))
    held = float(posterior[at])
    while held < CONFIDENCE and (low > 0 or high < len(posterior) - 1):
        left = posterior[low - 1] if low > 0 else -1.0
        right = posterior[high + 1] if high < len(posterior) - 1 else -1.0
        if left >= right:
            low -= 1
            held += float(left)
        else:
            high += 1
            held += float(right)
    return Change(at, low, high)
