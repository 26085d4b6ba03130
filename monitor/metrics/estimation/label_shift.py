"""How far the labels have shifted, read off the predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.joined import classes_of
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome
from monitor.tiles.task import positive_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DRAWS = 400
"""Bootstrap draws of the interval."""
SEED = 11
CLASSES_MAX = 50
"""Beyond it the confusion matrix is estimated too poorly to be turned round."""
CLASS_MIN = 5
"""Labelled baseline rows of a class: one with fewer has no column of its own to read."""
CONDITION_MAX = 100.0
"""Condition number from which the predictions do not tell the classes apart."""


def label_shift(confusion: Ints, predicted: Ints) -> Value:
    """Total variation distance between the labels' shares, as the predictions reveal them, and the baseline's.

    **What it tells.** Whether another mix of classes comes in, before labels do: if the model's habits within each class
    are as on the baseline, the shares of its answers say what the shares of the truths must be.

    **Formula.** M π = q: M[i, j] = P(answer i | truth j) from the baseline's labels, q the window's answers. π is the ridge
    solution of it, pulled to the baseline's shares by 1 / rows, brought back to the simplex; the value is
    Σ |π - π₀| / 2. The reason gives the shares and the condition number of M.

    **Range.** 0 to 1.

    **How to read.** 0.1: one in ten labels would have to change. The interval is the basic bootstrap's (both samples are
    drawn anew, the window's with one row more that answers as the baseline did), so its lower end is 0 where chance explains the value.

    **When it misleads.** It rests on label shift: P(features | label) as before. Where that broke (covariate or concept
    drift), π is wrong without a sign of it. A model that hardly tells classes apart gives no answer: with a condition
    number above 100 it is undefined.

    **Reference.** Lipton, Wang and Smola 2018 (BBSE, arXiv 1802.03916); Azizzadenesheli et al. 2019 (the ridge).

    >>> found = label_shift(np.array([[850, 30], [50, 70]]), np.array([700, 300]))
    >>> round(found.value, 3), found.reason
    (0.279, 'estimated shares 0.621, 0.379 against 0.900, 0.100; condition number 1.7')
    """
    n, m = int(confusion.sum()), int(predicted.sum())
    if not m:
        return nothing(Status.NO_DATA, "no row has a predicted class", n_baseline=n)
    of_class = confusion.sum(axis=0)
    if len(of_class) > CLASSES_MAX or int((of_class > 0).sum()) < 2:
        reason = f"{len(of_class)} classes, 2 to {CLASSES_MAX} needed"
        return nothing(Status.UNDEFINED, reason, n_baseline=n, n_window=m)
    if int(of_class.min()) < CLASS_MIN:
        reason = f"a class has {int(of_class.min())} labelled baseline rows, {CLASS_MIN} needed"
        return nothing(Status.UNDEFINED, reason, n_baseline=n, n_window=m)
    condition = float(np.linalg.cond(confusion / of_class))
    if not condition <= CONDITION_MAX:
        reason = f"the predictions do not tell the classes apart: condition number {condition:.3g}"
        return nothing(Status.UNDEFINED, reason, n_baseline=n, n_window=m)
    shares, before = _shares(confusion, predicted), of_class / n
    value = _distance(shares, before)
    rng = np.random.default_rng(SEED)
    drawn = np.empty(DRAWS)
    flat = confusion.ravel() / n
    # One row more, that answers as the baseline's did: rows that all said the same leave open what the next ones say.
    answers = (predicted + confusion.sum(axis=1) / n) / (m + 1)
    for i in range(DRAWS):
        other = rng.multinomial(n, flat).reshape(confusion.shape)
        other[:, other.sum(axis=0) == 0] = confusion[:, other.sum(axis=0) == 0]
        moved = _shares(other, rng.multinomial(m, answers)) - other.sum(axis=0) / n
        # Drawn differences about the one found: their distance from it is the noise of each class.
        drawn[i] = _half_sum(moved - (shares - before))
    noise = float(np.quantile(drawn, 0.95))
    reason = f"estimated shares {_told(shares)} against {_told(before)}; condition number {condition:.1f}"
    return Value(value, max(0.0, value - noise), min(1.0, value + noise), n_baseline=n, n_window=m, reason=reason)


def _shares(confusion: Ints, predicted: Ints) -> Floats:
    """The labels' shares that give these answers, by ridge, on the simplex."""
    of_class = confusion.sum(axis=0)
    matrix, before = confusion / of_class, of_class / of_class.sum()
    q = predicted / predicted.sum()
    ridge = 1.0 / min(of_class.sum(), predicted.sum())
    k = len(before)
    found = np.linalg.solve(matrix.T @ matrix + ridge * np.eye(k), matrix.T @ q + ridge * before)
    return _on_simplex(found)


