"""Share of the rows of a class that were said to be of it."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.by_class import ClassMetric, Counts, class_rate


def class_recall(counts: Counts, labelled: int) -> Value:
    """Share of the rows of a class that were said to be of it.

    **What it tells.** Which class is overlooked.

    **Formula.** TP / (TP + FN) of the class.

    **Range.** 0 to 1.

    **How to read.** `feature` names the class; the 50 most frequent of the baseline have a value. The counts are the reason, the interval is Wilson's.

    **When it misleads.** A class that did not occur has none: undefined, not 0.

    **Reference.** `sklearn.metrics.recall_score(average=None)`; Wilson 1927.

    >>> found = class_recall((30, 10, 20), 200)
    >>> round(found.value, 3)
    0.6
    """
    hits, _, missed = counts
    return class_rate(hits, hits + missed, "no label is of this class", labelled)


CLASS_RECALL = ClassMetric(
    name="class_recall",
    prometheus="outrider_class_recall_ratio",
    help="Share of the rows of a class that were said to be of it.",
    of=class_recall,
)
