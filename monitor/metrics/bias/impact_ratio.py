"""Disparate impact ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.findings import Status, Value
from monitor.metrics.intervals import Z
from monitor.metrics.metric import GroupMetric, nothing
from monitor.tiles.group import ROWS, SELECTED


def impact_ratio(group: Sequence[int], base: Sequence[int]) -> Value:
    """Share of a group that the model predicts positive, over that of the base group.

    **What it tells.** The same as `parity_difference`, as a proportion: the form of the four-fifths rule.

    **Formula.** (selected / rows of the group) / (selected / rows of the base group).

    **Range.** 0 upward without bound; 1 is parity.

    **How to read.** Below 0.8 the four-fifths rule speaks of adverse impact. Both counts are given as the reason. The
    interval is the delta method's on the logarithm, with half a row added to each count so that it exists at 0.

    **When it misleads.** Small shares make large ratios: 2 in 1,000 against 1 in 1,000 is 2. Where nobody in the base
    group is selected it is undefined, never infinite.

    **Reference.** EEOC Uniform Guidelines 1978; Feldman et al. 2015; Katz et al. 1978; Walter 1975.

    >>> found = impact_ratio([400, 80, 0, 0, 0, 0], [600, 300, 0, 0, 0, 0])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.4, 0.325, 0.496)
    """
    n, n_base, x, x_base = group[ROWS], base[ROWS], group[SELECTED], base[SELECTED]
    if not n + n_base:
        return nothing(Status.NO_DATA, "no row of either group has a prediction")
    reason = f"{x} of {n} selected, {x_base} of {n_base}"
    if not n or not x_base:
        return nothing(Status.UNDEFINED, f"{reason}: a ratio to nothing is undefined", n_window=n + n_base)
    value = (x / n) / (x_base / n_base)
    middle = math.log((x + 0.5) / (n + 0.5)) - math.log((x_base + 0.5) / (n_base + 0.5))
    half = Z * math.sqrt(1 / (x + 0.5) - 1 / (n + 0.5) + 1 / (x_base + 0.5) - 1 / (n_base + 0.5))
    low, high = min(value, math.exp(middle - half)), max(value, math.exp(middle + half))
    return Value(value, low, high, n_window=n + n_base, reason=reason)


IMPACT_RATIO = GroupMetric(
    name="impact_ratio",
    prometheus="outrider_fairness_impact_ratio",
    help="Share predicted positive, group over base group (1: parity).",
    of=impact_ratio,
)