def _on_simplex(values: Floats) -> Floats:
    """The nearest shares: non-negative, of sum 1 (Duchi et al. 2008)."""
    ranked = np.sort(values)[::-1]
    above = (np.cumsum(ranked) - 1.0) / np.arange(1, len(values) + 1)
    last = int(np.flatnonzero(ranked > above)[-1])
    found: Floats = np.maximum(values - above[last], 0.0)
    return found


def _distance(one: Floats, other: Floats) -> float:
    return _half_sum(one - other)


def _half_sum(differences: Floats) -> float:
    return min(1.0, float(np.abs(differences).sum()) / 2.0)


def _told(shares: Floats, most: int = 5) -> str:
    more = f" and {len(shares) - most} more" if len(shares) > most else ""
    return ", ".join(f"{share:.3f}" for share in shares[:most]) + more


@dataclass(frozen=True, slots=True)
class LabelShift:
    """Measured of models that answer with a class, where the baseline has labels."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Ints, Ints], Value]
    kind: AlertKind = AlertKind.PREDICTION_DRIFT
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        outcome, model = comparison.baseline.tiles.outcome, comparison.model
        if not model.estimation.enabled:
            return
        if isinstance(outcome, BinaryOutcome) and outcome.labelled:
            matrix = np.array(
                [
                    [outcome.true_negatives, outcome.false_negatives],
                    [outcome.false_positives, outcome.true_positives],
                ],
                np.int64,
            )
            predicted = _binary(comparison)
        elif isinstance(outcome, MulticlassOutcome) and outcome.labelled:
            k = len(outcome.confusion) - 1
            # Label x prediction, turned round; what is of no frozen class is left out on both sides.
            matrix, predicted = outcome.confusion[:k, :k].T, _classes(comparison, k)
        else:
            return
        if predicted is None:
            value = nothing(Status.NO_DATA, "the window's rows have no predicted class", n_baseline=int(matrix.sum()))
        else:
            value = self.of(matrix, predicted)
        missing = comparison.window.rows - value.n_window
        yield Measurement(self.name, self.kind, None, None, replace(value, n_missing=max(0, missing)))


def _binary(comparison: Comparison) -> Ints | None:
    tile, grid = _answers(comparison)
    if tile is None or grid is None:
        scores = comparison.window.scores.get("all")
        return None if scores is None else scores.rows[0].sum(axis=0)
    name = positive_of(comparison.model)
    positive = int(tile.counts[grid.categories.index(name)]) if name in grid.categories else 0
    return np.array([tile.n - positive, positive], np.int64) if tile.n else np.zeros(2, np.int64)


def _classes(comparison: Comparison, k: int) -> Ints | None:
    tile, grid = _answers(comparison)
    if tile is None or grid is None:
        return None
    at = {name: i for i, name in enumerate(grid.categories)}
    classes = classes_of(comparison.baseline.grids, comparison.model)[:k]
    return np.array([int(tile.counts[at[name]]) if name in at else 0 for name in classes], np.int64)


def _answers(comparison: Comparison) -> tuple[CategoricalTile | None, CategoricalGrid | None]:
    name = comparison.model.prediction.class_ or ""
    tile, grid = comparison.window.prediction.get(name), comparison.baseline.grids.prediction.get(name)
    if isinstance(tile, CategoricalTile) and isinstance(grid, CategoricalGrid):
        return tile, grid
    return None, None


LABEL_SHIFT = LabelShift(
    name="label_shift",
    prometheus="outrider_label_shift",
    help="Distance of the labels' shares, as the predictions reveal them, from the baseline's (0 to 1).",
    of=label_shift,
)
