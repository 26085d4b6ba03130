"""Negative predictive value difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.rates import difference
from monitor.metrics.metric import GroupMetric
from monitor.tiles.group import FALSE_NEGATIVES, TRUE_NEGATIVES


def negative_predictive_value_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """Share of right answers among a group's negative predictions, less that of the base group.

    **What it tells.** Whether being turned down means the same in both groups.

    **Formula.** TN / (TN + FN) of the group - TN / (TN + FN) of the base group, over labelled rows.

    **Range.** -1 to 1; 0 is alike, below 0 the group is turned down wrongly more often.

    **How to read.** Both counts are given as the reason. The interval is Newcombe's. It is SageMaker Clarify's DRR (difference in rejection
    rates), with the same sign, the base group being its advantaged facet.

    **When it misleads.** Where the groups' shares of positives differ, equal values here and equal error rates cannot both hold. A group without a
    negative prediction makes it undefined, never 0.

    **Reference.** Chouldechova 2017; Newcombe 1998; SageMaker Clarify, post-training bias metrics (DRR).

    >>> round(negative_predictive_value_difference([100, 50, 30, 20, 30, 20], [100, 50, 40, 10, 45, 5]).value, 2)
    -0.3
    """
    return difference(group, base, _negative_predictive_value, "negative answers right")


def _negative_predictive_value(counts: Sequence[int]) -> tuple[int, int]:
    return counts[TRUE_NEGATIVES], counts[TRUE_NEGATIVES] + counts[FALSE_NEGATIVES]


NEGATIVE_PREDICTIVE_VALUE_DIFFERENCE = GroupMetric(
    name="negative_predictive_value_difference",
    prometheus="outrider_fairness_negative_predictive_value_difference",
    help="Negative predictive value, group less base group (-1 to 1).",
    of=negative_predictive_value_difference,
    needs_labels=True,
)
