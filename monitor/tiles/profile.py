"""Rows into tiles: the one pass over the data that everything else reads the result of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.tiles import joined
from monitor.tiles.categorical import UNSEEN_NAMES_MAX, CategoricalGrid, CategoricalTile
from monitor.tiles.coding import Coded, encode, numbers
from monitor.tiles.freeze import KINDS_OF_PRESENCE
from monitor.tiles.kernels import count_cells
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.pairs import PairsTile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import FeatureTile, Grid, Grids, TileSet

PAIR_BLOCK_ROWS = 512
"""Rows of one product of cell numbers. Centred cell numbers are at most 130 in size, so 512 products stay under 2^24,
below which float32 is exact."""

NO_CELLS = np.zeros(0, np.float32)


def profile(rows: Rows, grids: Grids, model: MonitoredModel) -> TileSet:
    """The tiles of some rows on frozen grids. A column that the rows lack has no tile.

    Rows may come in any order; sums are taken in the canonical one, so the same rows give the same tiles to the bit.
    """
    rows = rows.in_canonical_order()
    cells = {name: np.full(len(rows), np.nan, np.float32) for name in grids.pairs if name in rows.columns}
    features = {
        name: presence_tile(rows.columns[name])
        if grids.kinds[name] in KINDS_OF_PRESENCE
        else _tile(rows.columns[name], grid, cells.get(name, NO_CELLS))
        for name, grid in grids.features.items()
        if name in rows.columns
    }
    prediction = {
        name: _tile(rows.columns[name], grid) for name, grid in grids.prediction.items() if name in rows.columns
    }
    label: dict[str, FeatureTile] = {}
    if rows.label is not None:
        label = {name: _tile(rows.label, grid) for name, grid in grids.label.items()}
    outputs = joined.outputs_of(rows, grids, model)
    return TileSet(
        rows=len(rows),
        features=features,
        prediction=prediction,
        label=label,
        outcome=joined.outcome_of(rows, outputs, grids, model),
        groups=joined.groups_of(rows, outputs, grids),
        pairs=_pairs(grids, cells, len(rows)) if grids.pairs else None,
    )


def numeric_tile(column: Column, grid: NumericGrid, cells: npt.NDArray[np.float32] = NO_CELLS) -> NumericTile:
    """Count a column between a grid's edges. `cells`, where it has a place for every row, receives the cell numbers."""
    values, missing = numbers(column)
    rows: npt.NDArray[np.bool_] | None = None
    nan = positive = negative = absent = 0
    if missing is not None and missing.any():
        rows = ~missing
        absent = int(missing.sum())
        values = values[rows]
    if len(values) and not (np.isfinite(values.min()) and np.isfinite(values.max())):
        finite = np.isfinite(values)
        nan = int(np.isnan(values).sum())
        positive, negative = int((values == np.inf).sum()), int((values == -np.inf).sum())
        values = values[finite]
        if rows is None:
            rows = finite
        else:
            rows[rows] = finite
    counts = np.zeros(len(grid.edges) + 1, np.int64)
    sums = np.zeros(len(grid.edges) + 1, np.float64)
    if not len(values):
        return NumericTile(
            counts, sums, missing=absent, nan=nan, positive_infinite=positive, negative_infinite=negative
        )
    own = cells if rows is None or not len(cells) else np.empty(len(values), np.float32)
    square_sum = count_cells(values, grid.edges, grid.center, counts, sums, own)
    if own is not cells:
        cells[rows] = own
    minimum, maximum = float(values.min()), float(values.max())
    return NumericTile(
        counts,
        sums,
        square_sum=square_sum,
        minimum=minimum,
        maximum=maximum,
        missing=absent,
        nan=nan,
        positive_infinite=positive,
        negative_infinite=negative,
        below=int(counts[: np.searchsorted(grid.edges, grid.low)].sum()) if minimum < grid.low else 0,
        above=int(counts[np.searchsorted(grid.edges, grid.high) + 1 :].sum()) if maximum > grid.high else 0,
    )


