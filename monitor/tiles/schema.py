"""A schema learned from rows that are taken for sound: what a declaration may ask of the next ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from monitor.definitions import ColumnRule
from monitor.definitions.schema import BOUND_MAX
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.tileset import Grids, TileSet

ROWS_MIN = 300
"""Rows that show a column never null, or its values complete: with none in 300, at most 1 % are so (at 95 %)."""
VALUES_MAX = 50
"""Categories up to which they are taken for a closed set."""
UNSEEN_MAX = 0.001
"""Share of rows with a category that no other row has, up to which the set is taken for closed: so many are expected to
be new among the next rows (Good 1953)."""
MARGIN = 0.1
"""Of the baseline's range, by which the range of a continuous number is widened on either side."""


def learned(grids: Grids, tiles: TileSet) -> Mapping[str, ColumnRule]:
    """A rule for every feature that the rows tell something of."""
    rules: dict[str, ColumnRule] = {}
    for name, grid in grids.features.items():
        tile = tiles.features.get(name)
        if isinstance(grid, NumericGrid) and isinstance(tile, NumericTile):
            rule = _of_number(grid, tile)
        elif isinstance(grid, CategoricalGrid) and isinstance(tile, CategoricalTile):
            rule = _of_name(grid, tile, closed=grids.kinds.get(name) in ("categorical", "boolean"))
        else:
            continue
        if rule != ColumnRule():
            rules[name] = rule
    return rules


def _of_number(grid: NumericGrid, tile: NumericTile) -> ColumnRule:
    not_null = tile.n >= ROWS_MIN and tile.n_missing == 0
    if not tile.n:
        return ColumnRule(not_null=not_null)
    seen = grid.edges[grid.edges >= grid.low]
    whole = grid.discrete and bool((np.trunc(seen) == seen).all())
    wider = 0.0 if grid.discrete else MARGIN * (grid.high - grid.low)
    if not max(abs(grid.low - wider), abs(grid.high + wider)) < BOUND_MAX / 2:  # a bound that no declaration may have
        return ColumnRule("number", not_null=not_null)
    if grid.discrete:
        return ColumnRule("whole" if whole else "number", grid.low, grid.high, None, not_null)
    low, high = _rounded(grid.low - wider, math.floor, wider), _rounded(grid.high + wider, math.ceil, wider)
    # What was never below zero is taken for a quantity that cannot be.
    return ColumnRule("number", max(low, 0.0) if grid.low >= 0.0 else low, high, None, not_null)


def _rounded(value: float, to: Callable[[float], int], unit: float) -> float:
    """Outward to a digit that is small beside the unit."""
    if unit <= 0.0:
        return value
    step = 10.0 ** math.floor(math.log10(unit))
    return float(f"{to(value / step) * step:.12g}")


def _of_name(grid: CategoricalGrid, tile: CategoricalTile, *, closed: bool) -> ColumnRule:
    not_null = tile.n >= ROWS_MIN and tile.missing == 0
    once = int((tile.counts == 1).sum())
    few = len(grid.categories) <= VALUES_MAX and not grid.folded
    if closed and few and tile.n >= ROWS_MIN and once <= UNSEEN_MAX * tile.n:
        return ColumnRule(values=tuple(grid.categories), not_null=not_null)
    return ColumnRule(not_null=not_null)
