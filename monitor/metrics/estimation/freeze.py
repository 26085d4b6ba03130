"""Freeze an estimator with a baseline, and count a window's rows by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.metrics.estimation import calibrate, class_curves, class_regions, trees
from monitor.tiles import joined, scores
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.estimator import Curve, Estimator, LossModel, Trees
from monitor.tiles.intersections import group_column
from monitor.tiles.losses import LossTile
from monitor.tiles.rows import Rows
from monitor.tiles.scores import COARSE_CELLS, REGIONS, TOTAL, Scored, ScoreTile, group_key
from monitor.tiles.tileset import Grid, Grids, TileSet

Floats = npt.NDArray[np.float64]

LABELLED_MIN = 200
"""Labelled rows of a baseline for a loss model or regions."""
LOSS_TREES, LOSS_DEPTH = 60, 3
FOLDS = 5
LEARNER_ERROR = 2.0
"""Standard errors of the baseline's mean loss that stand for the trees' own error where a window lies elsewhere: measured
at a shift by 0.7 standard deviations of the feature that drives the error."""


def fit(rows: Rows, grids: Grids, model: MonitoredModel) -> Estimator | None:
    """What a baseline teaches; None where the model has no score or value, or too few labels came."""
    if model.label is None or not model.estimation.enabled:
        return None
    task = joined.outputs_of(rows, grids, model).task
    if task == "regression":
        loss = _loss(rows, grids, model)
        return None if loss is None else Estimator(loss=loss)
    classes = class_curves.fit(rows, model) if task == "multiclass" else None
    if classes is not None:
        classes = replace(classes, regions=class_regions.fit(rows, classes, _usable(grids), model))
    found = _of_scores(rows, grids, model)
    if found is None:
        return None if classes is None else Estimator(classes=classes)
    return replace(found, classes=classes)


def _of_scores(rows: Rows, grids: Grids, model: MonitoredModel) -> Estimator | None:
    scored = scored_rows(rows, grids, model)
    if scored is None or scored.truth is None:
        return None
    whole = scores.total(scored)
    negatives, positives = _by_truth(whole)
    curve = calibrate.fit(positives[0], negatives[0])
    if curve is None:
        return None
    groups = {}
    for name, own in grids.groups.items():
        column = group_column(rows, name)
        if column is not None:
            tile = scores.strata(scored, encode(column, own).codes, len(own))
            groups[name] = tuple(_stratum(curve, tile, i) for i in range(len(own)))
    return Estimator(curve, groups, _regions(rows, grids, scored, curve))


def count(
    rows: Rows, estimator: Estimator, grids: Grids, model: MonitoredModel
) -> tuple[dict[str, ScoreTile], LossTile | None]:
    """The tiles of a window's rows."""
    if estimator.loss is not None:
        return {}, _losses(rows, estimator.loss, model)
    scored = None if estimator.curve is None else scored_rows(rows, grids, model)
    if scored is None:
        return {}, None
    found = {TOTAL: scores.total(scored)}
    for name in estimator.groups:
        own = grids.groups[name]
        column = group_column(rows, name)
        if column is not None:
            found[group_key(name)] = scores.strata(scored, encode(column, own).codes, len(own))
    if estimator.regions is not None:
        bins = trees.bins_for(rows, estimator.regions)
        codes = trees.leaf_of(bins, estimator.regions, 0, len(rows))
        found[REGIONS] = scores.strata(scored, codes, 1 << estimator.regions.depth)
    return found, None


def with_estimates(
    tiles: TileSet, rows: Rows, estimator: Estimator | None, grids: Grids, model: MonitoredModel
) -> TileSet:
    """The tiles, with those of an estimator where there is one."""
    if estimator is None:
        return tiles
    counted, expected = count(rows, estimator, grids, model)
    classes = None if estimator.classes is None else class_curves.tile_of(rows, estimator.classes, model)
    return replace(tiles, scores=counted, losses=expected, class_scores=classes)


def coarse(values: Floats) -> Floats:
    """A curve on the coarse cells: the mean of its fine ones."""
    found: Floats = values.reshape(COARSE_CELLS, -1).mean(axis=1)
    return found


def scored_rows(rows: Rows, grids: Grids, model: MonitoredModel) -> Scored | None:
    """The rows with a score on [0, 1] and a decision. None where the model gives neither."""
    outputs = joined.outputs_of(rows, grids, model)
    if outputs.score is None:
        return None
    if outputs.task == "binary":
        selected, decided, right = outputs.selected, outputs.decided, outputs.positive
    elif outputs.task == "multiclass":
        # The score is how sure the model is of the class it says: what it is calibrated to is whether that is right.
        selected, decided, right = (
            np.ones(len(rows), np.bool_),
            np.ones(len(rows), np.bool_),
            _right(rows, grids, model),
        )
    else:
        return None
    if selected is None or decided is None:
        return None
    usable = decided & ~np.isnan(outputs.score)
    score = outputs.score[usable]
    truth = None
    if right is not None:
        truth = np.where(outputs.labelled, right, -1).astype(np.int8)[usable]
    return Scored(usable, score, joined.score_cells(score), selected[usable].astype(np.int8), truth)


