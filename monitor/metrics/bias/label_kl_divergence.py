"""Kullback-Leibler divergence of labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.labels import label_distance
from monitor.metrics.metric import GroupMetric


def _divergence(rate: float, rate_base: float) -> float:
    found = 0.0
    for p, q in ((rate_base, rate), (1.0 - rate_base, 1.0 - rate)):
        if p > 0.0:
            found += p * math.log(p / q) if q > 0.0 else math.inf
    return max(0.0, found)


def label_kl_divergence(group: Sequence[int], base: Sequence[int]) -> Value:
    """Kullback-Leibler divergence, in nats, of the labels of the base group from those of a group.

    **What it tells.** How much the labels of a group differ from those of the base group, before any model has a say.

    **Formula.** sum over labels p ln(p / q), p the shares of the base group, q those of the group, natural logarithms.

    **Range.** 0 upward; 0 is alike. Infinite, and so undefined, where the group has no row with a label that the base group has.

    **How to read.** Both counts are given as the reason. The interval is the range over the two Wilson intervals at 97.5 %, 0 where
    they meet. It is SageMaker Clarify's KL(Pa || Pd).

    **When it misleads.** Labels that are biased themselves (who was arrested, not who did it) make it a measure of that bias. Where the groups
    really differ it is not unfair by itself.

    **Reference.** Kullback and Leibler 1951; SageMaker Clarify, pre-training bias metrics (KL).

    >>> round(label_kl_divergence([100, 0, 20, 0, 50, 30], [100, 0, 10, 0, 70, 20]).value, 4)
    0.0823
    """
    return label_distance(group, base, _divergence)


LABEL_KL_DIVERGENCE = GroupMetric(
    name="label_kl_divergence",
    prometheus="outrider_fairness_label_kl_divergence",
    help="Kullback-Leibler divergence of the base group's labels from the group's (nats).",
    of=label_kl_divergence,
    needs_labels=True,
)
