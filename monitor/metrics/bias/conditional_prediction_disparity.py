"""Conditional demographic disparity of predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.bias.disparity import StrataMetric, disparity
from monitor.tiles.group import ROWS, SELECTED


def conditional_prediction_disparity(group: Sequence[Sequence[int]], base: Sequence[Sequence[int]]) -> Value:
    """Share of a group among those the model refuses less its share among those it accepts, averaged over strata.

    **What it tells.** Whether the model refuses a group more than it accepts it even among rows that are alike in the declared
    `strata` (a department, a product, a region), which may explain a difference of the whole (Simpson's paradox).

    **Formula.** Σ over strata of n / Σn · (refused of the group / refused of both groups - accepted of the group / accepted of
    both groups), n the rows of both groups in the stratum. Given are the six counts of both groups in every stratum.

    **Range.** -1 to 1; 0 is no disparity, above 0 the group is refused more than it is accepted.

    **How to read.** Beside `parity_difference`: where that is wide and this is near 0, the groups differ in where they apply. The
    interval puts Newcombe's intervals of the strata together by their weights. With two groups it is SageMaker Clarify's CDDPL.

    **When it misleads.** A stratum in which all are accepted, or all refused, says nothing and is left out, with its rows in the
    reason; Clarify takes the empty share for 0, which makes the group look favoured or wronged there. Strata that are themselves the result of discrimination
    explain it away.

    **Reference.** Wachter, Mittelstadt and Russell 2021; Newcombe 1998; Zou and Donner 2008; SageMaker Clarify, CDDPL.

    >>> admitted = conditional_prediction_disparity([[80, 60, 0, 0, 0, 0], [20, 2, 0, 0, 0, 0]], [[20, 15, 0, 0, 0, 0], [80, 8, 0, 0, 0, 0]])
    >>> round(abs(admitted.value), 3)
    0.0
    """
    return disparity(group, base, _answers)


def _answers(counts: npt.NDArray[np.int64]) -> tuple[int, int]:
    return int(counts[ROWS] - counts[SELECTED]), int(counts[SELECTED])


CONDITIONAL_PREDICTION_DISPARITY = StrataMetric(
    name="conditional_prediction_disparity",
    prometheus="outrider_fairness_conditional_prediction_disparity",
    help="Group's share of the refused less its share of the accepted, within strata (-1 to 1).",
    of=conditional_prediction_disparity,
)
