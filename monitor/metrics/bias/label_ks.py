"""Kolmogorov-Smirnov distance of labels."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.labels import label_distance
from monitor.metrics.metric import GroupMetric


def _distance(rate: float, rate_base: float) -> float:
    return max(abs(rate - rate_base), abs((1.0 - rate) - (1.0 - rate_base)))


def label_ks(group: Sequence[int], base: Sequence[int]) -> Value:
    """Largest difference between the shares that a label has in a group and in the base group.

    **What it tells.** How much the labels of a group differ from those of the base group, before any model has a say.

    **Formula.** max over labels |p(label) - p of the base group(label)|; of two labels both differences are the same.

    **Range.** 0 to 1; 0 is alike.

    **How to read.** Both counts are given as the reason. The interval is the range over the two Wilson intervals at 97.5 %, 0 where
    they meet. It is SageMaker Clarify's KS.

    **When it misleads.** Labels that are biased themselves (who was arrested, not who did it) make it a measure of that bias. Where the groups
    really differ it is not unfair by itself.

    **Reference.** Wilson 1927; SageMaker Clarify, pre-training bias metrics (KS).

    >>> round(label_ks([100, 0, 20, 0, 50, 30], [100, 0, 10, 0, 70, 20]).value, 3)
    0.2
    """
    return label_distance(group, base, _distance)


LABEL_KS = GroupMetric(
    name="label_ks",
    prometheus="outrider_fairness_label_ks",
    help="Largest difference of a label's share between group and base group (0 to 1).",
    of=label_ks,
    needs_labels=True,
)
