"""Precision at 10."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.lists import mean_of_lists
from monitor.metrics.metric import PerformanceMetric
from monitor.tiles.outcome_rankings import PRECISION, RankingOutcome


def precision_at_10(outcome: RankingOutcome) -> Value:
    """Share of the first ten places of a list that are relevant.

    **What it tells.** How much of a first page is of use.

    **Formula.** (relevant rows among the first ten) / 10. The mean over the lists whose every row has a label and that have something relevant. A list
    is the rows of one `query`, or of one request where none is declared; relevant is a label above 0.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own. The interval is that of the mean over lists, by the normal law.

    **When it misleads.** A list with fewer than ten relevant rows, or fewer than ten rows, cannot reach 1. Lists that wait for a label are left out and told as the reason; those with nothing
    relevant are too. A list whose rows lie in two windows counts as two.

    **Reference.** Manning, Raghavan and Schütze 2008.

    >>> import numpy as np
    >>> tile = RankingOutcome(np.full((4, 2), [8.0, 6.5]), lists=10, irrelevant=2, labelled=120)
    >>> found = precision_at_10(tile)
    >>> round(found.value, 2), found.reason
    (0.8, '10 lists; 2 with nothing relevant')
    """
    return mean_of_lists(outcome, PRECISION)


PRECISION_AT_10 = PerformanceMetric(
    name="precision_at_10",
    prometheus="outrider_precision_at_10",
    help="Share of the first ten places that are relevant (0 to 1).",
    ranking=precision_at_10,
)
