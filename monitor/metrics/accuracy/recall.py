"""The recall."""

from __future__ import annotations

import numpy as np

from monitor.findings import Value
from monitor.metrics.accuracy.rates import mean_rate, rate
from monitor.metrics.metric import PerformanceMetric
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome


def recall(outcome: BinaryOutcome) -> Value:
    """Share of positive labels that are found (for several classes: `recall_macro`).

    **What it tells.** How much of what should be found is found: the true positive rate, or sensitivity.

    **Formula.** TP / (TP + FN). For several classes the plain mean over the classes that occur in labels (macro); all
    classes that the baseline has not count together as one.

    **Range.** 0 to 1.

    **How to read.** Beside `precision`. It does not move with the share of positives. The interval is Wilson's; for
    several classes those of the classes are put together.

    **When it misleads.** A model that says positive to everything has 1. Where labels of positives come later than
    those of negatives few rows enter: see `n_window`. Without a positive label it is undefined, not 0.

    **Reference.** `sklearn.metrics.recall_score(zero_division=np.nan)`; Zou and Donner 2008.

    >>> from dataclasses import replace
    >>> round(recall(replace(BinaryOutcome.empty(), true_positives=30, false_negatives=20)).value, 4)
    0.6
    """
    positives = outcome.true_positives + outcome.false_negatives
    return rate(outcome.true_positives, positives, outcome.labelled, "no label is positive")


def recall_macro(outcome: MulticlassOutcome) -> Value:
    """Recall averaged over the classes that occur in labels; the page of `recall` tells how."""
    confusion = outcome.confusion
    return mean_rate(np.diag(confusion).tolist(), confusion.sum(axis=1).tolist(), outcome.labelled)


RECALL = PerformanceMetric(
    name="recall",
    prometheus="outrider_recall_ratio",
    help="Share of positive labels that are found (macro average for several classes).",
    binary=recall,
    multiclass=recall_macro,
)
