"""How far the scores of positives and negatives lie apart."""

from __future__ import annotations

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.intervals import newcombe
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome


def score_ks(outcome: BinaryOutcome) -> Value:
    """Kolmogorov-Smirnov distance between the scores of positive and of negative labels: the largest TPR - FPR of any threshold.

    **What it tells.** How well the best single threshold separates the two, and where it lies: the reason names it.

    **Formula.** max over thresholds of |share of positives at or above - share of negatives at or above|, at the edges of
    the 1,000 cells of the score.

    **Range.** 0 (alike) to 1 (apart).

    **How to read.** Against the baseline's own. The interval is Newcombe's at that threshold; its upper end counts what a
    cell may hide.

    **When it misleads.** The best threshold is chosen after the fact, so that few rows show too large a value. It says
    nothing of the threshold that is in use.

    **Reference.** `scipy.stats.ks_2samp`; Youden 1950; Newcombe 1998.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> positives, negatives = np.zeros(1000, np.int64), np.zeros(1000, np.int64)
    >>> positives[[300, 800]], negatives[[200, 500]] = [10, 40], [30, 20]
    >>> found = score_ks(replace(BinaryOutcome.empty(), positives=positives, negatives=negatives, scored=100))
    >>> round(found.value, 2), found.reason
    (0.8, 'at a score of 0.501')
    """
    positives, negatives = int(outcome.positives.sum()), int(outcome.negatives.sum())
    if not positives + negatives:
        return nothing(Status.NO_DATA, "no labelled row has a score on [0, 1]")
    n = positives + negatives
    if not positives or not negatives:
        return nothing(
            Status.UNDEFINED,
            f"{positives} positive and {negatives} negative labels: two classes are needed",
            n_window=n,
        )
    above, above_negative = (np.cumsum(counts[::-1])[::-1] for counts in (outcome.positives, outcome.negatives))
    gaps = above / positives - above_negative / negatives
    at = int(np.argmax(np.abs(gaps)))
    value = abs(float(gaps[at]))
    ends = newcombe(int(above[at]), positives, int(above_negative[at]), negatives)
    low, high = ends if gaps[at] >= 0.0 else (-ends[1], -ends[0])
    # Between two edges the curve may rise by what its cell holds of either.
    hidden = float(np.maximum(outcome.positives / positives, outcome.negatives / negatives).max())
    high = min(1.0, max(value, high) + hidden)
    return Value(value, max(0.0, min(value, low)), high, n_window=n, reason=f"at a score of {at / len(gaps):.3f}")


SCORE_KS = PerformanceMetric(
    name="score_ks",
    prometheus="outrider_score_ks",
    help="Largest TPR - FPR of any threshold of the score (0 to 1).",
    binary=score_ks,
)
