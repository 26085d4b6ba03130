"""The share of right predictions."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome
from monitor.tiles.outcome_sets import MultilabelOutcome


def accuracy(outcome: BinaryOutcome | MulticlassOutcome) -> Value:
    """Share of labelled rows whose predicted class is the label.

    **What it tells.** How often the model is right, every mistake counted alike.

    **Formula.** (right) / (labelled rows with a usable prediction). Binary without a predicted class: a score of at
    least 0.5 counts as positive. Multi-label: a row is right where its whole set of labels is.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own, and beside the share of the commonest class, which a constant answer
    reaches. The interval is Wilson's.

    **When it misleads.** With rare positives it is high whatever the model does. Labels that come sooner for some
    outcomes than for others bias it while they are few: watch the label coverage.

    **Reference.** `sklearn.metrics.accuracy_score`; Wilson 1927.

    >>> import numpy as np
    >>> found = accuracy(MulticlassOutcome(np.array([[8, 1, 0], [1, 10, 0], [0, 0, 0]]), correct=18))
    >>> round(found.value, 2), found.n_window
    (0.9, 20)
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a predicted class")
    right = (
        outcome.correct if isinstance(outcome, MulticlassOutcome) else outcome.true_positives + outcome.true_negatives
    )
    low, high = wilson(right, n)
    return Value(right / n, low, high, n_window=n)


def subset_accuracy(outcome: MultilabelOutcome) -> Value:
    """Share of rows whose whole set of labels is right; the page of `accuracy` tells how."""
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a predicted set")
    low, high = wilson(outcome.exact, n)
    return Value(outcome.exact / n, low, high, n_window=n)


ACCURACY = PerformanceMetric(
    name="accuracy",
    prometheus="outrider_accuracy_ratio",
    help="Share of labelled rows that were predicted right.",
    binary=accuracy,
    multiclass=accuracy,
    multilabel=subset_accuracy,
)
