"""What a score means: the curve from score to the probability of a positive, learned from the baseline's labelled cells.

Candidates: the score itself; Platt's line on the logit; the beta curve (a line on ln s and on ln(1 - s)); isotonic
regression. The one with the least log loss on held-out rows is taken, the simpler one where they are within its noise.
All work on counts by cell, so the baseline's tile is all they need, and the same tile gives the same curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from monitor.metrics.accuracy.scores import centres
from monitor.tiles.estimator import Curve, Method
from monitor.tiles.numeric import SCORE_CELLS

Floats = npt.NDArray[np.float64]

LABELLED_MIN = 100
"""Labelled rows of a baseline for a curve."""
CLASS_MIN = 10
FOLDS = 5
SEED = 5
"""Of the folds' generator: the same counts give the same folds."""
NEWTON_STEPS = 50
PROBABILITY_MIN = 1e-6
"""A curve never says that something is impossible."""
RIDGE = 1e-3
"""Pseudo-rows that hold the line of a separable baseline finite."""

Fitted = tuple[Floats, Floats]
"""Values and factors of their covariance, by fine cell."""


def fit(positives: npt.NDArray[np.int64], negatives: npt.NDArray[np.int64]) -> Curve | None:
    """The curve of labelled counts by fine cell; None where they are too few."""
    p, n = int(positives.sum()), int(negatives.sum())
    if p + n < LABELLED_MIN or min(p, n) < CLASS_MIN:
        return None
    s = centres()
    losses = _held_out(positives, negatives, s)
    method = _chosen(losses)
    values, factors = METHODS[method](positives.astype(np.float64), negatives.astype(np.float64), s)
    held = np.flatnonzero(positives + negatives)
    low, high = held[0] / SCORE_CELLS, (held[-1] + 1) / SCORE_CELLS
    means: dict[str, float] = {name: float(mean) for name, (mean, _) in losses.items()}
    return Curve(method, values, factors, p + n, means, float(low), float(high))


def method_for(positives: npt.NDArray[np.int64], negatives: npt.NDArray[np.int64], s: Floats) -> Method:
    """The method that says best what labels rows have whose scores lie in cells about `s`."""
    return _chosen(_held_out(positives, negatives, s))


def values_of(method: Method, positives: npt.NDArray[np.int64], negatives: npt.NDArray[np.int64], s: Floats) -> Floats:
    """The probabilities that a method gives to the cells about `s`."""
    return METHODS[method](positives.astype(np.float64), negatives.astype(np.float64), s)[0]


def offset(curve: Curve, positives: Floats, negatives: Floats, cells: Floats) -> Curve | None:
    """The curve of a stratum: the whole's, moved on the logit by what its own labels say. `cells`: the curve by stratum cell."""
    p, n = float(positives.sum()), float(negatives.sum())
    if p + n < LABELLED_MIN or min(p, n) < CLASS_MIN:
        return None
    line = np.stack([np.ones_like(cells)], axis=1)
    beta, covariance = _logistic(line, positives, negatives, start=_logit(cells))
    moved = _expit(_logit(curve.values) + beta[0])
    slope = moved * (1.0 - moved)
    # What is unsure of the whole's curve stays unsure; a stratum of the same labels does not know it better.
    inherited = curve.factors * (slope / (curve.values * (1.0 - curve.values)))[:, None]
    own = (slope * np.sqrt(covariance[0, 0]))[:, None]
    return Curve(curve.method, moved, np.concatenate([own, inherited], axis=1), int(p + n), {}, curve.low, curve.high)


def reweighted(curve: Curve, positives: Floats, negatives: Floats, squares: Floats, cells: Floats) -> Curve:
    """The curve that weighted rows teach: a line on the whole's logit, pulled to the whole's own.

    `positives` and `negatives` are sums of weights by coarse cell, `squares` sums of squared weights; `cells` the whole's
    curve there. The covariance is the sandwich's, for weights are not counts.
    """
    base = _logit(cells)
    line = np.stack([np.ones_like(base), base], axis=1)
    prior = np.array([0.0, 1.0])
    beta, _ = _logistic(line, positives, negatives, prior=prior, ridge=1.0)
    p = _expit(line @ beta)
    hessian = (line * ((positives + negatives) * p * (1.0 - p))[:, None]).T @ line + np.eye(2)
    meat = (line * (squares * p * (1.0 - p))[:, None]).T @ line
    inverse = np.linalg.inv(hessian)
    covariance = inverse @ meat @ inverse
    fine = _logit(curve.values)
    values = _clipped(_expit(beta[0] + beta[1] * fine))
    slopes = np.stack([np.ones_like(fine), fine], axis=1) * (values * (1.0 - values))[:, None]
    return Curve(curve.method, values, slopes @ _root(covariance), curve.labelled, {}, curve.low, curve.high)


