"""Statistical parity difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Status, Value
from monitor.metrics.intervals import newcombe
from monitor.metrics.metric import GroupMetric, nothing
from monitor.tiles.group import ROWS, SELECTED


def parity_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """Share of a group that the model predicts positive, less that of the base group.

    **What it tells.** Whether the model's positive answers are dealt out alike, whatever the truth.

    **Formula.** selected / rows of the group - selected / rows of the base group. The base group is the baseline's
    largest unless declared.

    **Range.** -1 to 1; 0 is parity, below 0 the group is selected less often than the base group.

    **How to read.** Both counts are given as the reason. The interval is Newcombe's: a range such as [-0.1, 0.1] is
    broken for certain only where the whole interval lies outside it. AIF360 and TrustyAI have the same sign
    (unprivileged less privileged), SageMaker Clarify's DPPL the opposite one, Fairlearn the largest gap without sign.

    **When it misleads.** Groups may differ in what they ask for: parity can be unfair, disparity fair; see
    `equal_opportunity_difference`. A group without rows makes it undefined, never 0.

    **Reference.** Newcombe 1998; `fairlearn.metrics.demographic_parity_difference`.

    >>> found = parity_difference([400, 80, 0, 0, 0, 0], [600, 300, 0, 0, 0, 0])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (-0.3, -0.354, -0.242)
    """
    n, n_base = group[ROWS], base[ROWS]
    if not n + n_base:
        return nothing(Status.NO_DATA, "no row of either group has a prediction")
    if not n or not n_base:
        reason = f"{n} rows against {n_base}: a share of no rows is undefined"
        return nothing(Status.UNDEFINED, reason, n_window=n + n_base)
    low, high = newcombe(group[SELECTED], n, base[SELECTED], n_base)
    value = group[SELECTED] / n - base[SELECTED] / n_base
    reason = f"{group[SELECTED]} of {n} selected, {base[SELECTED]} of {n_base}"
    return Value(value, low, high, n_window=n + n_base, reason=reason)


PARITY_DIFFERENCE = GroupMetric(
    name="parity_difference",
    prometheus="outrider_fairness_parity_difference",
    help="Share predicted positive, group less base group (-1 to 1).",
    of=parity_difference,
)
