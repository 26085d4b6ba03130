"""The balanced accuracy."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.accuracy.rates import mean_rate
from monitor.metrics.accuracy.recall import recall_macro
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome


def balanced_accuracy(outcome: BinaryOutcome | MulticlassOutcome) -> Value:
    """Share of right predictions, every class weighing alike whatever its rows.

    **What it tells.** What `accuracy` hides where one class is rare.

    **Formula.** The mean over the classes of the share of a class's labels that are predicted right. Binary:
    (`recall` + `specificity`) / 2.

    **Range.** 0 to 1; a constant answer has 1 / (number of classes).

    **How to read.** Against the baseline's own. The interval puts Wilson's of the classes together.

    **When it misleads.** A class with few rows weighs as much as the others and makes the interval wide. Where only one
    of two classes has labels it is undefined; of several classes those without labels do not enter.

    **Reference.** `sklearn.metrics.balanced_accuracy_score`; Brodersen et al. 2010; Zou and Donner 2008.

    >>> from dataclasses import replace
    >>> tile = replace(BinaryOutcome.empty(), true_positives=6, false_negatives=4, true_negatives=80, false_positives=20)
    >>> round(balanced_accuracy(tile).value, 4)
    0.7
    """
    if isinstance(outcome, MulticlassOutcome):
        return recall_macro(outcome)
    positives = outcome.true_positives + outcome.false_negatives
    negatives = outcome.true_negatives + outcome.false_positives
    if outcome.labelled and not (positives and negatives):
        reason = f"all {outcome.labelled} labels are {'positive' if positives else 'negative'}"
        return nothing(Status.UNDEFINED, reason, n_window=outcome.labelled)
    return mean_rate([outcome.true_positives, outcome.true_negatives], [positives, negatives], outcome.labelled)


BALANCED_ACCURACY = PerformanceMetric(
    name="balanced_accuracy",
    prometheus="outrider_balanced_accuracy_ratio",
    help="Mean over the classes of the share of their labels that were predicted right.",
    binary=balanced_accuracy,
    multiclass=balanced_accuracy,
)
