"""Average odds difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.rates import labelled_rows, odds_gaps, told
from monitor.metrics.metric import GroupMetric


def average_odds_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """Mean of the gaps of true and of false positive rates between a group and the base group.

    **What it tells.** Whether the group is given positive answers more readily, deserved and undeserved together.

    **Formula.** ((TPR of the group - TPR of the base group) + (FPR of the group - FPR of the base group)) / 2, over
    labelled rows.

    **Range.** -1 to 1; below 0 the group gets fewer positive answers for the same truth.

    **How to read.** The signed gaps are given as the reason. The interval puts Newcombe's of both together. AIF360's
    has the same sign (unprivileged less privileged).

    **When it misleads.** Gaps of opposite sign cancel: `odds_difference` shows them. A group without labelled positives
    or negatives makes it undefined.

    **Reference.** Bellamy et al. 2019 (AIF360); Zou and Donner 2008.

    >>> found = average_odds_difference([100, 0, 30, 20, 30, 20], [100, 0, 45, 10, 40, 5])
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (-0.05, -0.167, 0.067)
    """
    gaps = odds_gaps(group, base)
    if isinstance(gaps, Value):
        return gaps
    *both, missing = gaps
    value = sum(gap.value for gap in both) / 2.0
    low = value - math.hypot(*(gap.value - gap.low for gap in both)) / 2.0
    high = value + math.hypot(*(gap.high - gap.value for gap in both)) / 2.0
    n = labelled_rows(group) + labelled_rows(base)
    return Value(value, max(-1.0, low), min(1.0, high), n_window=n, n_missing=missing, reason=told(*both))


AVERAGE_ODDS_DIFFERENCE = GroupMetric(
    name="average_odds_difference",
    prometheus="outrider_fairness_average_odds_difference",
    help="Mean gap of true and false positive rates, group less base group (-1 to 1).",
    of=average_odds_difference,
    needs_labels=True,
)
