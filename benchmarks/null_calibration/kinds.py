"""The kinds of features that streams are made of: a law each, the grid its baseline freezes, and the shares of the cells.

Rows of a stream are independent, so the counts of a window are multinomial with the cells' true shares, which the law's
distribution function gives at the frozen edges: nothing is lost by never drawing the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import stats

from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.freeze import categorical_grid, numeric_grid
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.profile import categorical_tile, numeric_tile
from monitor.tiles.rows import Column
from monitor.tiles.tileset import FeatureTile, Grid

Generator = np.random.Generator
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

EXTRA = 2
"""Cells behind those of the tile: values the baseline has not, missing ones."""


@dataclass(frozen=True)
class Number:
    """A law of numbers. `grain`, a power of two, rounds down to its multiples: ties."""

    law: stats.rv_continuous
    grain: float = 0.0
    missing: float = 0.0

    def draw(self, rng: Generator, rows: int) -> Column:
        values = self.law.rvs(size=rows, random_state=rng)
        if self.grain:
            values = np.floor(values / self.grain) * self.grain
        absent = rng.random(rows) < self.missing
        return Column(values, absent if absent.any() else None)

    def grid(self, column: Column) -> NumericGrid:
        return numeric_grid(column)

    def shares(self, grid: Grid, shift: float = 0.0) -> Floats:
        """Of every cell, of unseen (none) and of missing. `shift` moves the law, in its own units."""
        assert isinstance(grid, NumericGrid)
        at = np.floor(grid.edges / self.grain) * self.grain + self.grain if self.grain else grid.edges
        # An edge that is a value of the grain itself holds all that was rounded down to it.
        below = self.law.cdf(at - shift)
        cells = np.diff(below, prepend=0.0, append=1.0)
        return np.concatenate([cells * (1 - self.missing), [0.0, self.missing]])


@dataclass(frozen=True)
class Name:
    """Categories with given shares."""

    weights: tuple[float, ...]
    missing: float = 0.0

    def draw(self, rng: Generator, rows: int) -> Column:
        values = rng.choice(len(self.weights), size=rows, p=self.weights)
        absent = rng.random(rows) < self.missing
        return Column(values.astype(np.int64), absent if absent.any() else None)

    def grid(self, column: Column) -> CategoricalGrid:
        return categorical_grid(column)

    def shares(self, grid: Grid, shift: float = 0.0) -> Floats:
        assert isinstance(grid, CategoricalGrid) and not shift
        known = np.array([self.weights[int(name)] for name in grid.categories])
        folded = sum(self.weights[int(name)] for name in grid.folded)
        cells = np.append(known, folded)
        unseen = max(0.0, 1.0 - float(cells.sum()))
        return np.append(np.append(cells, unseen) * (1 - self.missing), self.missing)


Kind = Number | Name


def zipf(categories: int) -> tuple[float, ...]:
    weights = 1 / np.arange(1, categories + 1)
    return tuple((weights / weights.sum()).tolist())


def one_large(categories: int) -> tuple[float, ...]:
    return (0.5, *[0.5 / (categories - 1)] * (categories - 1))


NORMAL = Number(stats.norm())
HEAVY = Number(stats.t(2))
TIES = Number(stats.expon(scale=5.0), grain=1.0)
LONG_TIES = Number(stats.lognorm(2.0), grain=0.0625)
KINDS: Mapping[str, tuple[Kind, ...]] = {
    "normal": (NORMAL,),
    "heavy-tailed": (HEAVY, Number(stats.lognorm(2.0)), Number(stats.cauchy())),
    "skewed, ties": (TIES, LONG_TIES, Number(stats.expon(scale=0.5), grain=1.0)),
    "categories": (Name((0.2,) * 5), Name(one_large(50)), Name(zipf(200)), Name(zipf(1_000))),
    "mixed": tuple(
        replace(kind, missing=0.02)
        for kind in (NORMAL, TIES, Name((0.2,) * 5), HEAVY, Name(zipf(1_000)), LONG_TIES, Name(one_large(50)))
    ),
}
"""Feature i of a stream is of the kind i modulo their number."""


@dataclass(frozen=True)
class Feature:
    """One feature with its frozen grid, the baseline's own tile, and the true shares of the window's cells."""

    kind: Kind
    grid: Grid
    tile: FeatureTile
    shares: Floats

    @classmethod
    def drawn(cls, rng: Generator, kind: Kind, rows: int) -> Feature:
        return cls.of(kind, kind.draw(rng, rows))

    @classmethod
    def of(cls, kind: Kind, column: Column) -> Feature:
        grid = kind.grid(column)
        return cls(kind, grid, _tile(column, grid), kind.shares(grid))

    def counted(self, column: Column) -> Floats:
        """Drawn rows as counts of the cells, unseen and missing."""
        tile = _tile(column, self.grid)
        unseen = tile.unseen if isinstance(tile, CategoricalTile) else 0
        return np.array([*tile.counts, unseen, tile.n_missing], np.float64)

    def tile_of(self, counts: Counts) -> FeatureTile:
        """The tile whose cells, unseen and missing rows were counted."""
        cells, (unseen, missing) = counts[:-EXTRA], counts[-EXTRA:].tolist()
        if isinstance(self.grid, CategoricalGrid):
            return CategoricalTile(cells, unseen=unseen, missing=missing)
        low, high = self.outside
        below, above = int(cells[:low].sum()), int(cells[high:].sum())
        return NumericTile(cells, np.zeros(len(cells)), missing=missing, below=below, above=above)

    @cached_property
    def outside(self) -> tuple[int, int]:
        """Cells from `low` to `high` are the baseline's range."""
        assert isinstance(self.grid, NumericGrid)
        edges = self.grid.edges
        return int(np.searchsorted(edges, self.grid.low)), int(np.searchsorted(edges, self.grid.high)) + 1


def _tile(column: Column, grid: Grid) -> FeatureTile:
    return numeric_tile(column, grid) if isinstance(grid, NumericGrid) else categorical_tile(column, grid)


def features(rng: Generator, kind: str, rows: int, number: int) -> list[Feature]:
    kinds = KINDS[kind]
    return [Feature.drawn(rng, kinds[i % len(kinds)], rows) for i in range(number)]
