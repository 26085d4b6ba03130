"""Tile of a number: counts and sums between frozen edges.

With edges e0 < … < ek-1 there are k + 1 cells; cell i holds e(i-1) < x <= e(i), the outer cells are open. So the
empirical distribution function at every edge is exact, and a discrete feature whose values are the edges is exact
everywhere. NaN, infinities and nulls have their own counts and enter no cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from monitor.tiles.kernels import Lookup, lookup_of
from monitor.tiles.wire import Reader, raw

QUANTILE_CELLS = 260
"""Cells between baseline quantiles: at least 256 by design, and a multiple of 10 so that deciles are cell edges."""
SCORE_CELLS = 1_000
"""Cells of the fixed grid of a score on [0, 1]."""
EDGES_MAX = 2_048
"""Most edges of a grid: the fixed grid of a score and the baseline's quantiles and deciles together, with room."""


@dataclass(frozen=True, slots=True)
class NumericGrid:
    """Frozen edges, ascending and unique, with the baseline's location and scale.

    `decile_edges` are indices into `edges` of the (at most 9) baseline deciles, and of the edge before each that a tenth of
    the rows share as their value. `center` is what sums of squares are
    taken about (the baseline's mean), `low` and `high` the baseline's finite range: outside them is counted.
    """

    edges: npt.NDArray[np.float64]
    decile_edges: tuple[int, ...]
    center: float
    low: float
    high: float
    discrete: bool = False
    """The edges are all the baseline's values: cells are single values."""
    _lookup: list[Lookup] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `lookup` made: at most one."""
    _inner: list[tuple[int, int]] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `inner` found: at most one."""

    @property
    def lookup(self) -> Lookup:
        """How values find their cells, made at the first use and kept with the grid."""
        if not self._lookup:
            self._lookup.append(lookup_of(self.edges))
        return self._lookup[0]

    @property
    def inner(self) -> tuple[int, int]:
        """The cells of the baseline's range: from the first up to, not with, the second."""
        if not self._inner:  # asked for each window
            first, last = self.edges.searchsorted([self.low, self.high]).tolist()
            self._inner.append((first, last + 1))
        return self._inner[0]

    def to_plain(self) -> list[object]:
        deciles = raw(np.array(self.decile_edges, np.int64))
        return [raw(self.edges), deciles, self.center, self.low, self.high, self.discrete]

    @classmethod
    def from_plain(cls, document: object, where: str) -> NumericGrid:
        reader = Reader(document, where)
        edges, deciles = reader.reals(-1), reader.counts(-1)
        if len(edges) > EDGES_MAX or not (np.isfinite(edges).all() and (edges[1:] > edges[:-1]).all()):
            raise ValueError(f"{where}[0]: expected at most {EDGES_MAX} finite, ascending edges")
        if (deciles >= len(edges)).any() or not (np.diff(deciles) > 0).all():
            raise ValueError(f"{where}[1]: expected ascending positions of edges")
        grid = cls(edges, tuple(deciles.tolist()), reader.real(), reader.real(), reader.real(), reader.flag())
        reader.done()
        return grid


@dataclass(frozen=True, slots=True)
class NumericTile:
    """`counts` int64 and `sums` float64 of shape [cells]; `square_sum` = sum of (x - grid.center)^2 over finite x."""

    counts: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64]
    square_sum: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf
    missing: int = 0
    nan: int = 0
    positive_infinite: int = 0
    negative_infinite: int = 0
    below: int = 0
    """Finite values under the baseline's range."""
    above: int = 0
    _n: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `n` summed: at most one."""

    @property
    def n(self) -> int:
        """Finite values."""
        if not self._n:  # a window's metrics ask some thirty times
            self._n.append(int(self.counts.sum()))
        return self._n[0]

    @property
    def n_missing(self) -> int:
        """Rows that could not enter a value: null, NaN, infinite."""
        return self.missing + self.nan + self.positive_infinite + self.negative_infinite

    @property
    def rows(self) -> int:
        return self.n + self.n_missing

    @classmethod
    def empty(cls, grid: NumericGrid) -> NumericTile:
        cells = len(grid.edges) + 1
        return cls(np.zeros(cells, np.int64), np.zeros(cells, np.float64))

    def merge(self, other: NumericTile) -> NumericTile:
        return NumericTile(
            self.counts + other.counts,
            self.sums + other.sums,
            self.square_sum + other.square_sum,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
            self.missing + other.missing,
            self.nan + other.nan,
            self.positive_infinite + other.positive_infinite,
            self.negative_infinite + other.negative_infinite,
            self.below + other.below,
            self.above + other.above,
        )

    def to_plain(self) -> list[object]:
        return [
            raw(self.counts),
            raw(self.sums),
            self.square_sum,
            self.minimum,
            self.maximum,
            self.missing,
            self.nan,
            self.positive_infinite,
            self.negative_infinite,
            self.below,
            self.above,
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> NumericTile:
        reader = Reader(document, where)
        counts = reader.counts(-1)
        if not 1 <= len(counts) <= EDGES_MAX + 1:
            raise ValueError(f"{where}[0]: found {len(counts)} cells, expected 1 to {EDGES_MAX + 1}")
        tile = cls(
            counts,
            reader.reals(len(counts)),
            reader.real(),
            reader.real(),
            reader.real(),
            *(reader.count() for _ in range(6)),
        )
        reader.done()
        return tile
