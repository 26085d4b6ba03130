"""The least equal opportunity difference that a window can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.findings import Status, Value
from monitor.metrics.bias.detectable import least_gap
from monitor.metrics.bias.rates import labelled_rows, true_positive_rate, unlabelled
from monitor.metrics.metric import GroupMetric, nothing


def detectable_opportunity_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """The least equal opportunity difference that so many rows would show in four windows of five.

    **What it tells.** How large a gap of true positive rates would have to be, to be seen with so many positive labels in either group.

    **Formula.** (1.96 + 0.84) sqrt(p (1 - p) (1/n + 1/n of the base group)), p the share of both groups together: a
    two-sided test at 5 % with a power of 80 %.

    **Range.** 0 to 1; less is better.

    **How to read.** Beside `equal_opportunity_difference`: a value of that within an allowed range says nothing where this is wider than the
    range. The interval comes from that of p.

    **When it misleads.** It takes rows for independent; where one person sends many, less is seen than it says.

    **Reference.** Fleiss, Levin and Paik 2003.

    >>> found = detectable_opportunity_difference([100, 30, 20, 10, 60, 10], [400, 130, 80, 50, 250, 20])
    >>> round(found.value, 3)
    0.246
    """
    missing = unlabelled(group, base)
    if isinstance(missing, Value):
        return missing
    (x, n), (x_base, n_base) = true_positive_rate(group), true_positive_rate(base)
    reason = f"{n} positive labels against {n_base}"
    if not n or not n_base:
        rows = labelled_rows(group) + labelled_rows(base)
        return nothing(Status.UNDEFINED, reason + ": no gap can be seen", n_window=rows, n_missing=missing)
    return replace(least_gap(x, n, x_base, n_base), n_missing=missing, reason=reason)


DETECTABLE_OPPORTUNITY_DIFFERENCE = GroupMetric(
    name="detectable_opportunity_difference",
    prometheus="outrider_fairness_detectable_opportunity_difference",
    help="Least equal opportunity difference that the window's rows can show (0 to 1).",
    of=detectable_opportunity_difference,
    needs_labels=True,
)
