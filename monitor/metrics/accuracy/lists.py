"""A mean over the lists of a ranking."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.metric import nothing
from monitor.tiles.outcome_rankings import RankingOutcome


def mean_of_lists(outcome: RankingOutcome, which: int) -> Value:
    n = outcome.lists
    told = [f"{n:,} lists"]
    if outcome.irrelevant:
        told.append(f"{outcome.irrelevant:,} with nothing relevant")
    if outcome.partial:
        told.append(f"{outcome.partial:,} wait for labels")
    reason = "; ".join(told)
    if not outcome.labelled:
        return nothing(Status.NO_DATA, reason)
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, reason + ": a mean needs two", n_window=outcome.labelled)
    found = mean_interval(float(outcome.sums[which, 0]), float(outcome.sums[which, 1]), n)
    if found is None:
        return nothing(Status.UNDEFINED, "relevances are beyond what a double holds", n_window=outcome.labelled)
    mean, low, high = found
    return Value(mean, max(0.0, min(low, mean)), min(1.0, max(high, mean)), n_window=outcome.labelled, reason=reason)
