"""Rows into tiles: the one pass over the data that everything else reads the result of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from monitor.definitions import FeatureKind, MonitoredModel
from monitor.tiles import joined, stamps
from monitor.tiles.categorical import UNSEEN_NAMES_MAX, CategoricalGrid, CategoricalTile
from monitor.tiles.coding import numbers, tally
from monitor.tiles.comoments import CellNumbers, Cells, fill, middle
from monitor.tiles.described import described_tiles
from monitor.tiles.flipping import flips_of
from monitor.tiles.forecasting import forecast_of
from monitor.tiles.freeze import KINDS_OF_PRESENCE
from monitor.tiles.joint import joint_tile
from monitor.tiles.kernels import count_cells
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.quality import quality_of
from monitor.tiles.rows import Column, Rows
from monitor.tiles.sampling import sampled_tile
from monitor.tiles.slices import members
from monitor.tiles.stratifying import strata_of
from monitor.tiles.tables import tables_tile
from monitor.tiles.tileset import FeatureTile, Grid, Grids, TileSet
from monitor.tiles.vectors import vector_tile

NO_CELLS = np.zeros(0, np.float32)


def profile(rows: Rows, grids: Grids, model: MonitoredModel) -> TileSet:
    """The tiles of some rows on frozen grids. A column that the rows lack has no tile.

    Rows may come in any order; sums are taken in the canonical one, so the same rows give the same tiles to the bit.
    """
    rows = rows.in_canonical_order()
    cells = CellNumbers(grids, len(rows))
    features = {
        name: presence_tile(rows.columns[name], grids.kinds[name])
        if grids.kinds[name] in KINDS_OF_PRESENCE
        else tile_of(rows.columns[name], grid, cells.row(name))
        for name, grid in grids.features.items()
        if name in rows.columns
    }
    prediction = {
        name: tile_of(rows.columns[name], grid) for name, grid in grids.prediction.items() if name in rows.columns
    }
    label: dict[str, FeatureTile] = {}
    if rows.label is not None:
        label = {name: tile_of(rows.label, grid) for name, grid in grids.label.items()}
    outputs = joined.outputs_of(rows, grids, model)
    return TileSet(
        rows=len(rows),
        features=features,
        prediction=prediction,
        label=label,
        outcome=joined.outcome_of(rows, outputs, grids, model),
        groups=joined.groups_of(rows, outputs, grids),
        strata=strata_of(rows, outputs, grids.groups, grids.strata),
        forecast=forecast_of(rows, model),
        flips=flips_of(rows, outputs, grids, model),
        pairs=cells.pairs(features),
        slices=_slices(rows, grids, model),
        vectors={
            name: vector_tile(rows.columns[name], grid, numeric_tile)
            for name, grid in grids.vectors.items()
            if name in rows.columns
        },
        quality=quality_of(rows, grids.kinds, model),
        joint=None if grids.joint is None else joint_tile(rows, grids.joint, grids.features, numeric_tile),
        described=described_tiles(rows, grids.described, grids.zones, tile_of),
        sampled=sampled_tile(rows, grids.sampled, grids.features) if grids.sampled else None,
        tables=tables_tile(rows, grids.tables) if grids.tables else None,
    )


def _slices(rows: Rows, grids: Grids, model: MonitoredModel) -> dict[str, TileSet]:
    """The tiles of each slice, on the whole baseline's grids: so a slice compares with the whole, cell by cell."""
    if not grids.slices:
        return {}
    alone = grids.of_slices()
    model = replace(model, schema={}, metrics=(), checks={})
    inside = {name: members(rows, where) for name, where in grids.slices.items()}
    return {name: profile(rows.take(mask), alone, model) for name, mask in inside.items() if mask is not None}


def numeric_tile(column: Column, grid: NumericGrid, cells: Cells | None = None) -> NumericTile:
    """Count a column between a grid's edges. `cells` receives the cell number of every row, NaN where it has none."""
    values, missing = numbers(column)
    rows: npt.NDArray[np.bool_] | None = None
    absent = 0
    if missing is not None and missing.any():
        rows = ~missing
        absent = int(missing.sum())
        values = values[rows]
    numbered = NO_CELLS if cells is None else cells if rows is None else np.empty(len(values), np.float32)
    found = _counted(values, grid, numbered)
    nan = positive = negative = 0
    if not math.isfinite(found.square_sum) and not (finite := np.isfinite(values)).all():
        nan = int(np.isnan(values).sum())
        positive, negative = int((values == np.inf).sum()), int((values == -np.inf).sum())
        values = values[finite]
        if rows is None:
            rows = finite
        else:
            rows[rows] = finite
        numbered = NO_CELLS if cells is None else np.empty(len(values), np.float32)
        found = _counted(values, grid, numbered)
    if cells is not None and rows is not None:
        fill(cells, numbered, rows)
    if absent or nan or positive or negative:
        found = replace(found, missing=absent, nan=nan, positive_infinite=positive, negative_infinite=negative)
    return found


def _counted(values: npt.NDArray[np.float64], grid: NumericGrid, cells: Cells) -> NumericTile:
    """The tile of values that are all there."""
    counts = np.zeros(len(grid.edges) + 1, np.int64)
    sums = np.zeros(len(grid.edges) + 1, np.float64)
    square_sum, low, high = count_cells(values, grid.lookup, grid.center, counts, sums, cells, middle(grid))
    below = int(counts[: grid.inner[0]].sum()) if low < grid.low else 0
    above = int(counts[grid.inner[1] :].sum()) if high > grid.high else 0
    return NumericTile(counts, sums, square_sum, low, high, below=below, above=above)


def categorical_tile(column: Column, grid: CategoricalGrid) -> CategoricalTile:
    """Count a column by a grid's categories."""
    found, known = tally(column, grid.categories, grid.folded), len(grid.categories)
    counts = found.counts
    new = counts[known + 2 :]
    names: Mapping[str, int] = {}
    if len(new):
        ranked = sorted(zip(found.unseen, new.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
        names = dict(ranked[:UNSEEN_NAMES_MAX])
    return CategoricalTile(
        counts[1 : known + 2].astype(np.int64), unseen=int(new.sum()), missing=int(counts[0]), unseen_names=names
    )


def tile_of(column: Column, grid: Grid, cells: Cells | None = None) -> FeatureTile:
    """Count a column on its grid."""
    if isinstance(grid, NumericGrid):
        return numeric_tile(column, grid, cells)
    return categorical_tile(column, grid)


def presence_tile(column: Column, kind: FeatureKind) -> CategoricalTile:
    """Whether each row has a value: of a timestamp, one that is a time."""
    absent = np.zeros(len(column), np.bool_) if column.missing is None else column.missing.copy()
    if kind == "timestamp":
        absent |= ~stamps.times(column)[1]
    values = column.values
    if values.dtype.kind == "f":
        absent |= np.isnan(values).reshape(len(values), -1).any(axis=1)
    elif values.dtype.kind == "O":
        absent |= np.array([value is None or value == "" for value in values.tolist()], np.bool_)
    missing = int(absent.sum())
    return CategoricalTile(np.array([len(column) - missing, 0], np.int64), missing=missing)
