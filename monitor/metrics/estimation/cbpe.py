"""Confidence-based performance estimation on cells: what the labels of a window will most likely say, before they come.

Each row of cell s is a positive with probability c(s), the frozen curve. A metric M of the labels is a function of the
counts; its derivative by one row's label, d, is the same for all rows of a cell and decision. So the estimate is M at the
expected counts, and its interval has three parts:

* what the labels may still do: Σ n d² c (1 - c), the variance of independent draws (Poisson-binomial);
* what the baseline left unsure of the curve: the squared length of (Σ n d) · factors;
* where in its cell a row lies: Σ n |d| times half of what the curve changes within the cell, which is added whole.

It bounds the value that the labels of these very rows will give, not that of a population.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.findings import Status, Value
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.tiles.estimator import Curve
from monitor.tiles.scores import COARSE_CELLS, TAIL_CELLS, ScoreTile

Floats = npt.NDArray[np.float64]

FEW = "too few rows whose label could be either"

ROWS_MIN = 2
DRAWS_MIN = 3.0
"""Variance of a count from which its normal interval holds: about six rows that may be either."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A stratum's rows by cell and decision [cells, 2], beside what the curve says of the cell."""

    rows: Floats
    curve: Floats
    factors: Floats
    tails: Floats

    @property
    def n(self) -> float:
        return float(self.rows.sum())

    @property
    def scores(self) -> Floats:
        cells = len(self.curve)
        found: Floats = (np.arange(cells) + 0.5) / cells
        return found

    @property
    def positives(self) -> Floats:
        found: Floats = self.rows.sum(axis=1) * self.curve
        return found

    @property
    def negatives(self) -> Floats:
        found: Floats = self.rows.sum(axis=1) * (1.0 - self.curve)
        return found

    @classmethod
    def of(cls, rows: npt.NDArray[np.int64], curve: Curve, tails: Floats | None = None) -> Expected:
        """Rows of one stratum, on the fine or on the coarse cells."""
        values, factors = curve.values, curve.factors
        if len(rows) == COARSE_CELLS:
            values = values.reshape(COARSE_CELLS, -1).mean(axis=1)
            factors = factors.reshape(COARSE_CELLS, -1, factors.shape[1]).mean(axis=1)
        return cls(rows.astype(np.float64), values, factors, np.zeros((2, TAIL_CELLS)) if tails is None else tails)


Estimate = tuple[float, Floats]
"""A value, and its derivative by the label of a row of each cell and decision."""
Measure = Callable[[Expected], Estimate | str]
"""A string says why there is no value."""


def accuracy(e: Expected) -> Estimate | str:
    d = np.empty_like(e.rows)
    d[:, 0], d[:, 1] = -1.0 / e.n, 1.0 / e.n
    right = float(e.rows[:, 1] @ e.curve + e.rows[:, 0] @ (1.0 - e.curve))
    return right / e.n, d


def precision(e: Expected) -> Estimate | str:
    selected = float(e.rows[:, 1].sum())
    if not selected:
        return "no prediction is positive"
    d = np.zeros_like(e.rows)
    d[:, 1] = 1.0 / selected
    return float(e.rows[:, 1] @ e.curve) / selected, d


def recall(e: Expected) -> Estimate | str:
    positives = float(e.positives.sum())
    if positives < ROWS_MIN:
        return f"{positives:.2g} positives are expected, {ROWS_MIN} needed"
    value = float(e.rows[:, 1] @ e.curve) / positives
    d = np.full_like(e.rows, -value / positives)
    d[:, 1] += 1.0 / positives
    return value, d


def specificity(e: Expected) -> Estimate | str:
    negatives = float(e.negatives.sum())
    if negatives < ROWS_MIN:
        return f"{negatives:.2g} negatives are expected, {ROWS_MIN} needed"
    value = float(e.rows[:, 0] @ (1.0 - e.curve)) / negatives
    d = np.full_like(e.rows, value / negatives)
    d[:, 0] -= 1.0 / negatives
    return value, d


def f1(e: Expected) -> Estimate | str:
    size = float(e.rows[:, 1].sum() + e.positives.sum())
    if float(e.positives.sum()) < ROWS_MIN:
        return f"{float(e.positives.sum()):.2g} positives are expected, {ROWS_MIN} needed"
    value = 2.0 * float(e.rows[:, 1] @ e.curve) / size
    d = np.full_like(e.rows, -value / size)
    d[:, 1] += 2.0 / size
    return value, d


def roc_auc(e: Expected) -> Estimate | str:
    p, n = e.positives, e.negatives
    ps, ns = float(p.sum()), float(n.sum())
    if min(ps, ns) < ROWS_MIN:
        return f"{ps:.2g} positives and {ns:.2g} negatives are expected, {ROWS_MIN} of each needed"
    beaten = np.cumsum(n) - n / 2.0
    beating = ps - np.cumsum(p) + p / 2.0
    value = float(p @ beaten) / (ps * ns)
    by_cell = (beaten - beating) / (ps * ns) - value * (ns - ps) / (ps * ns)
    return value, np.repeat(by_cell[:, None], 2, axis=1)


