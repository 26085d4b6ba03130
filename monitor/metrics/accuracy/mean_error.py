"""The mean error."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import RegressionOutcome


def mean_error(outcome: RegressionOutcome) -> Value:
    """Mean of prediction less label, in the label's unit.

    **What it tells.** Whether predictions are too high (above 0) or too low (below 0) altogether.

    **Formula.** mean of (prediction - label) over the labelled rows.

    **Range.** Any number; 0 is right on average.

    **How to read.** Beside `mae`: near it in size, nearly all errors have one sign. The interval is the mean's by the
    normal law.

    **When it misleads.** Errors of both signs cancel: 0 is no proof of accuracy.

    **Reference.** Willmott 1982 (mean bias error).

    >>> mean_error(RegressionOutcome(labelled=4, error_sum=-2.0, square_sum=10.0)).value
    -0.5
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a usable prediction")
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, f"{n} labelled row, {ROWS_MIN} needed for an interval", n_window=n)
    found = mean_interval(outcome.error_sum, outcome.square_sum, n)
    if found is None:
        return nothing(Status.UNDEFINED, "the errors are too large for the arithmetic of doubles", n_window=n)
    return Value(*found, n_window=n)


MEAN_ERROR = PerformanceMetric(
    name="mean_error",
    prometheus="outrider_mean_error",
    help="Mean of prediction less label, in the label's unit (0: right on average).",
    regression=mean_error,
)
