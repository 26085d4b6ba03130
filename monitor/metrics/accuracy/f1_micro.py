"""F1 over all labels."""

from __future__ import annotations

import math

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN
from monitor.metrics.accuracy.rates import NO_CLASS
from monitor.metrics.intervals import Z, wilson
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome_sets import MultilabelOutcome


def f1_micro(outcome: MultilabelOutcome) -> Value:
    """F1 of all labels of all rows together, each label of each row counted alike.

    **What it tells.** How well labels are found, with the weight that they have in the data.

    **Formula.** 2 TP / (2 TP + FP + FN), counts over rows and labels.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own, and beside `f1`, the mean over labels: a gap says that rare labels are found less well. The
    interval is that of a ratio of sums over rows, so labels of one row need not be independent.

    **When it misleads.** Frequent labels hide rare ones.

    **Reference.** `sklearn.metrics.f1_score(average="micro")`; Cochran 1977 (ratio of means).

    >>> from monitor.tiles.outcome_sets import multilabel
    >>> from monitor.tiles.rows import Column
    >>> import numpy as np
    >>> true, said = (Column(np.array(sets * 10, object)) for sets in (["a|b", "b", ""], ["a", "b", ""]))
    >>> round(f1_micro(multilabel(true, said, ["a", "b"])).value, 4)
    0.8
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, NO_CLASS)
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, "one row has no spread", n_window=n)
    a, b, aa, ab, bb = outcome.sums[4:].tolist()
    if not b:
        return nothing(Status.UNDEFINED, "no row has a label, said or true", n_window=n)
    value = a / b
    spread = max(0.0, aa - 2.0 * value * ab + value * value * bb) / (n - 1)
    half = Z * math.sqrt(spread / n) / (b / n)
    # A table without a mistake has no spread: Wilson's interval of its rows says what few rows leave open.
    low, high = wilson(value * n, n)
    if half == 0.0:
        return Value(value, low, high, n_window=n)
    return Value(value, max(0.0, value - half), min(1.0, value + half), n_window=n)


F1_MICRO = PerformanceMetric(
    name="f1_micro",
    prometheus="outrider_f1_micro",
    help="F1 over all labels of all rows (0 to 1).",
    multilabel=f1_micro,
)
