"""The number of each row that a search or an impact is about: error, score, or where a feature's value lies. NaN: the row has none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.joined import classes_of, outputs_of
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import FeatureTile, Grid, Grids

Floats = npt.NDArray[np.float64]


def errors_of(rows: Rows, grids: Grids, model: MonitoredModel) -> Floats | None:
    """1 where the model decided wrongly, 0 where rightly; in regression the absolute error. None: no row has a label."""
    if rows.label is None:
        return None
    outputs = outputs_of(rows, grids, model)
    found: Floats | None = None
    if outputs.task == "binary" and outputs.selected is not None and outputs.decided is not None:
        wrong = (outputs.selected != outputs.positive).astype(np.float64)
        found = np.where(outputs.labelled & outputs.decided, wrong, np.nan)
    elif outputs.task == "multiclass":
        found = _misclassified(rows.label, rows.columns.get(model.prediction.class_ or ""), grids, model)
    elif outputs.task == "regression":
        found = _absolute(rows.label, rows.columns.get(model.prediction.value or ""))
    return found if found is not None and np.isfinite(found).any() else None


def scores_of(rows: Rows, grids: Grids, model: MonitoredModel) -> Floats | None:
    """The score; without one 1 where the model said positive; in regression the value."""
    outputs = outputs_of(rows, grids, model)
    if outputs.score is not None:
        return outputs.score
    if outputs.selected is not None and outputs.decided is not None:
        return np.where(outputs.decided, outputs.selected.astype(np.float64), np.nan)
    column = rows.columns.get(model.prediction.value or "")
    return None if column is None else _finite(column)


def positives_of(rows: Rows, grids: Grids, model: MonitoredModel) -> Floats | None:
    """1 where the label is the positive one; in regression the label itself."""
    if rows.label is None:
        return None
    outputs = outputs_of(rows, grids, model)
    if outputs.task == "regression":
        return _finite(rows.label)
    if outputs.positive is None:
        return None
    return np.where(outputs.labelled, outputs.positive.astype(np.float64), np.nan)


def place_of(column: Column, grid: Grid, own: FeatureTile, here: FeatureTile) -> Floats | None:
    """Where a value lies: a number's rank among the baseline's, from 0 to 1; of a name whether it is the one whose share moved most."""
    if isinstance(grid, NumericGrid) and isinstance(own, NumericTile) and own.n:
        values, missing = numbers(column)
        absent = np.isnan(values) if missing is None else missing | np.isnan(values)
        below = np.cumsum(own.counts) - own.counts / 2
        return np.where(absent, np.nan, below[np.searchsorted(grid.edges, values, side="left")] / own.n)
    if isinstance(grid, CategoricalGrid) and isinstance(own, CategoricalTile) and isinstance(here, CategoricalTile):
        codes = encode(column, grid.categories, grid.folded).codes
        shares = np.append(here.counts, here.unseen) / max(here.n, 1) - np.append(own.counts, own.unseen) / max(
            own.n, 1
        )
        moved = int(np.argmax(np.abs(shares)))
        new = moved == len(shares) - 1
        inside = codes >= moved if new else codes == moved
        return np.where(codes == MISSING, np.nan, inside.astype(np.float64))
    return None


def absence_of(column: Column, grid: Grid) -> Floats:
    """1 where a value is missing or none of its kind."""
    if isinstance(grid, NumericGrid):
        values, missing = numbers(column)
        absent = ~np.isfinite(values) if missing is None else missing | ~np.isfinite(values)
    else:
        absent = encode(column, ()).codes == MISSING
    return np.asarray(absent, np.float64)


def _misclassified(label: Column, said: Column | None, grids: Grids, model: MonitoredModel) -> Floats | None:
    if said is None:
        return None
    classes = classes_of(grids, model)
    truth, answer = encode(label, classes), encode(said, classes)
    known = (truth.codes != MISSING) & (answer.codes != MISSING)
    return np.where(known, (truth.codes != answer.codes).astype(np.float64), np.nan)


def _absolute(label: Column, said: Column | None) -> Floats | None:
    return None if said is None else np.asarray(np.abs(_finite(said) - _finite(label)))


def _finite(column: Column) -> Floats:
    values, missing = numbers(column)
    bad = ~np.isfinite(values) if missing is None else missing | ~np.isfinite(values)
    return np.where(bad, np.nan, values)
