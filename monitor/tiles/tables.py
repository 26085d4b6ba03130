"""Tile of tables: how often values of two features come together, where one of them at least is a category.

Of a category its most frequent values have a level each, rows with any other enter no table; a number has the quarters of the
baseline. Frozen with a baseline where a declaration asks for what reads it, because every pair costs room in every window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.tiles.binning import bins_of
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.estimator import Binning
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.rows import Rows
from monitor.tiles.wire import Reader, raw

TABLE_METRICS = frozenset({"association_distance"})
TABLE_FEATURES_MAX = 24
"""Features that enter, the first in declared order: 276 pairs, at most 141 KB."""
LEVELS_MAX = 8
"""Most frequent categories with a level of their own."""
QUARTERS = (0.25, 0.5, 0.75)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TablesTile:
    """`levels` of each feature, and whether they are `ordered` (of a number). `counts` i64: the tables of all `pairs`, one after the other."""

    levels: tuple[int, ...]
    ordered: tuple[bool, ...]
    counts: Ints

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions of the features of each table, its lines and its columns; numbers with numbers have none."""
        k = len(self.levels)
        return [(i, j) for i in range(k) for j in range(i + 1, k) if not (self.ordered[i] and self.ordered[j])]

    @classmethod
    def empty(cls, levels: tuple[int, ...], ordered: tuple[bool, ...]) -> TablesTile:
        plan = cls(levels, ordered, np.zeros(0, np.int64))
        return cls(levels, ordered, np.zeros(sum(levels[i] * levels[j] for i, j in plan.pairs), np.int64))

    def tables(self) -> list[Ints]:
        """The table of each of `pairs`."""
        found, at = [], 0
        for i, j in self.pairs:
            size = self.levels[i] * self.levels[j]
            found.append(self.counts[at : at + size].reshape(self.levels[i], self.levels[j]))
            at += size
        return found

    def merge(self, other: TablesTile) -> TablesTile:
        return TablesTile(self.levels, self.ordered, self.counts + other.counts)

    def to_plain(self) -> list[object]:
        return [raw(np.array(self.levels, np.int64)), raw(np.array(self.ordered, np.int64)), raw(self.counts)]

    @classmethod
    def from_plain(cls, document: object, where: str) -> TablesTile:
        reader = Reader(document, where)
        levels, ordered = tuple(reader.counts(-1).tolist()), tuple(bool(one) for one in reader.counts(-1).tolist())
        if len(levels) > TABLE_FEATURES_MAX or len(ordered) != len(levels) or max(levels, default=0) > LEVELS_MAX:
            raise ValueError(f"{where}: found {len(levels)} features, expected at most {TABLE_FEATURES_MAX}")
        empty = cls.empty(levels, ordered)
        tile = cls(levels, ordered, reader.counts(len(empty.counts)))
        reader.done()
        return tile


def wanted(model: MonitoredModel) -> bool:
    return any(model.asks_for(metric) for metric in TABLE_METRICS)


def table_binnings(grids: Mapping[str, object], tiles: Mapping[str, object]) -> tuple[Binning, ...]:
    """Of the first features that have two levels; none where no category is among them."""
    found = []
    for name, grid in grids.items():
        tile = tiles.get(name)
        if isinstance(grid, CategoricalGrid):
            kept = grid.categories[:LEVELS_MAX]
            binning = Binning(name, np.zeros(0), kept, tuple(range(1, len(kept) + 1)))
        elif isinstance(grid, NumericGrid) and isinstance(tile, NumericTile):
            binning = _quarters(name, grid, tile)
        else:
            continue
        if levels_of(binning) > 1:
            found.append(binning)
    found = found[:TABLE_FEATURES_MAX]
    return tuple(found) if any(one.categories for one in found) and len(found) > 1 else ()


def levels_of(binning: Binning) -> int:
    return len(binning.categories) or len(binning.cuts) + 1


def _quarters(name: str, grid: NumericGrid, tile: NumericTile) -> Binning:
    """The edges nearest to the quarters, as far as values lie on either side of them."""
    below = np.cumsum(tile.counts)[:-1] / max(tile.n, 1)
    if not len(below):
        return Binning(name, np.zeros(0))
    at = np.unique([int(np.argmin(np.abs(below - share))) for share in QUARTERS])
    return Binning(name, grid.edges[at[(below[at] > 0.0) & (below[at] < 1.0)]])


def tables_tile(rows: Rows, binnings: tuple[Binning, ...]) -> TablesTile:
    """A column that the rows lack is in no table."""
    tile = TablesTile.empty(
        tuple(levels_of(one) for one in binnings), tuple(not one.categories for one in binnings)
    )  # fmt: skip
    none = np.zeros(len(rows), np.uint8)
    bins = [bins_of(rows.columns[b.column], b) if b.column in rows.columns else none for b in binnings]
    for (i, j), table in zip(tile.pairs, tile.tables(), strict=True):
        wide = tile.levels[j] + 1
        both = np.bincount(bins[i].astype(np.int64) * wide + bins[j], minlength=(tile.levels[i] + 1) * wide)
        table[:] = both.reshape(-1, wide)[1:, 1:]  # a view of the tile's own counts
    return tile