def categorical_tile(column: Column, grid: CategoricalGrid) -> CategoricalTile:
    """Count a column by a grid's categories."""
    return count_coded(encode(column, grid.categories, grid.folded), len(grid.categories))


def count_coded(coded: Coded, known: int) -> CategoricalTile:
    """The tile of a column that is coded already."""
    counts = np.bincount(coded.codes + 1, minlength=known + 2)
    new = counts[known + 2 :]
    names: Mapping[str, int] = {}
    if len(new):
        ranked = sorted(zip(coded.unseen, new.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
        names = dict(ranked[:UNSEEN_NAMES_MAX])
    return CategoricalTile(
        counts[1 : known + 2].astype(np.int64), unseen=int(new.sum()), missing=int(counts[0]), unseen_names=names
    )


def _tile(column: Column, grid: Grid, cells: npt.NDArray[np.float32] = NO_CELLS) -> FeatureTile:
    if isinstance(grid, NumericGrid):
        return numeric_tile(column, grid, cells)
    return categorical_tile(column, grid)


def presence_tile(column: Column) -> CategoricalTile:
    """Whether each row has a value: all that is profiled of text, timestamps and vectors."""
    absent = np.zeros(len(column), np.bool_) if column.missing is None else column.missing.copy()
    values = column.values
    if values.dtype.kind == "f":
        absent |= np.isnan(values).reshape(len(values), -1).any(axis=1)
    elif values.dtype.kind == "O":
        absent |= np.array([value is None or value == "" for value in values.tolist()], np.bool_)
    missing = int(absent.sum())
    return CategoricalTile(np.array([len(column) - missing, 0], np.int64), missing=missing)


def _pairs(grids: Grids, cells: Mapping[str, npt.NDArray[np.float32]], rows: int) -> PairsTile:
    """Co-moments of cell numbers. Blocks of float32 products are exact; they are added as whole numbers."""
    names = grids.pairs
    k = len(names)
    middle = np.zeros(k, np.float32)
    matrix = np.full((k, rows), np.nan, np.float32)
    for i, name in enumerate(names):
        grid = grids.features[name]
        middle[i] = len(grid.edges) // 2 if isinstance(grid, NumericGrid) else 0
        if name in cells:
            matrix[i] = cells[name] - middle[i]
    present = ~np.isnan(matrix)
    complete = bool(present.all())
    n = np.full((k, k), rows, np.int64)
    sums = np.zeros((k, k), np.int64)
    squares = np.zeros((k, k), np.int64)
    products = np.zeros((k, k), np.int64)
    if complete:
        products = _products(matrix, matrix)
        totals = matrix.sum(axis=1, dtype=np.float64).astype(np.int64)
        sums = np.repeat(totals[:, None], k, axis=1)
        squares = np.repeat(np.diag(products)[:, None], k, axis=1)
    else:
        matrix[~present] = 0.0
        mask = present.astype(np.float32)
        n, sums = _products(mask, mask), _products(matrix, mask)
        squares, products = _products(matrix * matrix, mask), _products(matrix, matrix)
    return _uncentred(names, n, sums, squares, products, middle.astype(np.int64))


def _products(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """a · bᵀ, exactly."""
    total = np.zeros((len(a), len(b)), np.int64)
    for start in range(0, a.shape[1], PAIR_BLOCK_ROWS):
        block = slice(start, start + PAIR_BLOCK_ROWS)
        total += (a[:, block] @ b[:, block].T).astype(np.int64)
    return total


def _uncentred(
    names: tuple[str, ...],
    n: npt.NDArray[np.int64],
    sums: npt.NDArray[np.int64],
    squares: npt.NDArray[np.int64],
    products: npt.NDArray[np.int64],
    middle: npt.NDArray[np.int64],
) -> PairsTile:
    """Moments of cell numbers from those of cell numbers less `middle`."""
    own, other = middle[:, None], middle[None, :]
    return PairsTile(
        names,
        n,
        sums + n * own,
        squares + 2 * own * sums + n * own * own,
        products + sums * other + sums.T * own + n * own * other,
    )
