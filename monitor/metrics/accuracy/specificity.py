"""The specificity."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.accuracy.rates import NO_CLASS, rate
from monitor.metrics.intervals import Z, wilson
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome


def specificity(outcome: BinaryOutcome) -> Value:
    """Share of negative labels that the model leaves alone.

    **What it tells.** How seldom it cries wolf: 1 less the false positive rate.

    **Formula.** TN / (TN + FP). For several classes the plain mean over the classes that occur, each against all others (macro).

    **Range.** 0 to 1.

    **How to read.** Beside `recall`; their mean is `balanced_accuracy`. It does not move with the share of positives.
    The interval is Wilson's.

    **When it misleads.** With rare positives 0.99 still means that most positive answers are false: see `precision`.
    Without a negative label it is undefined, not 0.

    **Reference.** `sklearn.metrics.recall_score(pos_label=0)`; Altman and Bland 1994.

    >>> from dataclasses import replace
    >>> round(specificity(replace(BinaryOutcome.empty(), true_negatives=80, false_positives=20)).value, 4)
    0.8
    """
    negatives = outcome.true_negatives + outcome.false_positives
    return rate(outcome.true_negatives, negatives, outcome.labelled, "no label is negative")


def specificity_macro(outcome: MulticlassOutcome) -> Value:
    """Specificity averaged over the classes that have rows of others; the page of `specificity` tells how."""
    confusion = outcome.confusion.astype(np.float64)
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, NO_CLASS)
    true, said, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diagonal(confusion)
    others = n - true
    # A class that does not occur at all is left alone by all: it says nothing.
    held = (others > 0) & (true + said > 0)
    if not held.any():
        return nothing(Status.UNDEFINED, "all labels are of one class", n_window=n)
    share = np.where(held, (others - said + hits) / np.maximum(others, 1.0), 0.0)
    value = float(share[held].mean())
    # By how much a row of (label, prediction) moves the mean: each class it is not of counts it, as a hit or a miss.
    part = np.where(held, 1.0 / np.maximum(others, 1.0), 0.0) / held.sum()
    of_others = part[None, :] * (1.0 - share[None, :])
    alone = np.broadcast_to(of_others.sum(axis=1), (len(true), 1)) - of_others.T
    wrong = part[None, :] * (1.0 - np.eye(len(true)))
    slope = alone - wrong
    half = Z * math.sqrt(max(0.0, float((confusion * slope**2).sum()) - float((confusion * slope).sum()) ** 2 / n))
    low, high = wilson(value * n, n)
    plain = half > 0.0
    return Value(value, max(0.0, value - half) if plain else low, min(1.0, value + half) if plain else high, n_window=n)


SPECIFICITY = PerformanceMetric(
    name="specificity",
    prometheus="outrider_specificity_ratio",
    help="Share of negative labels that were predicted negative (macro average for several classes).",
    binary=specificity,
    multiclass=specificity_macro,
)
