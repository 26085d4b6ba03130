"""Mean reciprocal rank."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.lists import mean_of_lists
from monitor.metrics.metric import PerformanceMetric
from monitor.tiles.outcome_rankings import RECIPROCAL_RANK, RankingOutcome


def mean_reciprocal_rank(outcome: RankingOutcome) -> Value:
    """Mean over lists of 1 / (place of the first relevant row).

    **What it tells.** How far down the first answer lies that is of use.

    **Formula.** 1 / (place of the first relevant row). The mean over the lists whose every row has a label and that have something relevant. A list
    is the rows of one `query`, or of one request where none is declared; relevant is a label above 0.

    **Range.** 0 to 1.

    **How to read.** 1/2 is the second place on (harmonic) average. The interval is that of the mean over lists, by the normal law.

    **When it misleads.** What comes after the first relevant row does not count. Lists that wait for a label are left out and told as the reason; those with nothing
    relevant are too. A list whose rows lie in two windows counts as two.

    **Reference.** Voorhees 1999.

    >>> import numpy as np
    >>> tile = RankingOutcome(np.full((4, 2), [8.0, 6.5]), lists=10, irrelevant=2, labelled=120)
    >>> found = mean_reciprocal_rank(tile)
    >>> round(found.value, 2), found.reason
    (0.8, '10 lists; 2 with nothing relevant')
    """
    return mean_of_lists(outcome, RECIPROCAL_RANK)


MEAN_RECIPROCAL_RANK = PerformanceMetric(
    name="mean_reciprocal_rank",
    prometheus="outrider_mean_reciprocal_rank",
    help="Mean reciprocal rank of the first relevant row (0 to 1).",
    ranking=mean_reciprocal_rank,
)
