"""Euclidean distance of labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.labels import label_distance
from monitor.metrics.metric import GroupMetric


def _distance(rate: float, rate_base: float) -> float:
    return math.sqrt(2.0) * abs(rate - rate_base)


def label_lp_norm(group: Sequence[int], base: Sequence[int]) -> Value:
    """Euclidean distance between the shares of labels of a group and of the base group.

    **What it tells.** How much the labels of a group differ from those of the base group, before any model has a say.

    **Formula.** sqrt(sum over labels (p - p of the base group)^2): sqrt(2) |q - q of the base group| with two labels.

    **Range.** 0 to sqrt(2); 0 is alike.

    **How to read.** Both counts are given as the reason. The interval is the range over the two Wilson intervals at 97.5 %, 0 where
    they meet. It is SageMaker Clarify's LP with p = 2.

    **When it misleads.** Labels that are biased themselves (who was arrested, not who did it) make it a measure of that bias. Where the groups
    really differ it is not unfair by itself.

    **Reference.** Wilson 1927; SageMaker Clarify, pre-training bias metrics (LP).

    >>> round(label_lp_norm([100, 0, 20, 0, 50, 30], [100, 0, 10, 0, 70, 20]).value, 3)
    0.283
    """
    return label_distance(group, base, _distance)


LABEL_LP_NORM = GroupMetric(
    name="label_lp_norm",
    prometheus="outrider_fairness_label_lp_norm",
    help="Euclidean distance of labels between group and base group (0 to 1.41).",
    of=label_lp_norm,
    needs_labels=True,
)
