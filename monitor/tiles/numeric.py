"""Tile of a number: counts and sums between frozen edges.

With edges e0 < … < ek-1 there are k + 1 cells; cell i holds e(i-1) < x <= e(i), the outer cells are open. So the
empirical distribution function at every edge is exact, and a discrete feature whose values are the edges is exact
everywhere. NaN, infinities and nulls have their own counts and enter no cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

QUANTILE_CELLS = 260
"""Cells between baseline quantiles: at least 256 by design, and a multiple of 10 so that deciles are cell edges."""
SCORE_CELLS = 1_000
"""Cells of the fixed grid of a score on [0, 1]."""


@dataclass(frozen=True, slots=True)
class NumericGrid:
    """Frozen edges, ascending and unique, with the baseline's location and scale.

    `decile_edges` are indices into `edges` of the (at most 9) baseline deciles. `center` is what sums of squares are
    taken about (the baseline's mean), `low` and `high` the baseline's finite range: outside them is counted.
    """

    edges: npt.NDArray[np.float64]
    decile_edges: tuple[int, ...]
    center: float
    low: float
    high: float
    discrete: bool = False
    """The edges are all the baseline's values: cells are single values."""


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

    @property
    def n(self) -> int:
        """Finite values."""
        return int(self.counts.sum())

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
