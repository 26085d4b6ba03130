"""The parts of the population that are searched: each column in a few bins of the baseline, each bin a condition of our own language."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.definitions.intersections import AND
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.coding import encode, numbers
from monitor.tiles.freeze import KINDS_OF_PRESENCE
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline

Codes = npt.NDArray[np.int64]

ATTRIBUTES_MAX = 60
"""Columns that are searched, groups first, then features as declared: each costs a pass over the rows."""
CATEGORIES_MAX = 20
"""Largest categories of a column that are parts of their own."""
QUARTILES = (0.25, 0.5, 0.75)
NOT_MEMBER = -1
"""Code of a row that is in no part of an attribute (a rare or new category)."""
_BARE = re.compile(r"[^\W\d][\w.]*")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_WORDS = frozenset({"and", "or", "not", "in", "is", "missing", "true", "false"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column cut into parts; `conditions[i]` is the predicate of the rows with code i."""

    column: str
    conditions: tuple[str, ...]
    edges: npt.NDArray[np.float64] | None = None
    """Upper ends (inclusive) of a number's bins; the last part is of rows without a value."""
    categories: tuple[str, ...] = ()

    def codes(self, rows: Rows) -> Codes:
        """The part of each row."""
        column = rows.columns.get(self.column)
        if column is None:
            return np.full(len(rows), NOT_MEMBER, np.int64)
        if self.edges is None:
            found = encode(column, self.categories).codes
            return np.where(found < len(self.categories), found, NOT_MEMBER)
        values, missing = numbers(column)
        absent = np.isnan(values) if missing is None else missing | np.isnan(values)
        bins = np.searchsorted(self.edges, values, side="left")
        return np.where(absent, len(self.edges) + 1, bins).astype(np.int64)


def attributes_of(baseline: Baseline, *, without: Sequence[str] = ()) -> tuple[Attribute, ...]:
    """The baseline's groups and features, cut; chosen without a look at the window, so that the search may count them."""
    grids, tiles = baseline.grids, baseline.tiles
    # The search joins columns itself; a predicate names the columns that rows have.
    intersections = {name for name in grids.groups if AND in name and name not in grids.features}
    found = [
        _names(name, categories[:CATEGORIES_MAX])
        for name, categories in grids.groups.items()
        if name not in without and len(categories) > 1 and name not in intersections
    ]
    for name, grid in grids.features.items():
        if name in without or name in grids.groups or grids.kinds.get(name) in KINDS_OF_PRESENCE:
            continue
        tile = tiles.features.get(name)
        if isinstance(grid, NumericGrid) and isinstance(tile, NumericTile) and tile.n:
            found.append(_numbers(name, grid, tile))
        elif isinstance(grid, CategoricalGrid) and isinstance(tile, CategoricalTile) and len(grid.categories) > 1:
            found.append(_names(name, grid.categories[:CATEGORIES_MAX]))
    return tuple(one for one in found if len(one.conditions) > 1)[:ATTRIBUTES_MAX]


def quoted(column: str) -> str:
    """A column as a predicate names it."""
    return column if _BARE.fullmatch(column) and column.lower() not in _WORDS else f"`{column}`"


def _names(column: str, categories: tuple[str, ...]) -> Attribute:
    conditions = tuple(f"{quoted(column)} = {_value(category)}" for category in categories)
    return Attribute(column, conditions, categories=categories)


def _value(category: str) -> str:
    if _NUMBER.fullmatch(category) or category in ("true", "false"):
        return category
    return f'"{category}"' if "'" in category else f"'{category}'"


def _numbers(column: str, grid: NumericGrid, tile: NumericTile) -> Attribute:
    shares = np.cumsum(tile.counts) / tile.n
    at = np.unique(np.searchsorted(shares, QUARTILES))
    # Rounded as they are spoken, so that a condition means the rows that were counted.
    edges = np.unique([float(f"{edge:.6g}") for edge in grid.edges[at[at < len(grid.edges)]]])
    # A last bin that no baseline row falls into would never be a part of the population.
    edges = edges[edges < grid.high]
    name = quoted(column)
    spoken = [f"{edge:.6g}" for edge in edges]
    if not len(edges):
        return Attribute(column, ())
    middle = [f"{name} > {low} and {name} <= {high}" for low, high in itertools.pairwise(spoken)]
    conditions = (f"{name} <= {spoken[0]}", *middle, f"{name} > {spoken[-1]}", f"{name} is missing")
    return Attribute(column, conditions, edges=edges)
