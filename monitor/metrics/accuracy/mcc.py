"""The Matthews correlation coefficient."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from monitor.findings import Status, Value
from monitor.metrics.accuracy.rates import NO_CLASS
from monitor.metrics.intervals import Z
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome

SMOOTHING = 1.0
"""Rows spread evenly over the table before its spread is taken: a perfect table has none."""

Floats = npt.NDArray[np.float64]


def mcc(outcome: BinaryOutcome | MulticlassOutcome) -> Value:
    """Correlation of predicted class and label.

    **What it tells.** How well the whole table of predictions and labels hangs together; good only where all its
    cells are.

    **Formula.** Binary: (TP · TN - FP · FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN)). For several classes
    Gorodkin's R_K: (c N - Σ p t) / sqrt((N² - Σ p²)(N² - Σ t²)) with c right rows and p, t the rows predicted and
    labelled of each class.

    **Range.** -1 to 1; 0 is no better than chance. For several classes the least value is between -1 and 0.

    **How to read.** Against the baseline's own. The interval is the delta method's on Fisher's scale, one row being
    spread over the table first.

    **When it misleads.** It moves with the share of positives. Where all labels or all predictions are one class it is
    undefined, not 0.

    **Reference.** `sklearn.metrics.matthews_corrcoef`; Matthews 1975; Gorodkin 2004.

    >>> from dataclasses import replace
    >>> tile = replace(BinaryOutcome.empty(), true_positives=40, false_negatives=10, true_negatives=45, false_positives=5)
    >>> round(mcc(tile).value, 4)
    0.7035
    """
    n = outcome.labelled
    if not n:
        return nothing(Status.NO_DATA, NO_CLASS)
    confusion = _confusion(outcome)
    held = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    confusion = confusion[np.ix_(held, held)]
    if (confusion.sum(axis=1) > 0).sum() < 2 or (confusion.sum(axis=0) > 0).sum() < 2:
        what = "label" if (confusion.sum(axis=1) > 0).sum() < 2 else "predicted class"
        return nothing(Status.UNDEFINED, f"all {n} rows have one {what}", n_window=n)
    value, _ = _correlation(confusion)
    middle, variance = _correlation(confusion + SMOOTHING / confusion.size)
    half = Z * math.sqrt(variance) / (1.0 - middle * middle)
    low, high = math.tanh(math.atanh(middle) - half), math.tanh(math.atanh(middle) + half)
    return Value(value, min(low, value), max(high, value), n_window=n)


def _confusion(outcome: BinaryOutcome | MulticlassOutcome) -> Floats:
    if isinstance(outcome, MulticlassOutcome):
        return outcome.confusion.astype(np.float64)
    table = [[outcome.true_positives, outcome.false_negatives], [outcome.false_positives, outcome.true_negatives]]
    return np.array(table, np.float64)


def _correlation(confusion: Floats) -> tuple[float, float]:
    """The coefficient of a table label × prediction, and its variance."""
    n = float(confusion.sum())
    shares = confusion / n
    labelled, predicted = shares.sum(axis=1), shares.sum(axis=0)
    spread_labelled, spread_predicted = 1.0 - float(labelled @ labelled), 1.0 - float(predicted @ predicted)
    root = math.sqrt(spread_labelled * spread_predicted)
    value = (float(np.trace(shares)) - float(labelled @ predicted)) / root
    slope = (np.eye(len(shares)) - predicted[:, None] - labelled[None, :]) / root
    slope += value * (labelled[:, None] / spread_labelled + predicted[None, :] / spread_predicted)
    variance = (float((shares * slope**2).sum()) - float((shares * slope).sum()) ** 2) / n
    return min(1.0, max(-1.0, value)), max(0.0, variance)


MCC = PerformanceMetric(
    name="mcc",
    prometheus="outrider_mcc",
    help="Matthews correlation of predicted class and label (-1 to 1).",
    binary=mcc,
    multiclass=mcc,
)
