"""The forms of estimates: what each needs of a baseline, and what stops it from speaking.

Nothing is said, not even that there is nothing, of a model without a score or of a baseline without labels: no estimate
was asked for there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.estimation import calibrate, class_rates
from monitor.metrics.estimation.cbpe import Expected
from monitor.metrics.estimation.support import support_of
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.class_scores import ClassSums, RegionSums
from monitor.tiles.estimator import ClassCurves, Curve, LossModel
from monitor.tiles.joined import classes_of
from monitor.tiles.losses import LossTile
from monitor.tiles.scores import REGIONS, TOTAL, group_key
from monitor.tiles.task import task_of

Floats = npt.NDArray[np.float64]

NO_SCORE = "the window's rows have no score on [0, 1] beside a decision"
HALF = 0.5
"""Share of rows outside the support from which an estimate is none at all."""
NO_REGIONS = "the baseline found no regions to weight by"
REGION_ROWS_MIN = 20
"""Labelled baseline rows of a region for its weight to mean something."""


def scored(comparison: Comparison) -> Curve | None:
    """The curve of a baseline whose score is calibrated; None where no estimate is made."""
    estimator = comparison.baseline.estimator
    if estimator is None or not comparison.model.estimation.enabled or TOTAL not in comparison.baseline.tiles.scores:
        return None
    return estimator.curve


def supported(value: Value, comparison: Comparison) -> Value:
    """The value, without a verdict where too many rows lie outside the baseline, and none at all where half of them do."""
    if value.value is None:
        return value
    support = support_of(comparison)
    if support is None or support.low <= comparison.model.estimation.outside_max:
        return value
    if support.low > HALF:
        return nothing(Status.UNDEFINED, support.reason(), n_baseline=value.n_baseline, n_window=value.n_window)
    return replace(value, status=Status.INSUFFICIENT_DATA, reason=support.reason())


def against(value: Value, comparison: Comparison, labelled: int) -> Value:
    """The value with the counts of both sides, under the support check."""
    rows = comparison.window.rows
    counted = replace(value, n_baseline=labelled, n_missing=max(0, rows - value.n_window))
    return supported(counted, comparison)


@dataclass(frozen=True, slots=True)
class ScoreEstimate:
    """A metric of labels, estimated from scores: of all rows, and of each group where `groups` says so.

    Of a model of several classes only what can be said of being right: `multiclass`.
    """

    name: str
    prometheus: str
    help: str
    of: Callable[[Expected], Value]
    multiclass: bool = False
    groups: bool = False
    reweighted: bool = False
    by_classes: str | None = None
    """The rate of `class_rates` that stands for it where the declaration names probabilities of several classes."""
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        curve, model = scored(comparison), comparison.model
        curves = class_curves_of(comparison)
        if self.by_classes is not None and curves is not None and not (self.multiclass and curve is not None):
            value = averaged(self.by_classes, comparison, curves, reweighted=self.reweighted)
            yield Measurement(self.name, self.kind, None, None, value)
            return
        fitted = curve or curves
        if fitted is None:
            return
        binary = task_of(model, classes_of(comparison.baseline.grids, model)) == "binary"
        if curve is None or not (binary or self.multiclass):
            if self.reweighted:  # asked for by name, so it says why not
                value = nothing(Status.UNDEFINED, self._not_of_classes(), n_baseline=fitted.labelled)
                yield Measurement(self.name, self.kind, None, None, value)
            return
        tile = comparison.window.scores.get(TOTAL)
        if tile is None:
            reason = "the window has no rows" if not comparison.window.rows else NO_SCORE
            yield Measurement(
                self.name, self.kind, None, None, nothing(Status.NO_DATA, reason, n_baseline=curve.labelled)
            )
            return
        found = importance_weighted(comparison, curve) if self.reweighted else curve
        if isinstance(found, str):
            value = nothing(Status.UNDEFINED, found, n_window=tile.n)
        else:
            value = self.of(Expected.of(tile.rows[0], found, tile.tails))
        yield Measurement(self.name, self.kind, None, None, against(value, comparison, curve.labelled))
        if self.groups:
            yield from self._groups(comparison, curve)

    def _not_of_classes(self) -> str:
        if self.by_classes is None:
            return "it is estimated for two classes only"
        return "of several classes it needs their probabilities (prediction: {probabilities: {...}})"

    def _groups(self, comparison: Comparison, curve: Curve) -> Iterator[Measurement]:
        for column in comparison.model.groups:
            tile = comparison.window.scores.get(group_key(column))
            groups = comparison.baseline.grids.groups.get(column, ())
            if tile is None:
                missing = nothing(Status.NO_DATA, without_group(comparison, column), n_baseline=curve.labelled)
                yield from (Measurement(self.name, self.kind, None, f"{column}={g}", missing) for g in groups)
                continue
            for i, group in enumerate(groups):
                own = group_curve(comparison, column, i)
                value = self.of(Expected.of(tile.rows[i], own or curve))
                value = against(value, comparison, 0 if own is None else own.labelled)
                if own is None and value.value is not None:
                    reason = "the baseline has too few labels of this group: the curve is that of all rows"
                    value = replace(value, status=Status.INSUFFICIENT_DATA, reason=reason)
                yield Measurement(self.name, self.kind, None, f"{column}={group}", value)


def without_group(comparison: Comparison, column: str) -> str:
    """Why the rows of a window cannot be told apart by a group column."""
    if not comparison.window.rows:
        return "the window has no rows"
    return f"the window's rows have no column {column!r}, or no score on [0, 1] beside a decision"


def class_curves_of(comparison: Comparison) -> ClassCurves | None:
    """The curves of a baseline with probabilities of several classes; None where no estimate is made from them."""
    estimator = comparison.baseline.estimator
    return None if estimator is None or not comparison.model.estimation.enabled else estimator.classes


def averaged(name: str, comparison: Comparison, curves: ClassCurves, *, reweighted: bool = False) -> Value:
    """A rate of the window averaged over classes, with the counts of both sides."""
    tile = comparison.window.class_scores
    if tile is None:
        return nothing(Status.NO_DATA, _no_probabilities(comparison), n_baseline=curves.labelled)
    if not reweighted:
        return against(class_rates.macro(name, tile.every, curves), comparison, curves.labelled)
    found = regional(comparison, curves)
    if isinstance(found, str):
        value = nothing(Status.UNDEFINED, found, n_window=tile.every.rows)
    else:
        value = class_rates.macro(name, found.every, curves)
    return against(value, comparison, curves.labelled)


def regional(comparison: Comparison, curves: ClassCurves) -> RegionSums | str:
    """The window's rows, each with what its probabilities mean in its region; or why that says nothing."""
    tile = comparison.window.class_scores
    if curves.regions is None:
        return NO_REGIONS
    if tile is None or tile.regional is None:
        return "the window was counted before the declaration asked for it"
    weights = _weights(curves.regions.labels.astype(float), tile.regional.rows.astype(float), comparison)
    return weights if isinstance(weights, str) else tile.regional


