"""Conditional demographic disparity of labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.metrics.bias.disparity import StrataMetric, disparity
from monitor.tiles.group import FALSE_NEGATIVES, FALSE_POSITIVES, TRUE_NEGATIVES, TRUE_POSITIVES


def conditional_label_disparity(group: Sequence[Sequence[int]], base: Sequence[Sequence[int]]) -> Value:
    """Share of a group among negative labels less its share among positive ones, averaged over strata.

    **What it tells.** Whether the truth itself is dealt out unevenly among rows that are alike in the declared `strata`: what a
    model learns from such labels it repeats.

    **Formula.** Σ over strata of n / Σn · (negative labels of the group / negative of both groups - positive of the group /
    positive of both groups), n the labelled rows of both groups in the stratum. Given are the six counts of both groups in every stratum.

    **Range.** -1 to 1; 0 is no disparity, above 0 the group has more of the negative labels than of the positive.

    **How to read.** Beside `label_parity_difference`, which does not ask for strata. The interval puts Newcombe's intervals of the
    strata together by their weights. With two groups it is SageMaker Clarify's CDDL.

    **When it misleads.** As `conditional_prediction_disparity`: strata with one answer for all are left out, where Clarify
    takes the empty share for 0.

    **Reference.** Wachter, Mittelstadt and Russell 2021; Newcombe 1998; Zou and Donner 2008; SageMaker Clarify, CDDL.

    >>> round(conditional_label_disparity([[40, 0, 10, 0, 25, 5]], [[60, 0, 30, 0, 15, 15]]).value, 3)
    0.375
    """
    return disparity(group, base, _answers)


def _answers(counts: npt.NDArray[np.int64]) -> tuple[int, int]:
    negative = counts[FALSE_POSITIVES] + counts[TRUE_NEGATIVES]
    return int(negative), int(counts[TRUE_POSITIVES] + counts[FALSE_NEGATIVES])


CONDITIONAL_LABEL_DISPARITY = StrataMetric(
    name="conditional_label_disparity",
    prometheus="outrider_fairness_conditional_label_disparity",
    help="Group's share of negative labels less its share of positive ones, within strata (-1 to 1).",
    of=conditional_label_disparity,
    needs_labels=True,
)
