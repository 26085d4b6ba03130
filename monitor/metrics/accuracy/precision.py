"""The precision."""

from __future__ import annotations

import numpy as np

from monitor.findings import Value
from monitor.metrics.accuracy.rates import mean_rate, rate
from monitor.metrics.metric import PerformanceMetric
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome


def precision(outcome: BinaryOutcome) -> Value:
    """Share of positive predictions that are right (for several classes: `precision_macro`).

    **What it tells.** How far a positive answer can be trusted.

    **Formula.** TP / (TP + FP). For several classes the plain mean over the classes that are predicted (macro); all
    classes that the baseline has not count together as one.

    **Range.** 0 to 1.

    **How to read.** Beside `recall`: a model that answers less often gains one and loses the other. The interval is
    Wilson's; for several classes those of the classes are put together.

    **When it misleads.** It falls with the share of positives even where the model is as good as before. Without a
    positive prediction it is undefined, not 0; a class that is never predicted does not enter the mean.

    **Reference.** `sklearn.metrics.precision_score(zero_division=np.nan)`; Zou and Donner 2008.

    >>> from dataclasses import replace
    >>> round(precision(replace(BinaryOutcome.empty(), true_positives=30, false_positives=10)).value, 4)
    0.75
    """
    selected = outcome.true_positives + outcome.false_positives
    return rate(outcome.true_positives, selected, outcome.labelled, "no prediction is positive")


def precision_macro(outcome: MulticlassOutcome) -> Value:
    """Precision averaged over the classes that are predicted; the page of `precision` tells how."""
    confusion = outcome.confusion
    return mean_rate(np.diag(confusion).tolist(), confusion.sum(axis=0).tolist(), outcome.labelled)


PRECISION = PerformanceMetric(
    name="precision",
    prometheus="outrider_precision_ratio",
    help="Share of positive predictions that are right (macro average for several classes).",
    binary=precision,
    multiclass=precision_macro,
)
