"""Hamming loss."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.accuracy.rates import NO_CLASS
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome_sets import MultilabelOutcome


def hamming_loss(outcome: MultilabelOutcome) -> Value:
    """Share of all labels of all rows that are wrong: said and not true, or true and not said.

    **What it tells.** How many small mistakes there are, each label counted alike.

    **Formula.** (wrong labels) / (rows x labels that the baseline has).

    **Range.** 0 to 1; labels that the baseline has not can bring it above.

    **How to read.** Against the baseline's own: with many labels of which few are true it is small whatever the model says. The interval is
    that of the mean over rows.

    **When it misleads.** It rewards silence where labels are rare: see `f1_micro`.

    **Reference.** `sklearn.metrics.hamming_loss`; Tsoumakas and Katakis 2007.

    >>> from monitor.tiles.outcome_sets import multilabel
    >>> from monitor.tiles.rows import Column
    >>> import numpy as np
    >>> true, said = (Column(np.array(sets * 10, object)) for sets in (["a|b", "b", ""], ["a", "b", ""]))
    >>> round(hamming_loss(multilabel(true, said, ["a", "b"])).value, 4)
    0.1667
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, NO_CLASS)
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, "one row has no spread", n_window=n)
    size = len(outcome.counts) - 1
    found = mean_interval(float(outcome.sums[2]), float(outcome.sums[3]), n)
    if not size or found is None:
        return nothing(Status.UNDEFINED, "the baseline has no label", n_window=n)
    mean, low, high = (end / size for end in found)
    return Value(mean, max(0.0, min(low, mean)), max(high, mean), n_window=n)


HAMMING_LOSS = PerformanceMetric(
    name="hamming_loss",
    prometheus="outrider_hamming_loss",
    help="Share of labels that are wrong, over rows and labels.",
    multilabel=hamming_loss,
)
