"""The least parity difference that a window can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.findings import Status, Value
from monitor.metrics.bias.detectable import least_gap
from monitor.metrics.metric import GroupMetric, nothing
from monitor.tiles.group import ROWS, SELECTED


def detectable_parity_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """The least parity difference that so many rows would show in four windows of five.

    **What it tells.** Whether a quiet window means that the groups are treated alike, or only that there are too few rows to know.

    **Formula.** (1.96 + 0.84) sqrt(p (1 - p) (1/n + 1/n of the base group)), p the share of both groups together: a
    two-sided test at 5 % with a power of 80 %.

    **Range.** 0 to 1; less is better.

    **How to read.** Beside `parity_difference`: a value of that within an allowed range says nothing where this is wider than the
    range. The interval comes from that of p.

    **When it misleads.** It takes rows for independent; where one person sends many, less is seen than it says.

    **Reference.** Fleiss, Levin and Paik 2003.

    >>> found = detectable_parity_difference([100, 30, 0, 0, 0, 0], [400, 130, 0, 0, 0, 0])
    >>> round(found.value, 3)
    0.146
    """
    n, n_base = group[ROWS], base[ROWS]
    if not n + n_base:
        return nothing(Status.NO_DATA, "no row of either group has a prediction")
    reason = f"{n} rows against {n_base}"
    if not n or not n_base:
        return nothing(Status.UNDEFINED, reason + ": no gap can be seen", n_window=n + n_base)
    return replace(least_gap(group[SELECTED], n, base[SELECTED], n_base), reason=reason)


DETECTABLE_PARITY_DIFFERENCE = GroupMetric(
    name="detectable_parity_difference",
    prometheus="outrider_fairness_detectable_parity_difference",
    help="Least parity difference that the window's rows can show (0 to 1).",
    of=detectable_parity_difference,
)
