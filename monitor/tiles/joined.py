"""Predictions joined with labels and groups: the outcome tile and the group tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.group import GroupTile
from monitor.tiles.intersections import group_column
from monitor.tiles.numeric import SCORE_CELLS
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RegressionOutcome
from monitor.tiles.outcome_kernels import count_groups, count_scores
from monitor.tiles.outcome_rankings import ranking
from monitor.tiles.outcome_sets import labels_of, multilabel
from monitor.tiles.rows import Column, Rows
from monitor.tiles.task import positive_of, task_of
from monitor.tiles.tileset import Grids

DECISION_SCORE = 0.5
"""Score from which on a row counts as predicted positive where the model gives no class."""
PROBABILITY_MIN = float(np.finfo(np.float64).eps)
"""Scores are clipped to [this, 1 - this] in the log loss, as scikit-learn does."""

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model said and what was true, row by row, as far as its task needs it. None: the rows have no such column."""

    task: str | None
    labelled: Bools
    """Rows whose label has come."""
    positive: Bools | None = None
    """Binary: the label is the positive one."""
    selected: Bools | None = None
    """The model said positive."""
    decided: Bools | None = None
    """Rows where `selected` means something."""
    score: Floats | None = None
    """Binary: NaN where there is no score on [0, 1]."""


def classes_of(grids: Grids, model: MonitoredModel) -> tuple[str, ...]:
    """The frozen classes: the baseline's labels, else its predicted classes."""
    for grid in (
        grids.label.get(model.label.name) if model.label is not None else None,
        grids.prediction.get(model.prediction.class_ or ""),
    ):
        if isinstance(grid, CategoricalGrid):
            return grid.categories
    return ()


def outputs_of(rows: Rows, grids: Grids, model: MonitoredModel) -> Outputs:
    predicted = grids.prediction.get(model.prediction.class_ or "")
    task = task_of(model, predicted.categories if isinstance(predicted, CategoricalGrid) else ())
    labelled = np.zeros(len(rows), np.bool_)
    positive_name = positive_of(model)
    positive = selected = decided = score = None
    if rows.label is not None:
        codes = encode(rows.label, () if positive_name is None else (positive_name,)).codes
        labelled, positive = codes != MISSING, codes == 0
    class_column = rows.columns.get(model.prediction.class_ or "")
    score_column = rows.columns.get(model.prediction.score or "")
    if score_column is not None:
        score = _probabilities(score_column)
        selected, decided = score >= DECISION_SCORE, ~np.isnan(score)
    if class_column is not None and positive_name is not None:
        codes = encode(class_column, (positive_name,)).codes
        selected, decided = codes == 0, codes != MISSING
    return Outputs(task, labelled, positive, selected, decided, score)


def _probabilities(column: Column) -> Floats:
    values, missing = numbers(column)
    if missing is None and len(values) and values.min() >= 0.0 and values.max() <= 1.0:  # a NaN fails both
        return values
    unusable = ~((values >= 0.0) & (values <= 1.0))
    if missing is not None:
        unusable |= missing
    return np.where(unusable, np.nan, values)


def outcome_of(rows: Rows, outputs: Outputs, grids: Grids, model: MonitoredModel) -> Outcome | None:
    """The outcome tile; None where the model's task has none, or its prediction's columns are not in the rows."""
    if model.label is None:
        return None
    if outputs.task == "binary":
        return _binary(outputs)
    said = {"multiclass": "class_", "multilabel": "class_", "regression": "value", "ranking": "score"}
    column = rows.columns.get(getattr(model.prediction, said.get(outputs.task or "", ""), None) or "")
    if column is None:
        return None
    if outputs.task == "multiclass":
        return _multiclass(rows.label, column, classes_of(grids, model))
    if outputs.task == "multilabel":
        return multilabel(rows.label, column, labels_of(classes_of(grids, model)))
    return _regression(rows.label, column) if outputs.task == "regression" else ranking(rows, column, model.query)


