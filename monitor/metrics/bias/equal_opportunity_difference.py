"""Equal opportunity difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Status, Value
from monitor.metrics.intervals import newcombe
from monitor.metrics.metric import GroupMetric, nothing
from monitor.tiles.group import FALSE_NEGATIVES, FALSE_POSITIVES, ROWS, TRUE_NEGATIVES, TRUE_POSITIVES


def equal_opportunity_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """True positive rate of a group, less that of the base group.

    **What it tells.** Whether those who deserve a positive answer get it alike in both groups.

    **Formula.** TP / (TP + FN) of the group - TP / (TP + FN) of the base group, over labelled rows.

    **Range.** -1 to 1; 0 is equal opportunity, below 0 the group's positives are found less often.

    **How to read.** Both counts are given as the reason. The interval is Newcombe's.

    **When it misleads.** It needs labels, which come late and may come sooner for some outcomes. A group without
    labelled positives makes it undefined; tools that put 0 there call such a group maximally unfair, or fair.

    **Reference.** Hardt, Price and Srebro 2016; Newcombe 1998; `fairlearn.metrics.true_positive_rate`.

    >>> found = equal_opportunity_difference([100, 0, 30, 0, 50, 20], [100, 0, 45, 0, 50, 5])
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (-0.3, -0.449, -0.132)
    """
    positives = group[TRUE_POSITIVES] + group[FALSE_NEGATIVES]
    positives_base = base[TRUE_POSITIVES] + base[FALSE_NEGATIVES]
    labelled = positives + group[FALSE_POSITIVES] + group[TRUE_NEGATIVES]
    labelled += positives_base + base[FALSE_POSITIVES] + base[TRUE_NEGATIVES]
    missing = group[ROWS] + base[ROWS] - labelled
    if not labelled:
        return nothing(Status.NO_DATA, "no label of either group has come yet", n_missing=missing)
    reason = f"{group[TRUE_POSITIVES]} of {positives} positives found, {base[TRUE_POSITIVES]} of {positives_base}"
    if not positives or not positives_base:
        reason += ": a rate of no rows is undefined"
        return nothing(Status.UNDEFINED, reason, n_window=labelled, n_missing=missing)
    low, high = newcombe(group[TRUE_POSITIVES], positives, base[TRUE_POSITIVES], positives_base)
    value = group[TRUE_POSITIVES] / positives - base[TRUE_POSITIVES] / positives_base
    return Value(value, low, high, n_window=positives + positives_base, n_missing=missing, reason=reason)


EQUAL_OPPORTUNITY_DIFFERENCE = GroupMetric(
    name="equal_opportunity_difference",
    prometheus="outrider_fairness_equal_opportunity_difference",
    help="True positive rate, group less base group (-1 to 1).",
    of=equal_opportunity_difference,
    needs_labels=True,
)
