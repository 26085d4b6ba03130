"""Group imbalance."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import GroupMetric, nothing
from monitor.tiles.group import ROWS


def group_imbalance(group: Sequence[int], base: Sequence[int]) -> Value:
    """How many more rows a group has than the base group, as a share of both.

    **What it tells.** Whether a group is so rare that a model has seen little of it, and that its other measures say little.

    **Formula.** (rows - rows of the base group) / (rows + rows of the base group), rows with a prediction.

    **Range.** -1 to 1; 0 is as many, near -1 the group is all but absent.

    **How to read.** Both counts are given as the reason. The interval is Wilson's of the share. SageMaker Clarify's CI has the opposite sign.

    **When it misleads.** The base group is the baseline's largest unless declared, so that values below 0 are usual. Against the baseline's own value
    it tells whether the mix of groups has moved.

    **Reference.** Wilson 1927; SageMaker Clarify, pre-training bias metrics (CI).

    >>> round(group_imbalance([100, 0, 0, 0, 0, 0], [300, 0, 0, 0, 0, 0]).value, 2)
    -0.5
    """
    n, n_base = group[ROWS], base[ROWS]
    if not n + n_base:
        return nothing(Status.NO_DATA, "no row of either group has a prediction")
    low, high = wilson(n, n + n_base)
    value = (n - n_base) / (n + n_base)
    return Value(
        value,
        min(value, 2.0 * low - 1.0),
        max(value, 2.0 * high - 1.0),
        n_window=n + n_base,
        reason=f"{n} rows against {n_base}",
    )


GROUP_IMBALANCE = GroupMetric(
    name="group_imbalance",
    prometheus="outrider_fairness_group_imbalance",
    help="Rows of group less rows of base group, as a share of both (-1 to 1).",
    of=group_imbalance,
)
