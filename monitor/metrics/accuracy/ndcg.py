"""Normalised discounted cumulative gain."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.lists import mean_of_lists
from monitor.metrics.metric import PerformanceMetric
from monitor.tiles.outcome_rankings import GAIN, RankingOutcome


def ndcg(outcome: RankingOutcome) -> Value:
    """Normalised discounted cumulative gain at 10: how near the order of a list is to the best one.

    **What it tells.** Whether what matters most stands first, with relevance in grades.

    **Formula.** sum of label / log2(place + 1) over the first ten places, divided by that of the best order of the same rows. The mean over the lists whose every row has a label and that have something relevant. A list
    is the rows of one `query`, or of one request where none is declared; relevant is a label above 0.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own: what is a good value depends on how long lists are. The interval is that of the mean over lists, by the normal law.

    **When it misleads.** Short lists have high values whatever the model does. Lists that wait for a label are left out and told as the reason; those with nothing
    relevant are too. A list whose rows lie in two windows counts as two.

    **Reference.** Järvelin and Kekäläinen 2002; `sklearn.metrics.ndcg_score`.

    >>> import numpy as np
    >>> tile = RankingOutcome(np.full((4, 2), [8.0, 6.5]), lists=10, irrelevant=2, labelled=120)
    >>> found = ndcg(tile)
    >>> round(found.value, 2), found.reason
    (0.8, '10 lists; 2 with nothing relevant')
    """
    return mean_of_lists(outcome, GAIN)


NDCG = PerformanceMetric(
    name="ndcg",
    prometheus="outrider_ndcg",
    help="Normalised discounted cumulative gain at 10 (0 to 1).",
    ranking=ndcg,
)
