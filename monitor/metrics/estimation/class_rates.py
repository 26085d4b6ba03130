"""What labels are expected to say of a model of several classes: of each class against all others, and averaged over classes.

A row's label is one of the classes, with probabilities q that add up to 1. A rate of class c depends on two sums, those of q_c over
the rows that were said to be c and over all rows; so its change by a row's label, and with it the variance of any average over
classes, follows from sums of q and of its products (`ClassSums`), the dependence of the classes on each other included. How
unsure the curves are is the spread of the same rate with the curves of the baseline's folds (jackknife).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.findings import Status, Value
from monitor.metrics.estimation.cbpe import DRAWS_MIN, FEW, on_logit
from monitor.metrics.estimation.class_areas import areas, realised
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.tiles.class_scores import ROWS, ClassScoreTile, ClassSums
from monitor.tiles.estimator import FOLDS, ClassCurves

Floats = npt.NDArray[np.float64]

ROWS_MIN = 2.0
"""Expected rows of a class for a rate that divides by them."""
SURE = 0.05
"""Expected rows under which a class is taken to be absent."""
BASELINE_MIN = 10
"""Labelled baseline rows of a class for a curve of its own to mean something."""
STUDENT = (2.262157 / Z) ** 2
"""The spread of ten folds is known by nine degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate by class, and its derivatives by a row's label: `hit`, that the class was said and is true, and `true`, that it is true.

    NaN where a class has none.
    """

    value: Floats
    hit: Floats
    true: Floats


Measure = Callable[[Floats], Rate]
"""From a confusion matrix, label × prediction."""


def _over(above: Floats, below: Floats, least: float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below >= least, above / below, np.nan)


def precision(confusion: Floats) -> Rate:
    said = confusion.sum(axis=0)
    value = _over(np.diagonal(confusion), said, 1.0)
    return Rate(value, _over(np.ones_like(said), said, 1.0), np.zeros_like(said))


def recall(confusion: Floats) -> Rate:
    true = confusion.sum(axis=1)
    value = _over(np.diagonal(confusion), true, ROWS_MIN)
    return Rate(value, 1.0 / np.maximum(true, ROWS_MIN), -value / np.maximum(true, ROWS_MIN))


def f1(confusion: Floats) -> Rate:
    true, size = confusion.sum(axis=1), confusion.sum(axis=0) + confusion.sum(axis=1)
    value = np.where(true >= ROWS_MIN, _over(2.0 * np.diagonal(confusion), size, 1.0), np.nan)
    return Rate(value, 2.0 / np.maximum(size, 1.0), -value / np.maximum(size, 1.0))


def specificity(confusion: Floats) -> Rate:
    hits, true, said = np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    others = confusion.sum() - true
    value = np.where(true + said >= 1.0, _over(others - said + hits, others, ROWS_MIN), np.nan)
    return Rate(value, 1.0 / np.maximum(others, ROWS_MIN), (value - 1.0) / np.maximum(others, ROWS_MIN))


def accuracy(confusion: Floats) -> Rate:
    """Each class's part of the right rows: the average over classes, times their number."""
    n, k = max(float(confusion.sum()), 1.0), len(confusion)
    return Rate(np.diagonal(confusion) * k / n, np.full(k, k / n), np.zeros(k))


RATES: Mapping[str, Measure] = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "f1": f1,
}
AREA = "roc_auc"
NAMES = (*RATES, AREA)


@dataclass(frozen=True, slots=True)
class _Spread:
    """By class: values, values by fold [F, k]; and of weighted averages, the variance of labels and how it is made up."""

    value: Floats
    folds: Floats
    variance: Callable[[Floats], tuple[float, float, float]]
    """From weights of the classes: the variance, the mean square of a row's step, and what cells may hide."""


def macro(name: str, sums: ClassSums, curves: ClassCurves) -> Value:
    """The plain mean of a rate over the classes that occur, with its interval at 95 %."""
    if not sums.rows:
        return nothing(Status.NO_DATA, "no row has probabilities that add up and a class that is one of them")
    found = _spread(name, sums, curves)
    known = np.isfinite(found.value)
    if not known.any():
        return nothing(Status.UNDEFINED, "no class is expected to have rows enough", n_window=sums.rows)
    weights = known / known.sum()
    value = _judged(found, weights, sums.rows)
    unsure = np.flatnonzero(~known & (sums.cells[:, :, 0].sum(axis=1) >= SURE))
    few = np.flatnonzero(known & (curves.labels < BASELINE_MIN))
    if len(unsure) and name not in ("accuracy", "precision"):
        names = ", ".join(curves.classes[i] for i in unsure)
        reason = f"too few rows are expected to tell whether they count: {names}"
        return _without_verdict(value, reason)
    if len(few):
        return _without_verdict(value, _too_few(curves, few))
    return value


def one(name: str, at: int, sums: ClassSums, curves: ClassCurves) -> Value:
    """A rate of one class."""
    if not sums.rows:
        return nothing(Status.NO_DATA, "no row has probabilities that add up and a class that is one of them")
    found = _spread(name, sums, curves)
    if not np.isfinite(found.value[at]):
        expected = float(sums.cells[at, :, 0].sum())
        return nothing(Status.UNDEFINED, f"{expected:.2g} rows of it are expected", n_window=sums.rows)
    value = _judged(found, np.eye(len(curves.classes))[at], sums.rows)
    few = np.array([at]) if curves.labels[at] < BASELINE_MIN else np.zeros(0, np.intp)
    return _without_verdict(value, _too_few(curves, few)) if len(few) else value


