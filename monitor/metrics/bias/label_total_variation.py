"""Total variation distance of labels."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.labels import label_distance
from monitor.metrics.metric import GroupMetric


def _distance(rate: float, rate_base: float) -> float:
    return abs(rate - rate_base)


def label_total_variation(group: Sequence[int], base: Sequence[int]) -> Value:
    """Total variation distance between the labels of a group and those of the base group.

    **What it tells.** How much the labels of a group differ from those of the base group, before any model has a say.

    **Formula.** |q - q of the base group|, q the share of positive labels: half the sum over labels of the absolute differences.

    **Range.** 0 to 1; 0 is alike.

    **How to read.** Both counts are given as the reason. The interval is the range over the two Wilson intervals at 97.5 %, 0 where
    they meet. It is SageMaker Clarify's TVD.

    **When it misleads.** Labels that are biased themselves (who was arrested, not who did it) make it a measure of that bias. Where the groups
    really differ it is not unfair by itself.

    **Reference.** Wilson 1927; SageMaker Clarify, pre-training bias metrics (TVD).

    >>> round(label_total_variation([100, 0, 20, 0, 50, 30], [100, 0, 10, 0, 70, 20]).value, 3)
    0.2
    """
    return label_distance(group, base, _distance)


LABEL_TOTAL_VARIATION = GroupMetric(
    name="label_total_variation",
    prometheus="outrider_fairness_label_total_variation",
    help="Total variation distance of labels between group and base group (0 to 1).",
    of=label_total_variation,
    needs_labels=True,
)
