"""The root mean squared error."""

from __future__ import annotations

import math

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import RegressionOutcome


def rmse(outcome: RegressionOutcome) -> Value:
    """Root of the mean squared difference between prediction and label, in the label's unit.

    **What it tells.** How far off predictions are, large errors weighing most.

    **Formula.** sqrt(mean of (prediction - label)²) over the labelled rows.

    **Range.** 0 upward without bound.

    **How to read.** Against the baseline's own, beside `mae`. The interval is the root of that of the mean square, by
    the normal law.

    **When it misleads.** One wild row can own it, and then its interval is too narrow. It grows with the label's own
    spread.

    **Reference.** `sklearn.metrics.root_mean_squared_error`.

    >>> rmse(RegressionOutcome(labelled=4, square_sum=16.0, fourth_sum=100.0)).value
    2.0
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a usable prediction")
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, f"{n} labelled row, {ROWS_MIN} needed for an interval", n_window=n)
    found = mean_interval(outcome.square_sum, outcome.fourth_sum, n)
    if found is None:
        return nothing(Status.UNDEFINED, "the errors are too large for the arithmetic of doubles", n_window=n)
    square, low, high = found
    return Value(math.sqrt(square), math.sqrt(max(0.0, low)), math.sqrt(high), n_window=n)


RMSE = PerformanceMetric(
    name="rmse",
    prometheus="outrider_rmse",
    help="Root mean squared error, in the label's unit.",
    regression=rmse,
)
