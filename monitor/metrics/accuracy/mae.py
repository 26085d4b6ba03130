"""The mean absolute error."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import RegressionOutcome


def mae(outcome: RegressionOutcome) -> Value:
    """Mean absolute difference between prediction and label, in the label's unit.

    **What it tells.** How far off a prediction is on average.

    **Formula.** mean of |prediction - label| over the labelled rows.

    **Range.** 0 upward without bound.

    **How to read.** Against the baseline's own; far below `rmse` it says that a few rows carry most of the error. The
    interval is the mean's by the normal law.

    **When it misleads.** It grows with the label's own level and spread.

    **Reference.** `sklearn.metrics.mean_absolute_error`.

    >>> mae(RegressionOutcome(labelled=4, absolute_sum=6.0, square_sum=10.0)).value
    1.5
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a usable prediction")
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, f"{n} labelled row, {ROWS_MIN} needed for an interval", n_window=n)
    found = mean_interval(outcome.absolute_sum, outcome.square_sum, n)
    if found is None:
        return nothing(Status.UNDEFINED, "the errors are too large for the arithmetic of doubles", n_window=n)
    mean, low, high = found
    return Value(mean, max(0.0, low), high, n_window=n)


MAE = PerformanceMetric(
    name="mae",
    prometheus="outrider_mae",
    help="Mean absolute error, in the label's unit.",
    regression=mae,
)
