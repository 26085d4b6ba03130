"""Freeze the curves of a model of several classes with a baseline, and count a window's rows by them.

A curve turns the probability of a class into a weight; the weights of a row, divided by their sum, are what its label will be.
Candidates: the probabilities themselves; one temperature for all classes and a bias each; a curve for each class by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.metrics.estimation import calibrate, trees
from monitor.metrics.estimation.class_areas import ranking_of
from monitor.tiles.class_scores import REWEIGHTED_METRICS, ClassScored, ClassScoreTile, class_cells, class_tile
from monitor.tiles.coding import encode
from monitor.tiles.estimator import CLASS_CELLS, CLASS_LOGIT_MAX, CLASSES_MAX, FOLDS, ClassCurves, ClassMethod
from monitor.tiles.forecasting import add_up, table_of
from monitor.tiles.rows import Rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LABELLED_MIN = 200
"""Labelled rows of a baseline for curves of several classes."""
PARTS = 5
LEARNED_ROWS_MAX = 20_000
"""Rows that a temperature is learned from, evenly spread: its k + 1 numbers are known well enough by then."""
NEWTON_STEPS = 50
STEP_MIN = 1e-6
RIDGE = 1e-2
"""Pseudo-rows that hold a bias finite where a class has no label."""
WEIGHT_MIN = 1e-12


def fit(rows: Rows, model: MonitoredModel) -> ClassCurves | None:
    """None where the declaration names no probabilities, too many classes, or too few labels came.

    The method is chosen on rows it has not seen, the simplest within one standard error of the best.
    """
    scored = class_scored(rows, model)
    if scored is None:
        return None
    known = np.flatnonzero(scored.truth >= 0)
    if len(known) < LABELLED_MIN:
        return None
    classes = tuple(model.prediction.probabilities)
    cells, truth = scored.cells[known], scored.truth[known]
    method = _chosen(cells, truth, len(classes))
    # That nothing had to be turned is not known for certain: the folds then tell how unsure a temperature would be.
    fitted: ClassMethod = "temperature" if method == "identity" else method
    whole = METHODS[fitted](cells, truth, len(classes))
    own = METHODS[method](cells, truth, len(classes))
    fold = np.arange(len(known)) * FOLDS // len(known)
    kept = (np.flatnonzero(fold != out) for out in range(FOLDS))
    folds = [own * METHODS[fitted](cells[rest], truth[rest], len(classes)) / whole for rest in kept]
    curves = np.clip(np.stack([own, *folds]), WEIGHT_MIN, 1.0 / WEIGHT_MIN)
    labels = np.bincount(truth, minlength=len(classes)).astype(np.int64)
    found = ClassCurves(classes, method, curves, np.eye(len(classes)), labels)
    return replace(found, ranking=ranking_of(cells, found))


def _chosen(cells: Ints, truth: Ints, k: int) -> ClassMethod:
    """By the log loss of what was left out of the fit, rows dealt to the parts in turn."""
    part = np.arange(len(truth)) % PARTS
    losses: dict[ClassMethod, Floats] = {name: np.zeros(len(truth)) for name in METHODS}
    for out in range(PARTS):
        held, rest = np.flatnonzero(part == out), np.flatnonzero(part != out)
        for name, method in METHODS.items():
            weights = method(cells[rest], truth[rest], k)[np.arange(k), cells[held]]
            own = weights[np.arange(len(held)), truth[held]] / weights.sum(axis=1)
            losses[name][held] = -np.log(np.maximum(own, WEIGHT_MIN))
    best = min(losses.values(), key=lambda loss: float(loss.mean()))
    for name, loss in losses.items():
        away = loss - best
        if away.mean() <= away.std() / math.sqrt(len(away)):
            return name
    raise AssertionError("the best is no worse than itself")


def _identity(cells: Ints, truth: Ints, k: int) -> Floats:
    return np.tile(centres(), (k, 1))


def _temperature(cells: Ints, truth: Ints, k: int) -> Floats:
    """p^a e^b, one power for all classes and a bias each."""
    at = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), LEARNED_ROWS_MAX)).astype(np.int64))
    middles = np.log(centres())
    theta = power_and_biases(middles[cells[at]], truth[at], RIDGE)
    found: Floats = np.exp(np.clip(theta[0] * middles + theta[1:, None], -50.0, 50.0))
    return found


def power_and_biases(x: Floats, truth: Ints, ridge: float) -> Floats:
    """a and b [k] of weights w^a e^b, of which `x` [n, k] are the logarithms: by Newton's steps on the multinomial likelihood, about a = 1
    and b = 0, to which `ridge` pseudo-rows pull. Only ratios between classes count: b adds up to 0."""
    k = x.shape[1]
    y = np.eye(k)[truth]
    theta = np.zeros(1 + k)
    theta[0] = 1.0
    start = theta.copy()

    def loss(at: Floats) -> float:
        score = at[0] * x + at[1:]
        most = score.max(axis=1)
        total = np.log(np.exp(score - most[:, None]).sum(axis=1)) + most
        return float(total.sum() - (score * y).sum() + ridge / 2.0 * np.square(at - start).sum())

    value = loss(theta)
    for _ in range(NEWTON_STEPS):
        score = theta[0] * x + theta[1:]
        q = np.exp(score - score.max(axis=1, keepdims=True))
        q /= q.sum(axis=1, keepdims=True)
        mean = (q * x).sum(axis=1, keepdims=True)
        gradient = np.concatenate([[((q - y) * x).sum()], (q - y).sum(axis=0)]) + ridge * (theta - start)
        hessian = ridge * np.eye(1 + k)
        hessian[0, 0] += (q * (x - mean) ** 2).sum()
        hessian[0, 1:] += (q * (x - mean)).sum(axis=0)
        hessian[1:, 0] = hessian[0, 1:]
        hessian[1:, 1:] += np.diag(q.sum(axis=0)) - np.einsum("ni,nj->ij", q, q)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > STEP_MIN and loss(theta - size * step) > value:
            size /= 2.0
        theta = theta - size * step
        value = loss(theta)
        if float(np.abs(size * step).max()) < STEP_MIN:
            break
    theta[1:] -= theta[1:].mean()
    return theta


def _one_against_rest(cells: Ints, truth: Ints, k: int) -> Floats:
    """The curve of each class against all others, chosen for it among those of two classes."""
    middles = centres()
    found = np.empty((k, CLASS_CELLS))
    for c in range(k):
        right = truth == c
        positives, negatives = (
            np.bincount(cells[which, c], minlength=CLASS_CELLS).astype(np.int64) for which in (right, ~right)
        )
        method = calibrate.method_for(positives, negatives, middles)
        found[c] = calibrate.values_of(method, positives, negatives, middles)
    return found


METHODS: Mapping[ClassMethod, Callable[[Ints, Ints, int], Floats]] = {
    "identity": _identity,
    "temperature": _temperature,
    "one_against_rest": _one_against_rest,
}
"""Simplest first: weights by class and cell, from the cells and labels of rows."""


def centres() -> Floats:
    """The middle of each cell, on the logit."""
    half = CLASS_LOGIT_MAX / CLASS_CELLS
    logits = np.linspace(-CLASS_LOGIT_MAX + half, CLASS_LOGIT_MAX - half, CLASS_CELLS)
    found: Floats = 1.0 / (1.0 + np.exp(-logits))
    return found


def tile_of(rows: Rows, curves: ClassCurves, model: MonitoredModel) -> ClassScoreTile | None:
    """None where the rows lack one of the columns, or the declaration names other classes than the curves."""
    scored = class_scored(rows, model)
    if scored is None or tuple(model.prediction.probabilities) != curves.classes:
        return None
    if curves.regions is None or not any(model.asks_for(name) for name in REWEIGHTED_METRICS):
        return class_tile(scored, curves)
    tree = curves.regions.tree
    return class_tile(scored, curves, trees.leaf_of(trees.bins_for(rows, tree), tree, 0, len(rows))[scored.places])


def class_scored(rows: Rows, model: MonitoredModel) -> ClassScored | None:
    """The rows whose probabilities add up and whose class is one of them; the likeliest, where the model says none."""
    prediction = model.prediction
    names = tuple(prediction.probabilities.values())
    if not 2 <= len(names) <= CLASSES_MAX or any(name not in rows.columns for name in names):
        return None
    classes, table = tuple(prediction.probabilities), table_of(rows, names)
    k = len(classes)
    if prediction.class_ is None:
        said = table.argmax(axis=1) if len(table) else np.zeros(0, np.int64)
    elif prediction.class_ in rows.columns:
        said = encode(rows.columns[prediction.class_], classes).codes
    else:
        return None
    usable = add_up(table) & (said >= 0) & (said < k)
    truth = np.full(len(rows), -1) if rows.label is None else encode(rows.label, classes).codes
    truth = np.where((truth >= 0) & (truth < k), truth, -1)
    p = table[usable]
    p = p / p.sum(axis=1, keepdims=True)
    places = np.flatnonzero(usable)
    return ClassScored(class_cells(p), said[usable].astype(np.int64), truth[usable].astype(np.int64), places)
