"""The F1 score."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.intervals import Z, wilson
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome
from monitor.tiles.outcome_sets import MultilabelOutcome


def f1(outcome: BinaryOutcome) -> Value:
    """Harmonic mean of precision and recall of the positive class (for several classes: `f1_macro`).

    **What it tells.** How well the positives are found, ignoring the negatives that were rightly left alone.

    **Formula.** 2 TP / (2 TP + FP + FN). For several classes the plain mean over the classes that occur in labels or
    predictions (macro); all classes that the baseline has not count together as one.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own at the same share of positives. The interval is Wilson's on
    TP / (TP + FP + FN), of which F1 is a rising function; for several classes the delta method on the confusion counts.

    **When it misleads.** It moves with the share of positives even where the model is as good as before. With neither
    positive labels nor positive predictions it is undefined, not 0.

    **Reference.** `sklearn.metrics.f1_score`; van Rijsbergen 1979.

    >>> tile = BinaryOutcome.empty()
    >>> from dataclasses import replace
    >>> round(f1(replace(tile, true_positives=30, false_positives=10, false_negatives=20)).value, 4)
    0.6667
    """
    n = outcome.labelled
    concerned = outcome.true_positives + outcome.false_positives + outcome.false_negatives
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a predicted class")
    if not concerned:
        return nothing(Status.UNDEFINED, "no label and no prediction is positive", n_window=n)
    low, high = (2.0 * share / (1.0 + share) for share in wilson(outcome.true_positives, concerned))
    value = 2.0 * outcome.true_positives / (outcome.true_positives + concerned)
    return Value(value, low, high, n_window=n)


def f1_macro(outcome: MulticlassOutcome) -> Value:
    """F1 averaged over the classes that occur; the page of `f1` tells how."""
    confusion = outcome.confusion.astype(np.float64)
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a predicted class")
    size = confusion.sum(axis=0) + confusion.sum(axis=1)
    held = size > 0
    confusion, size = confusion[np.ix_(held, held)], size[held]
    scores = 2.0 * np.diag(confusion) / size
    value = float(scores.mean())
    share = scores / size
    slope = (2.0 * np.diag(1.0 / size) - share[:, None] - share[None, :]) / len(size)
    half = Z * math.sqrt(float((confusion * slope**2).sum()))
    # Where all are right or all wrong the slope says nothing; the share of right rows bounds what is possible.
    low, high = wilson(float(np.diag(confusion).sum()), n)
    return Value(value, max(0.0, min(value - half, low)), min(1.0, max(value + half, high)), n_window=n)


def f1_of_labels(outcome: MultilabelOutcome) -> Value:
    """F1 averaged over the labels that occur, each by itself; the page of `f1` tells how. Zou and Donner's interval."""
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a predicted set")
    held = [(int(hits), int(counts.sum())) for hits, counts in zip(outcome.counts[:, 0], outcome.counts, strict=True)]
    held = [(hits, concerned) for hits, concerned in held if concerned]
    if not held:
        return nothing(Status.UNDEFINED, "no row has a label, said or true", n_window=n)
    scores = [2.0 * hits / (hits + concerned) for hits, concerned in held]
    ends = [[2.0 * share / (1.0 + share) for share in wilson(*counts)] for counts in held]
    value = sum(scores) / len(scores)
    down = math.hypot(*(score - low for score, (low, _) in zip(scores, ends, strict=True))) / len(scores)
    up = math.hypot(*(high - score for score, (_, high) in zip(scores, ends, strict=True))) / len(scores)
    return Value(value, max(0.0, value - down), min(1.0, value + up), n_window=n)


F1 = PerformanceMetric(
    name="f1",
    prometheus="outrider_f1_ratio",
    help="Harmonic mean of precision and recall (macro average for several classes).",
    binary=f1,
    multiclass=f1_macro,
    multilabel=f1_of_labels,
)
