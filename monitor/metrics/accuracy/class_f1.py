"""Harmonic mean of precision and recall of one class."""

from __future__ import annotations

from dataclasses import replace

from monitor.findings import Value
from monitor.metrics.accuracy.by_class import ClassMetric, Counts, class_rate


def class_f1(counts: Counts, labelled: int) -> Value:
    """Harmonic mean of precision and recall of one class.

    **What it tells.** Which class is told apart least well.

    **Formula.** 2 TP / (2 TP + FP + FN) of the class.

    **Range.** 0 to 1.

    **How to read.** `feature` names the class; the 50 most frequent of the baseline have a value. The interval is Wilson's on TP / (TP + FP + FN), of which F1 is a rising function.

    **When it misleads.** It moves with how frequent the class is. One that is neither said nor true has none.

    **Reference.** `sklearn.metrics.f1_score(average=None)`; van Rijsbergen 1979.

    >>> found = class_f1((30, 10, 20), 200)
    >>> round(found.value, 3)
    0.667
    """
    hits, wrong, missed = counts
    found = class_rate(hits, hits + wrong + missed, "no row is of this class, said or true", labelled)
    if found.value is None or found.low is None or found.high is None:
        return found
    value, low, high = (2.0 * share / (1.0 + share) for share in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)


CLASS_F1 = ClassMetric(
    name="class_f1",
    prometheus="outrider_class_f1_ratio",
    help="Harmonic mean of precision and recall of one class.",
    of=class_f1,
)
