"""The logarithmic loss of a score."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome


def log_loss(outcome: BinaryOutcome) -> Value:
    """Mean negative logarithm of the probability the score gave to what came true, in nats.

    **What it tells.** Whether the scores are good probabilities: it punishes confident mistakes.

    **Formula.** mean of -ln(s) where the label is positive, of -ln(1 - s) where it is not; s is clipped to
    [2.2e-16, 1 - 2.2e-16]. Exact: summed over rows, not over cells.

    **Range.** 0 to 36.04; ln 2 = 0.693 is what a constant 0.5 costs.

    **How to read.** Against the baseline's own. The interval is the mean's by the normal law.

    **When it misleads.** A single row scored 0 or 1 and wrong adds 36 / n. It moves with the share of positives.

    **Reference.** `sklearn.metrics.log_loss`; Good 1952.

    >>> from dataclasses import replace
    >>> tile = replace(BinaryOutcome.empty(), scored=2, log_loss_sum=0.6, log_loss_square_sum=0.2)
    >>> log_loss(tile).value
    0.3
    """
    n = outcome.scored
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a score on [0, 1]")
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, f"{n} labelled row, {ROWS_MIN} needed for an interval", n_window=n)
    found = mean_interval(outcome.log_loss_sum, outcome.log_loss_square_sum, n)
    if found is None:
        return nothing(Status.UNDEFINED, "the losses are too large for the arithmetic of doubles", n_window=n)
    mean, low, high = found
    return Value(mean, max(0.0, low), high, n_window=n)


LOG_LOSS = PerformanceMetric(
    name="log_loss",
    prometheus="outrider_log_loss",
    help="Mean logarithmic loss of the score (nats).",
    binary=log_loss,
)
