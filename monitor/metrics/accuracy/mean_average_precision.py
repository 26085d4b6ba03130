"""Mean average precision."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.lists import mean_of_lists
from monitor.metrics.metric import PerformanceMetric
from monitor.tiles.outcome_rankings import AVERAGE_PRECISION, RankingOutcome


def mean_average_precision(outcome: RankingOutcome) -> Value:
    """Mean over lists of the precision at the place of each relevant row.

    **What it tells.** Whether all that is relevant stands high, wherever a reader stops.

    **Formula.** of a list the mean over its relevant rows of (relevant rows up to this place) / (place). The mean over the lists whose every row has a label and that have something relevant. A list
    is the rows of one `query`, or of one request where none is declared; relevant is a label above 0.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own. The interval is that of the mean over lists, by the normal law.

    **When it misleads.** It knows no grades: a relevance of 1 counts as one of 5. Lists that wait for a label are left out and told as the reason; those with nothing
    relevant are too. A list whose rows lie in two windows counts as two.

    **Reference.** Manning, Raghavan and Schütze 2008; `sklearn.metrics.average_precision_score` of each list.

    >>> import numpy as np
    >>> tile = RankingOutcome(np.full((4, 2), [8.0, 6.5]), lists=10, irrelevant=2, labelled=120)
    >>> found = mean_average_precision(tile)
    >>> round(found.value, 2), found.reason
    (0.8, '10 lists; 2 with nothing relevant')
    """
    return mean_of_lists(outcome, AVERAGE_PRECISION)


MEAN_AVERAGE_PRECISION = PerformanceMetric(
    name="mean_average_precision",
    prometheus="outrider_mean_average_precision",
    help="Mean average precision of lists (0 to 1).",
    ranking=mean_average_precision,
)