def truth_of(name: str, tile: ClassScoreTile) -> Floats:
    """The rate by class that the labels gave, NaN where a class has none."""
    if name == AREA:
        return realised(tile.positives, tile.labelled.cells[:, :, ROWS])
    confusion = tile.truth.astype(np.float64)
    found = RATES[name](confusion).value
    if name in ("recall", "f1"):  # one row is enough where nothing is expected
        below = confusion.sum(axis=1) + (confusion.sum(axis=0) if name == "f1" else 0.0)
        found = _over(np.diagonal(confusion) * (2.0 if name == "f1" else 1.0), below, 1.0)
    return found


def occurring(name: str, sums: ClassSums) -> npt.NDArray[np.bool_]:
    """Classes that an average over the classes is expected to be of."""
    value = areas(sums).value if name == AREA else RATES[name](sums.confusion[0]).value
    found: npt.NDArray[np.bool_] = np.isfinite(value)
    return found


def expected_confusion(sums: ClassSums) -> tuple[Floats, Floats, Floats]:
    """Expected rows by class and by what was said, and the ends of what labels may give.

    The variance of a row's label, q (1 - q), is on average at most that of the mean q.
    """
    expected = sums.confusion[0]
    said = np.maximum(expected.sum(axis=0), 1e-300)
    labels = expected * np.maximum(0.0, 1.0 - expected / said)
    half = Z * np.sqrt(labels + _jackknife(sums.confusion[1:]))
    return expected, np.maximum(0.0, expected - half), np.minimum(expected.sum(axis=0), expected + half)


def _too_few(curves: ClassCurves, which: npt.NDArray[np.intp]) -> str:
    told = ", ".join(f"{curves.classes[i]} ({curves.labels[i]})" for i in which)
    return f"the baseline has too few labels of {told}"


def _without_verdict(value: Value, reason: str) -> Value:
    return Value(
        value.value, value.low, value.high, n_window=value.n_window, status=Status.INSUFFICIENT_DATA, reason=reason
    )


def _jackknife(folds: Floats) -> Floats:
    found: Floats = np.square(folds - folds.mean(axis=0)).sum(axis=0) * (FOLDS - 1) / FOLDS * STUDENT
    return found


def _judged(found: _Spread, weights: Floats, rows: int) -> Value:
    used = weights > 0
    value = float(found.value[used] @ weights[used])
    by_fold = np.nan_to_num(found.folds[:, used]) @ weights[used]
    labels, step, hidden = found.variance(weights)
    half = Z * math.sqrt(labels + float(_jackknife(by_fold)))
    low, high = on_logit(value, half)
    # Half a step is what a smooth law leaves out.
    bound = hidden + math.sqrt(step) / 2.0
    few = labels <= 0.0 or labels / max(step, 1e-300) < DRAWS_MIN
    status, reason = (Status.INSUFFICIENT_DATA, FEW) if few else (Status.OK, None)
    return Value(
        value, max(0.0, low - bound), min(1.0, high + bound), n_window=rows, status=status, reason=reason
    )  # fmt: skip


def _spread(name: str, sums: ClassSums, curves: ClassCurves) -> _Spread:
    if name == AREA:
        found = areas(sums)

        def of_areas(weights: Floats) -> tuple[float, float, float]:
            each = weights * np.sqrt(found.variance)
            variance = max(0.0, float(each @ curves.ranking @ each))
            plain = float((weights**2 * found.variance).sum())
            step = float((weights**4 * found.fourth).sum()) / plain if plain > 0.0 else 0.0
            return variance, step, float(weights @ found.hidden)

        return _Spread(found.value, found.folds, of_areas)
    measure = RATES[name]
    rate = measure(sums.confusion[0])
    folds = np.stack([measure(confusion).value for confusion in sums.confusion[1:]])

    def of_rates(weights: Floats) -> tuple[float, float, float]:
        used = weights > 0
        hit, true = (np.where(used, np.nan_to_num(d) * weights, 0.0) for d in (rate.hit, rate.true))
        return _labels(sums, hit, true)

    return _Spread(rate.value, folds, of_rates)


def _labels(sums: ClassSums, hit: Floats, true: Floats) -> tuple[float, float, float]:
    """Variance of Σ over rows of `true` of the label's class, and of `hit` where it is the class that was said; and a step's square."""
    expected, (every, said) = sums.confusion[0], sums.moments
    by_label = np.repeat(true[:, None], len(true), axis=1) + np.diag(hit)
    mean = float(true @ every @ true) + 2.0 * float(hit @ (said @ true)) + float(hit**2 @ np.diagonal(said))
    variance = max(0.0, float((expected * by_label**2).sum()) - mean)
    # Draws that may be either, of hits and of the rest, by how far each moves the value.
    open_hits = np.maximum(np.diagonal(expected) - np.diagonal(said), 0.0)
    open_rest = np.maximum(expected.sum(axis=1) - np.diagonal(every) - open_hits, 0.0)
    squares = open_hits @ (hit + true) ** 2 + open_rest @ true**2
    fourths = open_hits @ (hit + true) ** 4 + open_rest @ true**4
    return variance, float(fourths / squares) if squares > 0.0 else 0.0, 0.0
