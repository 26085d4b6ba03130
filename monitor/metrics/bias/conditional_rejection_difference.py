"""Conditional rejection difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.conditional import Parts, ratio_difference
from monitor.metrics.metric import GroupMetric
from monitor.tiles.group import FALSE_NEGATIVES, FALSE_POSITIVES, TRUE_NEGATIVES


def conditional_rejection_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """Negative labels for each negative prediction in a group, less those in the base group.

    **What it tells.** Whether the model rejects as many of a group as deserve it, beside what it does for the base group.

    **Formula.** (TN + FP) / (TN + FN) of the group - the same of the base group, over labelled rows.

    **Range.** Any number; 0 is alike, below 0 the group is rejected more than it deserves.

    **How to read.** The counts of both groups are given as the reason. The interval puts those of the two ratios together. It is
    SageMaker Clarify's DCR with the same sign, the base group being its advantaged facet.

    **When it misleads.** Errors of both kinds cancel in it: a model may be wrong on every row of a group and have a ratio of 1. A group without such
    an answer makes it undefined, never 0.

    **Reference.** SageMaker Clarify, post-training bias metrics; Zou and Donner 2008.

    >>> round(conditional_rejection_difference([100, 50, 30, 20, 30, 20], [100, 50, 40, 10, 45, 5]).value, 2)
    -0.1
    """
    return ratio_difference(group, base, [_parts(group), _parts(base)], ("negative", "rejected"))


def _parts(counts: Sequence[int]) -> Parts:
    return counts[TRUE_NEGATIVES], counts[FALSE_POSITIVES], counts[FALSE_NEGATIVES]


CONDITIONAL_REJECTION_DIFFERENCE = GroupMetric(
    name="conditional_rejection_difference",
    prometheus="outrider_fairness_conditional_rejection_difference",
    help="Negative labels for each negative prediction, group less base group (0: alike).",
    of=conditional_rejection_difference,
    needs_labels=True,
)
