"""False positive rate difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.rates import difference, false_positive_rate
from monitor.metrics.metric import GroupMetric


def false_positive_rate_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """False positive rate of a group, less that of the base group.

    **What it tells.** Whether those who do not deserve a positive answer get one alike in both groups: who is wrongly
    accused more often, where positive is bad.

    **Formula.** FP / (FP + TN) of the group - FP / (FP + TN) of the base group, over labelled rows.

    **Range.** -1 to 1; 0 is parity, above 0 the group's negatives are called positive more often.

    **How to read.** Both counts are given as the reason. The interval is Newcombe's. AIF360 has the same sign
    (unprivileged less privileged); SageMaker Clarify's SD is the difference of specificities, minus this value.

    **When it misleads.** It needs labels, which come late and may come sooner for some outcomes. A group without
    labelled negatives makes it undefined, never 0.

    **Reference.** Chouldechova 2017; Newcombe 1998; `fairlearn.metrics.false_positive_rate`.

    >>> found = false_positive_rate_difference([100, 0, 30, 20, 30, 20], [100, 0, 45, 10, 40, 5])
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (0.2, 0.02, 0.364)
    """
    return difference(group, base, false_positive_rate, "negatives called positive")


FALSE_POSITIVE_RATE_DIFFERENCE = GroupMetric(
    name="false_positive_rate_difference",
    prometheus="outrider_fairness_false_positive_rate_difference",
    help="False positive rate, group less base group (-1 to 1).",
    of=false_positive_rate_difference,
    needs_labels=True,
)