def _right(rows: Rows, grids: Grids, model: MonitoredModel) -> npt.NDArray[np.bool_] | None:
    said = rows.columns.get(model.prediction.class_ or "")
    if said is None or rows.label is None:
        return None
    classes = joined.classes_of(grids, model)
    truth, answer = encode(rows.label, classes).codes, encode(said, classes).codes
    right: npt.NDArray[np.bool_] = (truth == answer) & (truth != MISSING) & (truth < len(classes))
    return right


def _by_truth(tile: ScoreTile) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Negatives and positives by stratum and cell."""
    return tile.labelled[:, :, 0] + tile.labelled[:, :, 1], tile.labelled[:, :, 2] + tile.labelled[:, :, 3]


def _stratum(curve: Curve, tile: ScoreTile, i: int) -> Curve | None:
    negatives, positives = _by_truth(tile)
    return calibrate.offset(
        curve, positives[i].astype(np.float64), negatives[i].astype(np.float64), coarse(curve.values)
    )


def _usable(grids: Grids) -> dict[str, Grid]:
    return {
        name: grid
        for name, grid in grids.features.items()
        if not isinstance(grid, CategoricalGrid) or len(grid.categories) > 1
    }


def _regions(rows: Rows, grids: Grids, scored: Scored, curve: Curve) -> Trees | None:
    """One tree on what the curve leaves unexplained: its leaves are where the same score means different things."""
    assert scored.truth is not None  # noqa: S101  (asked by fit)
    known = np.flatnonzero(scored.truth >= 0)
    if len(known) < LABELLED_MIN:
        return None
    known = known[class_regions.learned(len(known))]
    part = rows.take(np.flatnonzero(scored.usable)[known])
    residual = (scored.truth[known] - curve.values[scored.cell[known]])[:, None].astype(np.float64)
    found = trees.binnings(part, _usable(grids), residual)
    if not found:
        return None
    grown = trees.fit(found, residual, trees=1, depth=class_regions.REGION_DEPTH, shrinkage=1.0)
    return grown if len(grown.asks) else None


def _errors(rows: Rows, model: MonitoredModel) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Floats]:
    """Rows with a usable prediction, those of them whose label came, and prediction - label (0 where none came)."""
    column = rows.columns.get(model.prediction.value or "")
    if column is None:
        none = np.zeros(len(rows), np.bool_)
        return none, none, np.zeros(len(rows))
    said, unsaid = numbers(column)
    usable = np.isfinite(said) if unsaid is None else np.isfinite(said) & ~unsaid
    if rows.label is None:
        return usable, np.zeros(len(rows), np.bool_), np.zeros(len(rows))
    truth, missing = numbers(rows.label)
    known = usable & (np.isfinite(truth) if missing is None else np.isfinite(truth) & ~missing)
    return usable, known, np.where(known, said - np.where(known, truth, 0.0), 0.0)


def _loss(rows: Rows, grids: Grids, model: MonitoredModel) -> LossModel | None:
    """Trees for |e| and e², with the noise of their mean from rows that the trees had not seen."""
    _, known, errors = _errors(rows, model)
    at = np.flatnonzero(known)
    if len(at) < LABELLED_MIN:
        return None
    labelled = len(at)
    at = at[class_regions.learned(labelled)]
    part, e = rows.take(at), np.abs(errors[at])
    targets = np.stack([e, np.square(e)], axis=1)
    if not np.isfinite(targets).all():
        return None
    columns = {**_usable(grids), **{n: g for n, g in grids.prediction.items() if n == model.prediction.value}}
    found = trees.binnings(part, columns, targets)
    fold = np.arange(len(at)) * FOLDS // len(at)
    unseen = np.empty_like(targets)
    for own in range(FOLDS):
        inside, outside = np.flatnonzero(fold == own), np.flatnonzero(fold != own)
        grown = trees.fit(
            [(b, bins[outside]) for b, bins in found], targets[outside], trees=LOSS_TREES, depth=LOSS_DEPTH
        )
        unseen[inside] = trees.predict(trees.bins_for(part.take(inside), grown), grown, len(inside))
    rest = targets - unseen
    error = LEARNER_ERROR * np.sqrt(np.square(rest).mean(axis=0) / len(at))
    expected = np.maximum(unseen[:, 1], 1e-300)
    kurtosis = float(np.square(targets[:, 1]).mean() / max(float(np.square(expected).mean()), 1e-300))
    return LossModel(
        trees.fit(found, targets, trees=LOSS_TREES, depth=LOSS_DEPTH),
        float(error[0]),
        float(error[1]),
        max(1.0, kurtosis),
        labelled,
    )


def _losses(rows: Rows, model: LossModel, declared: MonitoredModel) -> LossTile:
    usable, known, _ = _errors(rows, declared)
    expected = trees.predict(trees.bins_for(rows, model.trees), model.trees, len(rows))
    a, b = np.maximum(expected[:, 0], 0.0), np.maximum(expected[:, 1], 0.0)
    parts = np.stack([a, b, np.maximum(b - a * a, 0.0), b * b, a * a], axis=1)
    return LossTile(int(usable.sum()), parts[usable].sum(axis=0), int(known.sum()), parts[known].sum(axis=0))
