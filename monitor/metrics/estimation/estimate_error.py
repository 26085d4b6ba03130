"""How far an estimate was from what the labels said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.accuracy.accuracy import accuracy
from monitor.metrics.accuracy.brier_score import brier_score
from monitor.metrics.accuracy.f1 import f1
from monitor.metrics.accuracy.log_loss import log_loss
from monitor.metrics.accuracy.mae import mae
from monitor.metrics.accuracy.precision import precision
from monitor.metrics.accuracy.recall import recall
from monitor.metrics.accuracy.rmse import rmse
from monitor.metrics.accuracy.roc_auc import roc_auc
from monitor.metrics.accuracy.specificity import specificity
from monitor.metrics.estimation import cbpe, class_rates
from monitor.metrics.estimation.cbpe import Expected, labelled_rows
from monitor.metrics.estimation.estimated_mae import estimated_mae
from monitor.metrics.estimation.estimated_rmse import estimated_rmse
from monitor.metrics.estimation.forms import class_curves_of, importance_weighted, regional, scored, supported
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.class_scores import REWEIGHTED_METRICS as CLASS_METRICS
from monitor.tiles.class_scores import ClassScoreTile, ClassSums
from monitor.tiles.estimator import ClassCurves
from monitor.tiles.losses import LossTile
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from monitor.tiles.scores import TAIL_CELLS, TOTAL

BINARY: Mapping[str, Callable[[BinaryOutcome], Value]] = {
    "accuracy": accuracy,
    "f1": f1,
    "roc_auc": roc_auc,
    "log_loss": log_loss,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "brier_score": brier_score,
}


REWEIGHTED_METRICS = frozenset({"reweighted_log_loss"}) | CLASS_METRICS
"""Estimates that are calibrated where the window lies: held against the truth where a declaration asks for them."""


def estimate_error(estimated: Value, realised: Value) -> Value:
    """Realised value less the estimate, on the same labelled rows.

    **What it tells.** Whether estimates can be trusted for this model: they are held against the truth as soon as it is
    there, `reweighted_*` too where they are asked for. A difference beyond the interval is concept drift (the same rows, other labels), or an estimator at fault.

    **Formula.** metric of the labelled rows - its estimate for just these rows; the interval is that of the estimate, seen
    from the realised value. `feature` names the metric.

    **Range.** As that of a difference of the metric.

    **How to read.** The reason says whether the realised value lay within the estimate's interval; over many windows
    95 in 100 should (`estimate_inside_ratio`).

    **When it misleads.** Where labels come for some rows only, and their coming depends on what they say, the realised
    value is the biased one.

    **Reference.** Białek et al. 2024, arXiv 2401.08348 (evaluation by absolute error).

    >>> found = estimate_error(Value(0.86, 0.84, 0.88), Value(0.90, 0.88, 0.92))
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2), found.reason
    (0.04, 0.02, 0.06, 'realised 0.9000, estimated 0.8600 [0.8400, 0.8800]: outside')
    """
    e, r = estimated, realised
    for one in (e, r):
        if one.value is None:
            return nothing(one.status, one.reason or "there is no value to compare", n_window=r.n_window)
    if e.value is None or r.value is None or e.low is None or e.high is None:
        return nothing(Status.UNDEFINED, "the estimate has no interval", n_window=r.n_window)
    where = "inside" if e.low <= r.value <= e.high else "outside"
    reason = f"realised {r.value:.4f}, estimated {e.value:.4f} [{e.low:.4f}, {e.high:.4f}]: {where}"
    return Value(
        r.value - e.value, r.value - e.high, r.value - e.low, n_window=r.n_window, status=e.status, reason=reason
    )


def errors_of(comparison: Comparison) -> dict[str, Value]:
    """Every estimate that has a counterpart in the window's labels, held against it."""
    outcome = comparison.window.outcome
    if isinstance(outcome, RegressionOutcome):
        return _of_losses(comparison, outcome)
    if isinstance(outcome, MulticlassOutcome):
        return {**_of_classes(comparison), **_of_scores(comparison, outcome)}
    return _of_scores(comparison, outcome) if isinstance(outcome, BinaryOutcome) else {}


def counted(value: Value, comparison: Comparison) -> Value:
    """The value with the counts of both sides."""
    estimator = comparison.baseline.estimator
    parts = () if estimator is None else (estimator.curve, estimator.loss, estimator.classes)
    known = max((part.labelled for part in parts if part is not None), default=0)
    return replace(value, n_baseline=known, n_missing=max(0, comparison.window.rows - value.n_window))


