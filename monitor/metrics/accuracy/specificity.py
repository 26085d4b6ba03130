"""The specificity."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.rates import rate
from monitor.metrics.metric import PerformanceMetric
from monitor.tiles.outcome import BinaryOutcome


def specificity(outcome: BinaryOutcome) -> Value:
    """Share of negative labels that the model leaves alone.

    **What it tells.** How seldom it cries wolf: 1 less the false positive rate.

    **Formula.** TN / (TN + FP).

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


SPECIFICITY = PerformanceMetric(
    name="specificity",
    prometheus="outrider_specificity_ratio",
    help="Share of negative labels that were predicted negative.",
    binary=specificity,
)
