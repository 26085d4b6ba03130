"""The Brier score."""

from __future__ import annotations

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.accuracy.scores import CELL_HALF, NO_SCORE, centres
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome


def brier_score(outcome: BinaryOutcome) -> Value:
    """Mean squared difference of score and outcome.

    **What it tells.** Whether the scores are good probabilities, calibration and sharpness together; milder on
    confident mistakes than `log_loss`.

    **Formula.** mean of (s - y)², y being 1 where the label is positive and 0 where it is not. Exact: summed over rows,
    not over cells.

    **Range.** 0 to 1; a constant 0.5 costs 0.25, the share of positives p costs p (1 - p).

    **How to read.** Against the baseline's own. The interval is the mean's by the normal law, the spread being taken
    from 1,000 cells of the score.

    **When it misleads.** It moves with the share of positives: with rare ones it is small whatever the model does.

    **Reference.** `sklearn.metrics.brier_score_loss`; Brier 1950.

    >>> from dataclasses import replace
    >>> tile = BinaryOutcome.empty()
    >>> positives, negatives = tile.positives.copy(), tile.negatives.copy()
    >>> positives[900], negatives[200] = 1, 1
    >>> brier_score(replace(tile, positives=positives, negatives=negatives, scored=2, brier_sum=0.05)).value
    0.025
    """
    n = outcome.scored
    if not n:
        return nothing(Status.NO_DATA, NO_SCORE)
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, f"{n} labelled row, {ROWS_MIN} needed for an interval", n_window=n)
    # The far side of each cell: never less than the rows' own spread.
    wrong, right = np.minimum(1.0, 1.0 - centres() + CELL_HALF), np.minimum(1.0, centres() + CELL_HALF)
    squares = float(outcome.positives @ wrong**4 + outcome.negatives @ right**4)
    found = mean_interval(outcome.brier_sum, squares, n)
    if found is None:
        return nothing(Status.UNDEFINED, "the losses are too large for the arithmetic of doubles", n_window=n)
    mean, low, high = found
    return Value(mean, max(0.0, low), min(1.0, high), n_window=n)


BRIER_SCORE = PerformanceMetric(
    name="brier_score",
    prometheus="outrider_brier_score",
    help="Mean squared difference of score and outcome (0 to 1, lower is better).",
    binary=brier_score,
)