def _binary(outputs: Outputs) -> BinaryOutcome | None:
    selected, decided, score = outputs.selected, outputs.decided, outputs.score
    if selected is None or decided is None:
        return None
    labelled = outputs.labelled
    positive = outputs.positive if outputs.positive is not None else np.zeros(len(labelled), np.bool_)
    tile = BinaryOutcome.empty()
    scored, losses, squares, briers = 0, 0.0, 0.0, 0.0
    usable = labelled & decided
    known = usable
    if score is not None:
        known = labelled & ~np.isnan(score)
        scored, losses, squares, briers = count_scores(
            score, labelled, positive, PROBABILITY_MIN, tile.positives, tile.negatives
        )
    chosen, real = usable & selected, usable & positive
    right = int(np.count_nonzero(chosen & real))
    wrong, passed_over = int(np.count_nonzero(chosen)) - right, int(np.count_nonzero(real)) - right
    return BinaryOutcome(
        positives=tile.positives,
        negatives=tile.negatives,
        log_loss_sum=losses,
        log_loss_square_sum=squares,
        brier_sum=briers,
        scored=scored,
        true_negatives=int(np.count_nonzero(usable)) - right - wrong - passed_over,
        false_positives=wrong,
        false_negatives=passed_over,
        true_positives=right,
        unlabelled=len(labelled) - int(np.count_nonzero(labelled)),
        unusable=int(np.count_nonzero(labelled & ~(usable | known))),
    )


def score_cells(score: Floats) -> npt.NDArray[np.int64]:
    """Cell i of each score: i / SCORE_CELLS <= s < (i + 1) / SCORE_CELLS, the last one closed."""
    edges = np.arange(SCORE_CELLS + 1) / SCORE_CELLS
    # A product may round over an edge: each row is held against the edges of the cell that it names.
    cell = np.minimum((score * SCORE_CELLS).astype(np.int64), SCORE_CELLS - 1)
    cell -= score < edges[cell]
    cell += (score >= edges[cell + 1]) & (cell < SCORE_CELLS - 1)
    return cell


def _multiclass(label: Column | None, column: Column, classes: Sequence[str]) -> MulticlassOutcome:
    if label is None:
        return MulticlassOutcome(MulticlassOutcome.empty(len(classes)).confusion, unlabelled=len(column))
    k = len(classes)
    truth, said = encode(label, classes), encode(column, classes)
    labelled = truth.codes != MISSING
    usable = labelled & (said.codes != MISSING)
    t, s = truth.codes[usable], said.codes[usable]
    confusion = np.bincount(np.minimum(t, k) * (k + 1) + np.minimum(s, k), minlength=(k + 1) ** 2)
    new = {name: k + 1 + i for i, name in enumerate(truth.unseen)}
    as_truth = np.array([*range(k + 1), *(new.get(name, MISSING) for name in said.unseen)], np.int64)
    return MulticlassOutcome(
        confusion.reshape(k + 1, k + 1),
        correct=int((as_truth[s] == t).sum()),
        unlabelled=int(len(labelled) - labelled.sum()),
        unusable=int((labelled & ~usable).sum()),
    )


def _regression(label: Column | None, column: Column) -> RegressionOutcome:
    if label is None:
        return RegressionOutcome(unlabelled=len(column))
    truth, missing = numbers(label)
    labelled = np.isfinite(truth) if missing is None else np.isfinite(truth) & ~missing
    said, unsaid = numbers(column)
    usable = labelled & (np.isfinite(said) if unsaid is None else np.isfinite(said) & ~unsaid)
    t = truth[usable]
    error = said[usable] - t
    squares = np.square(error)
    return RegressionOutcome(
        labelled=len(error),
        error_sum=float(error.sum()),
        absolute_sum=float(np.abs(error).sum()),
        square_sum=float(squares.sum()),
        fourth_sum=float(np.square(squares).sum()),
        label_sum=float(t.sum()),
        label_square_sum=float(np.square(t).sum()),
        unlabelled=int(len(labelled) - labelled.sum()),
        unusable=int((labelled & ~usable).sum()),
    )


def groups_of(rows: Rows, outputs: Outputs, grids: Grids) -> Mapping[str, GroupTile]:
    """A tile for every group column that baseline and rows have, where the model says positive or not."""
    selected, decided = outputs.selected, outputs.decided
    if selected is None or decided is None or outputs.task in ("multilabel", "ranking"):
        return {}
    columns = {name: group_column(rows, name) for name in grids.groups}
    return {
        name: _group(column, grids.groups[name], outputs, selected, decided)
        for name, column in columns.items()
        if column is not None
    }


def _group(column: Column, groups: tuple[str, ...], outputs: Outputs, selected: Bools, decided: Bools) -> GroupTile:
    codes = encode(column, groups).codes
    counts = np.zeros((len(groups), 6), np.int64)
    positive = outputs.positive
    labelled = outputs.labelled if positive is not None else np.zeros(len(codes), np.bool_)
    unseen, missing = count_groups(
        codes, decided, selected, labelled, labelled if positive is None else positive, counts
    )
    return GroupTile(groups, counts, unseen=unseen, missing=missing)
