"""The average precision."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.accuracy.scores import NO_SCORE
from monitor.metrics.intervals import Z
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome


def average_precision(outcome: BinaryOutcome) -> Value:
    """Mean of the precision over the thresholds at which one more positive is found.

    **What it tells.** How clean the top of the ranking is: the area under precision against recall.

    **Formula.** Σ over thresholds of (recall - recall before) · precision, on 1,000 equal cells of [0, 1] from the
    highest down. Rows of one cell count as tied; the interval is widened by what their order within it could change.

    **Range.** 0 to 1; a ranking by chance has the share of positives.

    **How to read.** Beside the share of positives, with which it moves. The interval is Boyd's, normal on the logit
    scale with the positives as its sample.

    **When it misleads.** Comparing windows with other shares of positives. In small samples it is a little too high.
    Without a positive label it is undefined; with nothing but positives it is 1, whatever the model.

    **Reference.** `sklearn.metrics.average_precision_score`; Boyd, Eng and Page 2013.

    >>> from dataclasses import replace
    >>> tile = BinaryOutcome.empty()
    >>> positives, negatives = tile.positives.copy(), tile.negatives.copy()
    >>> positives[[350, 800]], negatives[[100, 400]] = 1, 1
    >>> round(average_precision(replace(tile, positives=positives, negatives=negatives, scored=4)).value, 4)
    0.8333
    """
    positives = outcome.positives[::-1].astype(np.float64)
    negatives = outcome.negatives[::-1].astype(np.float64)
    p, n = int(positives.sum()), int(negatives.sum())
    if not p + n:
        return nothing(Status.NO_DATA, NO_SCORE)
    if not p or not n:
        return nothing(Status.UNDEFINED, f"all {p + n} labels are {'positive' if p else 'negative'}", n_window=p + n)
    held = positives > 0
    found, false = np.cumsum(positives)[held], np.cumsum(negatives)[held]
    here, beside = positives[held], negatives[held]
    value = float(here @ (found / (found + false))) / p
    # At best a cell's positives all come before its negatives, at worst all after; the first of them has the least.
    best = float(here @ (found / (found + false - beside))) / p
    first = found - here + 1.0
    worst = float(here @ np.minimum(first / (first + false), found / (found + false))) / p
    nearest = 0.5 / (p + 1.0)
    inner = min(max(value, nearest), 1.0 - nearest)
    middle, half = math.log(inner / (1.0 - inner)), Z / math.sqrt(p * inner * (1.0 - inner))
    low, high = (1.0 / (1.0 + math.exp(-end)) for end in (middle - half, middle + half))
    low, high = min(low, value) - (value - worst), max(high, value) + (best - value)
    return Value(value, max(0.0, low), min(1.0, high), n_window=p + n)


AVERAGE_PRECISION = PerformanceMetric(
    name="average_precision",
    prometheus="outrider_average_precision",
    help="Area under precision against recall (0 to 1; by chance the share of positives).",
    binary=average_precision,
)
