"""F1 of sets."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.accuracy.rates import NO_CLASS
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome_sets import MultilabelOutcome


def f1_samples(outcome: MultilabelOutcome) -> Value:
    """Mean over rows of the F1 of the set of labels that was said against the one that was true.

    **What it tells.** How well a row's whole answer fits, rows counted alike.

    **Formula.** mean of 2 |true and said| / (|true| + |said|); 1 where both are empty.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own. The interval is that of the mean over rows.

    **When it misleads.** Rows whose true set is empty give 0 or 1 and nothing between.

    **Reference.** `sklearn.metrics.f1_score(average="samples", zero_division=1)`; Godbole and Sarawagi 2004.

    >>> from monitor.tiles.outcome_sets import multilabel
    >>> from monitor.tiles.rows import Column
    >>> import numpy as np
    >>> true, said = (Column(np.array(sets * 10, object)) for sets in (["a|b", "b", ""], ["a", "b", ""]))
    >>> round(f1_samples(multilabel(true, said, ["a", "b"])).value, 4)
    0.8889
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, NO_CLASS)
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, "one row has no spread", n_window=n)
    found = mean_interval(float(outcome.sums[0]), float(outcome.sums[1]), n)
    if found is None:
        return nothing(Status.UNDEFINED, "sums are beyond what a double holds", n_window=n)
    mean, low, high = found
    return Value(mean, max(0.0, min(low, mean)), min(1.0, max(high, mean)), n_window=n)


F1_SAMPLES = PerformanceMetric(
    name="f1_samples",
    prometheus="outrider_f1_samples",
    help="Mean over rows of the F1 of their sets of labels (0 to 1).",
    multilabel=f1_samples,
)
