"""Gini coefficient of the score."""

from __future__ import annotations

from dataclasses import replace

from monitor.findings import Value
from monitor.metrics.accuracy.roc_auc import roc_auc
from monitor.metrics.metric import PerformanceMetric
from monitor.tiles.outcome import BinaryOutcome


def gini(outcome: BinaryOutcome) -> Value:
    """Gini coefficient of the score (accuracy ratio, Somers' D): how well it ranks, on a scale from 0 to 1.

    **What it tells.** What `roc_auc` tells, in the unit of credit scoring.

    **Formula.** 2 AUC - 1.

    **Range.** -1 to 1; 0 is no better than chance, below 0 the score is turned round.

    **How to read.** Against the baseline's own. The interval is that of `roc_auc`, stretched alike.

    **When it misleads.** As the AUC: it knows nothing of calibration, nor of where a threshold lies.

    **Reference.** Somers 1962; `sklearn.metrics.roc_auc_score`.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> positives, negatives = np.zeros(1000, np.int64), np.zeros(1000, np.int64)
    >>> positives[[300, 800]], negatives[[200, 500]] = 20, 20
    >>> gini(replace(BinaryOutcome.empty(), positives=positives, negatives=negatives, scored=80)).value
    0.5
    """
    found = roc_auc(outcome)
    if found.value is None or found.low is None or found.high is None:
        return found
    return replace(found, value=2 * found.value - 1, low=2 * found.low - 1, high=2 * found.high - 1)


GINI = PerformanceMetric(
    name="gini",
    prometheus="outrider_gini",
    help="Gini coefficient of the score (2 AUC - 1).",
    binary=gini,
)
