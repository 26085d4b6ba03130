"""Equalized odds difference."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.bias.rates import Z_OF_TWO, labelled_rows, odds_gaps, told
from monitor.metrics.metric import GroupMetric


def odds_difference(group: Sequence[int], base: Sequence[int]) -> Value:
    """The larger of the gaps of true and of false positive rates between a group and the base group.

    **What it tells.** Whether the model's mistakes fall on both groups alike, of both kinds: equalized odds.

    **Formula.** max(|TPR of the group - TPR of the base group|, |FPR of the group - FPR of the base group|), over
    labelled rows.

    **Range.** 0 (equalized odds) to 1.

    **How to read.** The signed gaps are given as the reason. The interval is that of the larger gap, both gaps held by
    Newcombe's at 97.5 % and so together at 95 %; its lower end is 0 where both hold 0. Fairlearn's is the largest gap
    of any two groups; AIF360's `equalized_odds_difference` is the same as this one.

    **When it misleads.** A maximum is biased upward in small groups: judge the lower end. A group without labelled
    positives or negatives makes it undefined: tools that put 0 there call such a group fair.

    **Reference.** Hardt, Price and Srebro 2016; `fairlearn.metrics.equalized_odds_difference`; Newcombe 1998.

    >>> found = odds_difference([100, 0, 30, 20, 30, 20], [100, 0, 45, 10, 40, 5])
    >>> round(found.value, 2), found.reason
    (0.3, 'true positive rate -0.300, false positive rate +0.200')
    """
    gaps = odds_gaps(group, base, Z_OF_TWO)
    if isinstance(gaps, Value):
        return gaps
    *both, missing = gaps
    value = max(abs(gap.value) for gap in both)
    low = max(0.0, *(max(gap.low, -gap.high) for gap in both))
    high = max(max(gap.high, -gap.low) for gap in both)
    n = labelled_rows(group) + labelled_rows(base)
    return Value(value, low, high, n_window=n, n_missing=missing, reason=told(*both))


ODDS_DIFFERENCE = GroupMetric(
    name="odds_difference",
    prometheus="outrider_fairness_odds_difference",
    help="Larger gap of true and false positive rates between group and base group (0 to 1).",
    of=odds_difference,
    needs_labels=True,
)