def _of_losses(comparison: Comparison, outcome: RegressionOutcome) -> dict[str, Value]:
    estimator, tile = comparison.baseline.estimator, comparison.window.losses
    if estimator is None or estimator.loss is None or tile is None or not tile.labelled or not outcome.labelled:
        return {}
    own = LossTile(tile.labelled, tile.labelled_sums, 0, tile.labelled_sums)
    pairs = {"mae": (estimated_mae, mae), "rmse": (estimated_rmse, rmse)}
    return {
        name: estimate_error(supported(guess(own, estimator.loss), comparison), truth(outcome))
        for name, (guess, truth) in pairs.items()
    }


def _of_classes(comparison: Comparison) -> dict[str, Value]:
    """Averages over classes, held against those that the labels of the same rows gave, where they are of the same classes."""
    curves, tile = class_curves_of(comparison), comparison.window.class_scores
    if curves is None or tile is None or not tile.labelled.rows:
        return {}
    found = {}
    for name in class_rates.NAMES:
        guess = supported(class_rates.macro(name, tile.labelled, curves), comparison)
        found[name] = estimate_error(guess, _realised(name, tile, tile.labelled, curves))
        if not _reweighted(again := f"reweighted_{name}", comparison):
            continue
        own = regional(comparison, curves)
        if isinstance(own, str):
            found[again] = nothing(Status.UNDEFINED, own, n_window=tile.labelled.rows)
        else:
            guess = supported(class_rates.macro(name, own.labelled, curves), comparison)
            found[again] = estimate_error(guess, _realised(name, tile, own.labelled, curves))
    return found


def _realised(name: str, tile: ClassScoreTile, guessed: ClassSums, curves: ClassCurves) -> Value:
    truth, expected = class_rates.truth_of(name, tile), class_rates.occurring(name, guessed)
    other = np.flatnonzero(np.isfinite(truth) != expected)
    if len(other):
        names = ", ".join(curves.classes[i] for i in other)
        return nothing(
            Status.UNDEFINED, f"other classes occur than were expected: {names}", n_window=tile.labelled.rows
        )
    if not expected.any():
        return nothing(Status.UNDEFINED, "no class has rows enough", n_window=tile.labelled.rows)
    return Value(float(truth[expected].mean()), n_window=tile.labelled.rows)


def _of_scores(comparison: Comparison, outcome: BinaryOutcome | MulticlassOutcome) -> dict[str, Value]:
    curve, tile = scored(comparison), comparison.window.scores.get(TOTAL)
    rows = None if tile is None else labelled_rows(tile)
    if curve is None or tile is None or rows is None or not rows.sum():
        return {}
    # Where in the outermost cells a row lies is known of all rows together: the labelled ones get each cell's mean.
    every, own = tile.rows[0].sum(axis=1), rows.sum(axis=1)
    shares = own / np.maximum(every, 1)
    tails = tile.tails * np.stack([shares[:TAIL_CELLS], shares[-TAIL_CELLS:]])
    truths: Mapping[str, Value] = (
        {"accuracy": accuracy(outcome)}
        if isinstance(outcome, MulticlassOutcome)
        else {name: truth(outcome) for name, truth in BINARY.items()}
    )
    found = {}
    for name, truth in truths.items():
        guess = cbpe.estimate(name, Expected.of(rows, curve, tails))
        found[name] = estimate_error(supported(guess, comparison), truth)
        if not _reweighted(again := f"reweighted_{name}", comparison):
            continue
        own = importance_weighted(comparison, curve)
        if isinstance(own, str):
            found[again] = nothing(Status.UNDEFINED, own, n_window=int(rows.sum()))
        else:
            guess = cbpe.estimate(name, Expected.of(rows, own, tails))
            found[again] = estimate_error(supported(guess, comparison), truth)
    return found


def _reweighted(name: str, comparison: Comparison) -> bool:
    return name in REWEIGHTED_METRICS and comparison.model.asks_for(name)


@dataclass(frozen=True, slots=True)
class ErrorMetric:
    """One measurement for each estimate; `feature` names the metric."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Value, Value], Value]
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = True

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        for name, value in errors_of(comparison).items():
            yield Measurement(self.name, self.kind, name, None, counted(value, comparison))


ESTIMATE_ERROR = ErrorMetric(
    name="estimate_error",
    prometheus="outrider_estimate_error",
    help="Realised value less its estimate, on the labelled rows; the feature names the metric.",
    of=estimate_error,
)
