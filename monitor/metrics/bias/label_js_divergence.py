"""Jensen-Shannon divergence of labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.labels import label_distance
from monitor.metrics.metric import GroupMetric


def _divergence(rate: float, rate_base: float) -> float:
    found = 0.0
    for p, q in ((rate, rate_base), (1.0 - rate, 1.0 - rate_base)):
        mean = (p + q) / 2.0
        found += sum(x * math.log(x / mean) for x in (p, q) if x > 0.0) / 2.0
    return max(0.0, found)


def label_js_divergence(group: Sequence[int], base: Sequence[int]) -> Value:
    """Jensen-Shannon divergence, in nats, between the labels of a group and those of the base group.

    **What it tells.** How much the labels of a group differ from those of the base group, before any model has a say.

    **Formula.** (KL(p || a) + KL(p of the base group || a)) / 2 with a the mean of both, natural logarithms. No square root: it is the
    divergence, where `js_distance` is the root of it to base 2.

    **Range.** 0 to ln 2 = 0.693; 0 is alike.

    **How to read.** Both counts are given as the reason. The interval is the range over the two Wilson intervals at 97.5 %, 0 where
    they meet. It is SageMaker Clarify's JS.

    **When it misleads.** Labels that are biased themselves (who was arrested, not who did it) make it a measure of that bias. Where the groups
    really differ it is not unfair by itself.

    **Reference.** Lin 1991; SageMaker Clarify, pre-training bias metrics (JS).

    >>> round(label_js_divergence([100, 0, 20, 0, 50, 30], [100, 0, 10, 0, 70, 20]).value, 4)
    0.021
    """
    return label_distance(group, base, _divergence)


LABEL_JS_DIVERGENCE = GroupMetric(
    name="label_js_divergence",
    prometheus="outrider_fairness_label_js_divergence",
    help="Jensen-Shannon divergence of labels between group and base group (0 to 0.693 nats).",
    of=label_js_divergence,
    needs_labels=True,
)
