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
    shares, before = _shares(confusion[None], predicted[None])[0], of_class / n
    value = _distance(shares, before)
    others, answered = _drawn_anew(confusion, predicted)
    moved = _shares(others, answered) - others.sum(axis=1) / n
    # Drawn differences about the one found: their distance from it is the noise of each class.
    drawn = np.minimum(1.0, np.abs(moved - (shares - before)).sum(axis=1) / 2.0)
    noise = float(np.quantile(drawn, 0.95))
    reason = f"estimated shares {_told(shares)} against {_told(before)}; condition number {condition:.1f}"
    return Value(value, max(0.0, value - noise), min(1.0, value + noise), n_baseline=n, n_window=m, reason=reason)


def _drawn_anew(confusion: Ints, predicted: Ints) -> tuple[Ints, Ints]:
    """Both samples drawn again, DRAWS times. A class that a draw has lost keeps the rows it had."""
    n, m = int(confusion.sum()), int(predicted.sum())
    rng = np.random.default_rng(SEED)
    flat = confusion.ravel() / n
    # One row more, that answers as the baseline's did: rows that all said the same leave open what the next ones say.
    answers = (predicted + confusion.sum(axis=1) / n) / (m + 1)
    drawn = [(rng.multinomial(n, flat), rng.multinomial(m, answers)) for _ in range(DRAWS)]
    others = np.array([one for one, _ in drawn]).reshape(DRAWS, *confusion.shape)
    lost = others.sum(axis=1) == 0
    return np.where(lost[:, None, :], confusion, others), np.array([answered for _, answered in drawn])


def _shares(confusions: Ints, predicted: Ints) -> Floats:
    """Of each pair the labels' shares that give these answers, by ridge, on the simplex."""
    of_class = confusions.sum(axis=1)
    n, m = of_class.sum(axis=1), predicted.sum(axis=1)
    matrix, before, q = confusions / of_class[:, None, :], of_class / n[:, None], predicted / m[:, None]
    ridge = 1.0 / np.minimum(n, m)
    turned = matrix.transpose(0, 2, 1)
    squares = turned @ matrix + ridge[:, None, None] * np.eye(of_class.shape[1])
    wanted = turned @ q[:, :, None] + (ridge[:, None] * before)[:, :, None]
    return _on_simplex(np.linalg.solve(squares, wanted)[:, :, 0])


def _on_simplex(values: Floats) -> Floats:
    """Of each row the nearest shares: non-negative, of sum 1 (Duchi et al. 2008)."""
    k = values.shape[1]
    ranked = np.sort(values, axis=1)[:, ::-1]
    above = (np.cumsum(ranked, axis=1) - 1.0) / np.arange(1, k + 1)
    last = k - 1 - np.argmax((ranked > above)[:, ::-1], axis=1)
    found: Floats = np.maximum(values - np.take_along_axis(above, last[:, None], axis=1), 0.0)
    return found


def _distance(one: Floats, other: Floats) -> float:
    return min(1.0, float(np.abs(one - other).sum()) / 2.0)


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
