"""Predictive parity difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.rates import difference, predictive_value
from monitor.metrics.metric import GroupMetric


def predictive_parity_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """Precision of a group, less that of the base group.

    **What it tells.** Whether a positive answer means the same in both groups.

    **Formula.** TP / (TP + FP) of the group - TP / (TP + FP) of the base group, over labelled rows.

    **Range.** -1 to 1; 0 is predictive parity, below 0 the group's positive answers are less often right.

    **How to read.** Both counts are given as the reason. The interval is Newcombe's. SageMaker Clarify's DAR has the
    opposite sign.

    **When it misleads.** Where the groups' shares of positives differ, predictive parity and equal error rates cannot
    both hold: choose which is due. A group without a positive prediction makes it undefined, never 0.

    **Reference.** Chouldechova 2017; Newcombe 1998; `sklearn.metrics.precision_score` by group.

    >>> found = predictive_parity_difference([100, 50, 30, 20, 30, 20], [100, 50, 40, 10, 45, 5])
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (-0.2, -0.364, -0.02)
    """
    return difference(group, base, predictive_value, "positive answers right")


PREDICTIVE_PARITY_DIFFERENCE = GroupMetric(
    name="predictive_parity_difference",
    prometheus="outrider_fairness_predictive_parity_difference",
    help="Precision, group less base group (-1 to 1).",
    of=predictive_parity_difference,
    needs_labels=True,
)
