"""Label parity difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.labels import positive_labels
from monitor.metrics.bias.rates import difference
from monitor.metrics.metric import GroupMetric


def label_parity_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """Share of positive labels in a group, less that in the base group.

    **What it tells.** Whether the truth itself, as far as it was recorded, differs between the groups: what a model that is right will show as
    disparity.

    **Formula.** positive / labelled of the group - positive / labelled of the base group.

    **Range.** -1 to 1; 0 is alike, below 0 the group has fewer positives.

    **How to read.** Both counts are given as the reason. The interval is Newcombe's. SageMaker Clarify's DPL has the opposite sign.

    **When it misleads.** Labels that are biased themselves (who was arrested, not who did it) make it a measure of that bias. Where the groups
    really differ it is not unfair by itself.

    **Reference.** Newcombe 1998; SageMaker Clarify, pre-training bias metrics (DPL).

    >>> round(label_parity_difference([100, 0, 20, 0, 50, 30], [100, 0, 10, 0, 70, 20]).value, 3)
    0.2
    """
    return difference(group, base, positive_labels, "labels positive")


LABEL_PARITY_DIFFERENCE = GroupMetric(
    name="label_parity_difference",
    prometheus="outrider_fairness_label_parity_difference",
    help="Share of positive labels, group less base group (-1 to 1).",
    of=label_parity_difference,
    needs_labels=True,
)
