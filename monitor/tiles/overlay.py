"""Two distributions on the same frozen bins, few enough to be drawn: what a page, an alert and the API show of a column."""

from __future__ import annotations

import numpy as np

from monitor.findings import Overlay
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.tileset import FeatureTile, Grid, Grids, TileSet

DISPLAY_BINS = 26
"""Bins of an overlay: ten of the grid's cells each, so window and baseline share their edges."""
DISPLAY_CATEGORIES = 40
FOLDED, REST, NEW = "other known", "other", "new"


def overlay(grid: Grid, baseline: FeatureTile, window: FeatureTile) -> Overlay | None:
    """Counts of both: cells grouped for a number, the largest categories for a name. None where the two are of different kinds."""
    if isinstance(grid, NumericGrid) and isinstance(baseline, NumericTile) and isinstance(window, NumericTile):
        return _numbers(grid, baseline, window)
    if (
        isinstance(grid, CategoricalGrid)
        and isinstance(baseline, CategoricalTile)
        and isinstance(window, CategoricalTile)
    ):
        return _categories(grid, baseline, window)
    return None


def _numbers(grid: NumericGrid, baseline: NumericTile, window: NumericTile) -> Overlay:
    edges = grid.edges
    step = max(1, (len(edges) + 1) // DISPLAY_BINS)
    starts = np.arange(0, len(edges) + 1, step)
    return Overlay(
        kind="numeric",
        edges=tuple(float(edges[i - 1]) for i in starts[1:]),
        low=float(min(grid.low, window.minimum) if window.n else grid.low),
        high=float(max(grid.high, window.maximum) if window.n else grid.high),
        baseline=tuple(np.add.reduceat(baseline.counts, starts).tolist()),
        window_counts=tuple(np.add.reduceat(window.counts, starts).tolist()),
    )


def _categories(grid: CategoricalGrid, baseline: CategoricalTile, window: CategoricalTile) -> Overlay:
    names = [*grid.categories, FOLDED]
    share = np.maximum(baseline.counts / max(baseline.n, 1), window.counts / max(window.n, 1))
    order = [i for i in np.argsort(-share, kind="stable")[:DISPLAY_CATEGORIES] if share[i] > 0]
    rest_b, rest_w = (int(t.counts.sum() - t.counts[order].sum()) for t in (baseline, window))
    extra = [(REST, rest_b, rest_w)] if rest_b or rest_w else []
    extra += [(NEW, baseline.unseen, window.unseen)] if window.unseen or baseline.unseen else []
    return Overlay(
        kind="categorical",
        categories=(*(names[i] for i in order), *(e[0] for e in extra)),
        baseline=(*(int(baseline.counts[i]) for i in order), *(e[1] for e in extra)),
        window_counts=(*(int(window.counts[i]) for i in order), *(e[2] for e in extra)),
        unseen_names=dict(window.unseen_names),
    )


def grid_of(grids: Grids, column: str) -> Grid | None:
    """What a column is drawn on; of a vector the distance from its centre."""
    if column in grids.vectors:
        return grids.vectors[column].cells[-1]
    return next(
        (of[column] for of in (grids.features, grids.described, grids.prediction, grids.label) if column in of), None
    )


def tile_of(tiles: TileSet, column: str) -> FeatureTile | None:
    if column in tiles.vectors:
        return tiles.vectors[column].numbers[-1]
    return next(
        (of[column] for of in (tiles.features, tiles.described, tiles.prediction, tiles.label) if column in of), None
    )
