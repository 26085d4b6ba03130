"""F1 weighted by the labels of the classes."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.intervals import Z, wilson
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import MulticlassOutcome


def f1_weighted(outcome: MulticlassOutcome) -> Value:
    """F1 of every class, averaged by how many labels the class has.

    **What it tells.** How well classes are found, with the weight that they have in the data; between `f1`, where all count alike, and `accuracy`.

    **Formula.** Σ over classes of (labels of the class / labels) · 2 TP / (2 TP + FP + FN); all classes that the baseline has not count together as one.
    Of the other averages over several classes, micro F1, micro precision, micro recall and weighted recall all equal `accuracy`.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own. The interval is the delta method's on the confusion counts.

    **When it misleads.** Frequent classes hide rare ones: see `f1` and `class_f1`.

    **Reference.** `sklearn.metrics.f1_score(average="weighted")`.

    >>> import numpy as np
    >>> round(f1_weighted(MulticlassOutcome(np.array([[40, 10, 0], [5, 45, 0], [0, 0, 0]]), correct=85)).value, 4)
    0.8496
    """
    confusion = outcome.confusion.astype(np.float64)
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a predicted class")
    size = confusion.sum(axis=0) + confusion.sum(axis=1)
    held = size > 0
    confusion, size = confusion[np.ix_(held, held)], size[held]
    weight, scores = confusion.sum(axis=1) / n, 2.0 * np.diag(confusion) / size
    value = float(weight @ scores)
    # What one more row of label i and prediction j moves: its class weighs more, and the scores of both change.
    pull = weight * scores / size
    slope = np.diag(2.0 * weight / size) - pull[:, None] - pull[None, :] + ((scores - value) / n)[:, None]
    half = Z * math.sqrt(float((confusion * slope**2).sum()))
    # Where all are right or all wrong the slope says nothing; the share of right rows bounds what is possible.
    low, high = wilson(float(np.diag(confusion).sum()), n)
    return Value(value, max(0.0, min(value - half, low)), min(1.0, max(value + half, high)), n_window=n)


F1_WEIGHTED = PerformanceMetric(
    name="f1_weighted",
    prometheus="outrider_f1_weighted",
    help="F1 of several classes, weighted by their labels (0 to 1).",
    multiclass=f1_weighted,
)
