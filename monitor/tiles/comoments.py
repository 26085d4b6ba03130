"""From the cell numbers of every row to the tile of pairs.

Cell numbers are taken less the middle one, so that they are at most 135 in size and a product of blocks of
PAIR_BLOCK_ROWS rows stays exact in float32, which is twice as fast as float64; blocks are added as whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from monitor.tiles.numeric import NumericGrid
from monitor.tiles.pairs import PairsTile
from monitor.tiles.tileset import FeatureTile, Grids

PAIR_BLOCK_ROWS = 512
"""Rows of one product: 512 · 135² is below 2^24, up to which float32 holds every whole number."""

Cells = npt.NDArray[np.float32]


class CellNumbers:
    """Room for the cell numbers of the features that enter pairs: a row a feature, a column a prediction."""

    def __init__(self, grids: Grids, rows: int) -> None:
        self.names = grids.pairs
        self.matrix = np.empty((len(self.names), rows), np.float32)
        self._row_of = {name: i for i, name in enumerate(self.names)}
        self._grids = grids

    def row(self, name: str) -> Cells | None:
        """Where the cell numbers of a feature go; None where it enters no pair."""
        i = self._row_of.get(name)
        return None if i is None else self.matrix[i]

    def pairs(self, tiles: Mapping[str, FeatureTile]) -> PairsTile | None:
        """The tile of pairs, once the tiles of all features have been counted."""
        if not self.names:
            return None
        k, rows = self.matrix.shape
        found = [tiles.get(name) for name in self.names]
        for i, tile in enumerate(found):
            if tile is None:
                self.matrix[i] = np.nan
        if all(tile is not None and tile.n == rows for tile in found):
            products = _products(self.matrix, self.matrix)
            n = np.full((k, k), rows, np.int64)
            sums = np.repeat(self._totals(tiles)[:, None], k, axis=1)
            squares = np.repeat(np.diag(products)[:, None], k, axis=1)
        else:
            present = ~np.isnan(self.matrix)
            self.matrix[~present] = 0.0
            mask = present.astype(np.float32)
            n, sums = _products(mask, mask), _products(self.matrix, mask)
            squares, products = _products(self.matrix * self.matrix, mask), _products(self.matrix, self.matrix)
        return self._uncentred(n, sums, squares, products)

    def _totals(self, tiles: Mapping[str, FeatureTile]) -> npt.NDArray[np.int64]:
        """Sum of the centred cell numbers of each feature, from its counts."""
        counts = [tiles[name].counts for name in self.names]
        return np.array(
            [int(c @ np.arange(len(c))) - m * int(c.sum()) for c, m in zip(counts, self._middles(), strict=True)]
        )

    def _middles(self) -> list[int]:
        grids = [self._grids.features[name] for name in self.names]
        return [middle(grid) if isinstance(grid, NumericGrid) else 0 for grid in grids]

    def _uncentred(
        self,
        n: npt.NDArray[np.int64],
        sums: npt.NDArray[np.int64],
        squares: npt.NDArray[np.int64],
        products: npt.NDArray[np.int64],
    ) -> PairsTile:
        """Moments of cell numbers from those of cell numbers less the middle."""
        middles = np.array(self._middles(), np.int64)
        own, other = middles[:, None], middles[None, :]
        return PairsTile(
            self.names,
            n,
            sums + n * own,
            squares + 2 * own * sums + n * own * own,
            products + sums * other + sums.T * own + n * own * other,
        )


def middle(grid: NumericGrid) -> int:
    """The cell number that is taken from all."""
    return len(grid.edges) // 2


def fill(cells: Cells, numbers: Cells, rows: npt.NDArray[np.bool_]) -> None:
    """Put the numbers of some rows in their places; the others enter no pair."""
    cells.fill(np.nan)
    cells[rows] = numbers


def _products(a: Cells, b: Cells) -> npt.NDArray[np.int64]:
    """a · bᵀ, exactly."""
    total = np.zeros((len(a), len(b)), np.int64)
    for start in range(0, a.shape[1], PAIR_BLOCK_ROWS):
        block = slice(start, start + PAIR_BLOCK_ROWS)
        total += (a[:, block] @ b[:, block].T).astype(np.int64)
    return total
