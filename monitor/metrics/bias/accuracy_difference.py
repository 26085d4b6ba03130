"""Accuracy difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.rates import accuracy, difference
from monitor.metrics.metric import GroupMetric


def accuracy_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """Share of right predictions in a group, less that in the base group.

    **What it tells.** Whether the model serves both groups equally well, every mistake counted alike.

    **Formula.** (TP + TN) / labelled rows of the group - (TP + TN) / labelled rows of the base group.

    **Range.** -1 to 1; 0 is parity, below 0 the model is wrong more often about the group.

    **How to read.** Both counts are given as the reason. The interval is Newcombe's. SageMaker Clarify's AD has the
    opposite sign.

    **When it misleads.** Equal accuracy can hide that one group suffers false positives and the other false negatives:
    see `treatment_equality` and `odds_difference`.

    **Reference.** Berk et al. 2021 (overall accuracy equality); Newcombe 1998.

    >>> found = accuracy_difference([100, 50, 30, 20, 30, 20], [100, 50, 40, 10, 45, 5])
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (-0.25, -0.363, -0.127)
    """
    return difference(group, base, accuracy, "predicted right")


ACCURACY_DIFFERENCE = GroupMetric(
    name="accuracy_difference",
    prometheus="outrider_fairness_accuracy_difference",
    help="Share predicted right, group less base group (-1 to 1).",
    of=accuracy_difference,
    needs_labels=True,
)