def _no_probabilities(comparison: Comparison) -> str:
    return "the rows lack a column of the prediction" if comparison.window.rows else "the window has no rows"


@dataclass(frozen=True, slots=True)
class ClassEstimate:
    """A rate of each class, estimated from the probabilities of all; the measurement's `feature` names the class."""

    name: str
    prometheus: str
    help: str
    of: Callable[[int, ClassSums, ClassCurves], Value]
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        curves, tile = class_curves_of(comparison), comparison.window.class_scores
        if curves is None:
            return
        for i, name in enumerate(curves.classes):
            if tile is None:
                value = nothing(Status.NO_DATA, _no_probabilities(comparison), n_baseline=curves.labelled)
            else:
                value = against(self.of(i, tile.every, curves), comparison, curves.labelled)
            yield Measurement(self.name, self.kind, name, None, value)


def group_curve(comparison: Comparison, column: str, group: int) -> Curve | None:
    estimator = comparison.baseline.estimator
    curves = () if estimator is None else estimator.groups.get(column, ())
    return curves[group] if group < len(curves) else None


def importance_weighted(comparison: Comparison, curve: Curve) -> Curve | str:
    """The curve that the baseline's rows teach when they are weighted to lie where the window's rows lie.

    The weight of a row is the ratio of its region's shares. Regions are where the same score means different things, so
    within one the weight needs no finer ratio.
    """
    before, now = comparison.baseline.tiles.scores.get(REGIONS), comparison.window.scores.get(REGIONS)
    if before is None or now is None:
        return NO_REGIONS
    weight = _weights(
        before.labelled.sum(axis=(1, 2)).astype(float), now.rows.sum(axis=(1, 2)).astype(float), comparison
    )
    if isinstance(weight, str):
        return weight
    shape = weight[:, None]
    negatives = (before.labelled[:, :, 0] + before.labelled[:, :, 1]).astype(float)
    positives = (before.labelled[:, :, 2] + before.labelled[:, :, 3]).astype(float)
    squares = (shape**2 * (positives + negatives)).sum(axis=0)
    cells = curve.values.reshape(len(squares), -1).mean(axis=1)
    return calibrate.reweighted(curve, (shape * positives).sum(axis=0), (shape * negatives).sum(axis=0), squares, cells)


def _weights(labelled: Floats, rows: Floats, comparison: Comparison) -> Floats | str:
    """The weight of a labelled baseline row of each region, 1 on average; or why there are none to go by."""
    held = labelled >= REGION_ROWS_MIN
    if not rows.sum() or rows[~held].sum() > comparison.model.estimation.outside_max * rows.sum():
        return "the window lies in regions of which the baseline has next to no labels"
    # The mean weight is 1, so that a weighted row speaks as a row where nothing shifted.
    weight: Floats = (rows * held / max(float((rows * held).sum()), 1.0)) / (labelled.clip(min=1.0) / labelled.sum())
    worth = float((labelled * weight).sum() ** 2 / (labelled * weight**2).sum())
    if worth < calibrate.LABELLED_MIN:
        return f"where the window lies, the baseline's {labelled.sum():,.0f} labels are worth {worth:.0f}"
    return weight


@dataclass(frozen=True, slots=True)
class LossEstimate:
    """A metric of a regression's errors, expected by the loss model."""

    name: str
    prometheus: str
    help: str
    of: Callable[[LossTile, LossModel], Value]
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        estimator, before = comparison.baseline.estimator, comparison.baseline.tiles.losses
        if estimator is None or estimator.loss is None or before is None or not comparison.model.estimation.enabled:
            return
        tile = comparison.window.losses
        if tile is None or not tile.rows:
            value = nothing(Status.NO_DATA, "no row of the window has a usable prediction", n_baseline=before.labelled)
        else:
            value = against(self.of(tile, estimator.loss), comparison, estimator.loss.labelled)
        yield Measurement(self.name, self.kind, None, None, value)