def _held_out(
    positives: npt.NDArray[np.int64], negatives: npt.NDArray[np.int64], s: Floats
) -> dict[Method, tuple[float, float]]:
    """Mean log loss of each method on rows it was not fitted on, and the standard error of what sets it apart from the best."""
    rng = np.random.default_rng(SEED)
    folds = [_folds(rng, counts) for counts in (positives, negatives)]
    total = float(positives.sum() + negatives.sum())
    by_cell: dict[Method, Floats] = {}
    squares: dict[Method, tuple[Floats, Floats]] = {}
    for name, method in METHODS.items():
        losses = np.zeros(len(s))
        rows_loss = (np.zeros((FOLDS, len(s))), np.zeros((FOLDS, len(s))))
        for fold in range(FOLDS):
            p, n = folds[0][fold], folds[1][fold]
            values, _ = method((positives - p).astype(np.float64), (negatives - n).astype(np.float64), s)
            rows_loss[0][fold], rows_loss[1][fold] = -np.log(values), -np.log1p(-values)
            losses += p * rows_loss[0][fold] + n * rows_loss[1][fold]
        by_cell[name], squares[name] = losses, rows_loss
    best = min(by_cell, key=lambda name: float(by_cell[name].sum()))
    found: dict[Method, tuple[float, float]] = {}
    for name, losses in by_cell.items():
        apart = [squares[name][side] - squares[best][side] for side in (0, 1)]
        square = float(sum((folds[side] * np.square(apart[side])).sum() for side in (0, 1)))
        found[name] = (float(losses.sum()) / total, float(np.sqrt(square)) / total)
    return found


def _chosen(losses: Mapping[Method, tuple[float, float]]) -> Method:
    """The first, so the simplest, that no other beats by more than one standard error."""
    best = min(mean for mean, _ in losses.values())
    return next(name for name, (mean, error) in losses.items() if mean <= best + error)


def _folds(rng: np.random.Generator, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each cell's rows dealt to the folds at random: int64 [folds, cells]."""
    return rng.multinomial(counts, np.full(FOLDS, 1.0 / FOLDS)).T.astype(np.int64)


def _identity(positives: Floats, negatives: Floats, s: Floats) -> Fitted:
    """The score itself, as unsure as a line fitted to these rows: that none was needed is not known for certain."""
    return _clipped(s), _platt(positives, negatives, s)[1]


def _platt(positives: Floats, negatives: Floats, s: Floats) -> Fitted:
    return _line(np.stack([np.ones(len(s)), _logit(s)], axis=1), positives, negatives)


def _beta(positives: Floats, negatives: Floats, s: Floats) -> Fitted:
    return _line(np.stack([np.ones(len(s)), np.log(s), -np.log1p(-s)], axis=1), positives, negatives)


def _line(columns: Floats, positives: Floats, negatives: Floats) -> Fitted:
    prior = np.ones(columns.shape[1])
    prior[0] = 0.0
    beta, covariance = _logistic(columns, positives, negatives, prior=prior)
    values = _clipped(_expit(columns @ beta))
    return values, (columns * (values * (1.0 - values))[:, None]) @ _root(covariance)


def _isotonic(positives: Floats, negatives: Floats, s: Floats) -> Fitted:
    """Pooled adjacent violators; between the middles of its blocks a straight line, so no jump at a block's end.

    Each block's share has its binomial variance, with half a row of either kind so that none is sure.
    """
    rows = positives + negatives
    held = np.flatnonzero(rows)
    blocks: list[list[float]] = []
    for cell in held.tolist():
        blocks.append([positives[cell], rows[cell], cell * rows[cell]])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    found = np.array(blocks)
    share = (found[:, 0] + 0.5) / (found[:, 1] + 1.0)
    middle = found[:, 2] / found[:, 1]
    cells = np.arange(len(s), dtype=np.float64)
    weights: Floats = np.stack([np.interp(cells, middle, unit) for unit in np.eye(len(middle))], axis=1)
    factors: Floats = np.asarray(weights * np.sqrt(share * (1.0 - share) / (found[:, 1] + 1.0)), np.float64)
    return _clipped(weights @ np.maximum.accumulate(share)), factors


METHODS: Mapping[Method, Callable[[Floats, Floats, Floats], Fitted]] = {
    "identity": _identity,
    "platt": _platt,
    "beta": _beta,
    "isotonic": _isotonic,
}
"""Simplest first."""


def _logistic(
    columns: Floats,
    positives: Floats,
    negatives: Floats,
    *,
    start: Floats | None = None,
    prior: Floats | None = None,
    ridge: float = RIDGE,
) -> tuple[Floats, Floats]:
    """Weights of a logistic line by Newton's steps, with their covariance. `start`: what is added to every row's logit."""
    k = columns.shape[1]
    centre = np.zeros(k) if prior is None else prior
    beta = centre.copy()
    added = 0.0 if start is None else start
    rows = positives + negatives

    def objective(at: Floats) -> float:
        eta = columns @ at + added
        loss = positives @ np.logaddexp(0.0, -eta) + negatives @ np.logaddexp(0.0, eta)
        return float(loss + 0.5 * ridge * np.square(at - centre).sum())

    value = objective(beta)
    hessian = np.eye(k)
    for _ in range(NEWTON_STEPS):
        p = _expit(columns @ beta + added)
        gradient = columns.T @ (rows * p - positives) + ridge * (beta - centre)
        hessian = (columns * (rows * p * (1.0 - p))[:, None]).T @ columns + ridge * np.eye(k)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6 and objective(beta - size * step) > value:
            size /= 2.0
        beta = np.asarray(beta - size * step, np.float64)
        value = objective(beta)
        if float(np.abs(size * step).max()) < 1e-9:
            break
    covariance: Floats = np.asarray(np.linalg.inv(hessian), np.float64)
    return beta, covariance


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    found: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return found


def _clipped(values: Floats) -> Floats:
    return np.clip(values, PROBABILITY_MIN, 1.0 - PROBABILITY_MIN)


def _logit(p: Floats) -> Floats:
    q = _clipped(p)
    found: Floats = np.log(q) - np.log1p(-q)
    return found


def _expit(x: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0)))
    return found