def log_loss(e: Expected) -> Estimate | str:
    """The loss of the raw scores; in the outer cells by the mean logarithm of the rows there."""
    rows = e.rows.sum(axis=1)
    positive, negative = -np.log(e.scores), -np.log1p(-e.scores)
    low, high = rows[:TAIL_CELLS], rows[-TAIL_CELLS:]
    positive[:TAIL_CELLS] = np.where(low > 0, -e.tails[0] / np.maximum(low, 1.0), positive[:TAIL_CELLS])
    negative[-TAIL_CELLS:] = np.where(high > 0, -e.tails[1] / np.maximum(high, 1.0), negative[-TAIL_CELLS:])
    value = float(rows @ (e.curve * positive + (1.0 - e.curve) * negative)) / e.n
    return value, np.repeat(((positive - negative) / e.n)[:, None], 2, axis=1)


def brier_score(e: Expected) -> Estimate | str:
    rows, s = e.rows.sum(axis=1), e.scores
    value = float(rows @ (e.curve * (1.0 - s) ** 2 + (1.0 - e.curve) * s**2)) / e.n
    return value, np.repeat(((1.0 - 2.0 * s) / e.n)[:, None], 2, axis=1)


SHARES: Mapping[str, Measure] = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "f1": f1,
    "roc_auc": roc_auc,
}
"""On [0, 1]: their interval is taken on the logit, so that it never leaves it."""
LOSSES: Mapping[str, Measure] = {"log_loss": log_loss, "brier_score": brier_score}
MEASURES: Mapping[str, Measure] = {**SHARES, **LOSSES}


@dataclass(frozen=True, slots=True)
class Spread:
    """A value with the variance of its labels and curve together, and the bound of its cells."""

    value: float
    variance: float
    bound: float
    draws: float
    """Variance of the labels in units of a row's: under DRAWS_MIN no normal law describes it."""


def spread(measure: Measure, expected: Expected) -> Spread | str:
    """What a measure is expected to be, and how sure; or why there is none."""
    if expected.n < ROWS_MIN:
        return f"{expected.n:g} rows have a score, {ROWS_MIN} needed"
    found = measure(expected)
    if isinstance(found, str):
        return found
    value, d = found
    by_cell = (expected.rows * d).sum(axis=1)
    c = expected.curve
    labels = float((expected.rows * d * d).sum(axis=1) @ (c * (1.0 - c)))
    curve = float(np.square(by_cell @ expected.factors).sum())
    bound = float(np.abs(expected.rows * d).sum(axis=1) @ np.abs(np.gradient(c))) / 2.0
    if labels <= 0.0:
        return Spread(value, curve, bound, 0.0)
    # The square of how far a row's label moves the value, as its variance weighs it.
    step = float((expected.rows * d**4).sum(axis=1) @ (c * (1.0 - c))) / labels
    # Half a step is what a smooth law leaves out.
    return Spread(value, labels + curve, bound + math.sqrt(step) / 2.0, labels / step)


def estimate(name: str, expected: Expected) -> Value:
    """One metric of MEASURES with its interval at 95 %."""
    n = int(expected.n)
    if not n:
        return nothing(Status.NO_DATA, "no row has a score on [0, 1] and a decision")
    found = spread(MEASURES[name], expected)
    if isinstance(found, str):
        return nothing(Status.UNDEFINED, found, n_window=n)
    half = Z * math.sqrt(found.variance)
    value = found.value
    few = found.draws < DRAWS_MIN
    status, reason = (Status.INSUFFICIENT_DATA, FEW) if few else (Status.OK, None)
    if name in LOSSES:
        wide = half + found.bound + _bend(name, expected)
        low, high = max(0.0, value - wide), value + wide
    else:
        low, high = on_logit(value, half)
        low, high = max(0.0, low - found.bound), min(1.0, high + found.bound)
    return Value(value, low, high, n_window=n, status=status, reason=reason)


def _bend(name: str, expected: Expected) -> float:
    """What a loss may change from the middle of a cell to its ends, averaged over the rows."""
    s, half = expected.scores, 0.5 / len(expected.curve)
    rows = expected.rows.sum(axis=1)
    if name == "brier_score":
        slope = 2.0 * (expected.curve * (1.0 - s) + (1.0 - expected.curve) * s)
    else:
        slope = np.abs(expected.curve / np.maximum(s, half) - (1.0 - expected.curve) / np.maximum(1.0 - s, half))
    return float(rows @ slope) * half / expected.n


def on_logit(value: float, half: float) -> tuple[float, float]:
    """Ends of an interval of a share whose standard error times Z is `half`."""
    inner = min(max(value, 1e-9), 1.0 - 1e-9)
    scaled = min(half / (inner * (1.0 - inner)), 50.0)
    middle = math.log(inner / (1.0 - inner))
    low, high = (1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, middle + side * scaled)))) for side in (-1, 1))
    return min(low, value), max(high, value)


def labelled_rows(tile: ScoreTile, stratum: int = 0) -> npt.NDArray[np.int64]:
    """The rows of a stratum whose labels came, by cell and decision."""
    found = tile.labelled[stratum]
    rows: npt.NDArray[np.int64] = found[:, :2] + found[:, 2:]
    return rows
