"""All columns of a row as one vector: what multivariate drift is measured on.

Each feature becomes a normal score of its rank in the baseline: numbers by the cell between frozen quantiles, categories by
their place in the order of frequency. So units do not count, no outlier outweighs the rest, every feature has the same
distribution in the baseline, and what is left to see is how they hang together (and any one of them that moved).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy import special

from monitor.definitions import MonitoredModel
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.coding import encode, numbers
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import FeatureTile, Grid
from monitor.tiles.vector import JointGrid, VectorTile
from monitor.tiles.vectors import held_out, vector_grid, vector_tile

Floats = npt.NDArray[np.float64]

JOINT_METRICS = frozenset({"reconstruction_error", "joint_mmd"})
"""Metrics that ask for it: a joint grid is frozen where a declaration names one of them."""
COLUMNS_MAX = 256
"""Features that enter, in the order of the declaration."""


def wanted(model: MonitoredModel) -> bool:
    asked = {
        *(() if model.metrics == "all" else model.metrics),
        *(n for c in model.checks.values() for n in c.tolerance),
    }
    return model.metrics == "all" or bool(JOINT_METRICS & asked)


def joint_grid(
    rows: Rows,
    grids: Mapping[str, Grid],
    tiles: Mapping[str, FeatureTile],
    freeze: Callable[[Column], NumericGrid],
) -> JointGrid | None:
    """None where fewer than two features have values, or too few rows."""
    scores = {name: _scores(tile) for name, tile in tiles.items() if name in rows.columns and name in grids}
    kept = dict([(name, own) for name, own in scores.items() if own is not None][:COLUMNS_MAX])
    if len(kept) < 2:
        return None
    grid = vector_grid(encoded(rows, kept, grids), freeze, residual=True)
    return None if grid is None else JointGrid(kept, grid)


def joint_tile(
    rows: Rows, joint: JointGrid, grids: Mapping[str, Grid], count: Callable[[Column, NumericGrid], NumericTile]
) -> VectorTile:
    return vector_tile(encoded(rows, joint.scores, grids), joint.grid, count)


def baseline_joint_tile(
    rows: Rows, joint: JointGrid, grids: Mapping[str, Grid], count: Callable[[Column, NumericGrid], NumericTile]
) -> VectorTile:
    """Of the rows that nothing was learned from."""
    return vector_tile(held_out(encoded(rows, joint.scores, grids)), joint.grid, count)


def _scores(tile: FeatureTile) -> Floats | None:
    """The normal score of the middle rank of each cell, in units of their own spread; None where all are in one cell."""
    counts = tile.counts.astype(np.float64)
    total = counts.sum()
    if np.count_nonzero(counts) < 2:
        return None
    ranks = (np.cumsum(counts) - counts / 2) / total
    scores = special.ndtri(np.clip(ranks, 0.5 / total, 1 - 0.5 / total))
    mean = float(scores @ counts) / total
    return np.asarray((scores - mean) / np.sqrt(float((scores - mean) ** 2 @ counts) / total))


def encoded(rows: Rows, scores: Mapping[str, Floats], grids: Mapping[str, Grid]) -> Column:
    """A row without a usable value of a feature stands in its middle; a new category is as rare as the rarest."""
    values = np.zeros((len(rows), len(scores)))
    for i, (name, own) in enumerate(scores.items()):
        if name not in rows.columns:
            continue
        column, grid = rows.columns[name], grids[name]
        if isinstance(grid, CategoricalGrid):
            codes = encode(column, grid.categories, grid.folded).codes
            known = codes >= 0
        else:
            found, missing = numbers(column)
            codes = np.searchsorted(grid.edges, found, side="left")
            known = np.isfinite(found) if missing is None else np.isfinite(found) & ~missing
        values[known, i] = own[np.minimum(codes[known], len(own) - 1)]
    return Column(values)
