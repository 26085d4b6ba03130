"""Share of the rows said to be of a class that are."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.by_class import ClassMetric, Counts, class_rate


def class_precision(counts: Counts, labelled: int) -> Value:
    """Share of the rows said to be of a class that are.

    **What it tells.** Which class is said too often.

    **Formula.** TP / (TP + FP) of the class.

    **Range.** 0 to 1.

    **How to read.** `feature` names the class; the 50 most frequent of the baseline have a value. The counts are the reason, the interval is Wilson's.

    **When it misleads.** A class that is never said has none: undefined, not 0.

    **Reference.** `sklearn.metrics.precision_score(average=None)`; Wilson 1927.

    >>> found = class_precision((30, 10, 20), 200)
    >>> round(found.value, 3)
    0.75
    """
    hits, wrong, _ = counts
    return class_rate(hits, hits + wrong, "no row was said to be of this class", labelled)


CLASS_PRECISION = ClassMetric(
    name="class_precision",
    prometheus="outrider_class_precision_ratio",
    help="Share of the rows said to be of a class that are.",
    of=class_precision,
)
