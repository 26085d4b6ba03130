"""Tile of feature pairs: co-moments of the cell numbers, for correlation drift.

Each numeric value is replaced by the number of its cell, its rank in the baseline on a bounded scale; so the Pearson
correlation of cell numbers is a rank correlation that no outlier moves, and all sums are exact integers in any order.
Only rows where both values are finite enter a pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.wire import Reader, raw

PAIR_FEATURES_MAX = 64
"""Numeric features that enter pairs (2,016 pairs); beyond it the first in declared order, said in the reason."""


@dataclass(frozen=True, slots=True)
class PairsTile:
    """Symmetric int64 arrays of shape [k, k] over the pairwise complete rows of `features`.

    n[i, j]; sums[i, j] = sum of the cell number of i; squares[i, j] = of its square; products[i, j] = of i times j.
    """

    features: tuple[str, ...]
    n: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64]
    squares: npt.NDArray[np.int64]
    products: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, features: tuple[str, ...]) -> PairsTile:
        zero = np.zeros((len(features), len(features)), np.int64)
        return cls(features, zero, zero, zero, zero)

    def merge(self, other: PairsTile) -> PairsTile:
        return PairsTile(
            self.features,
            self.n + other.n,
            self.sums + other.sums,
            self.squares + other.squares,
            self.products + other.products,
        )

    def to_plain(self) -> list[object]:
        return [list(self.features), *map(raw, (self.n, self.sums, self.squares, self.products))]

    @classmethod
    def from_plain(cls, document: object, where: str) -> PairsTile:
        reader = Reader(document, where)
        features = reader.texts()
        if len(features) > PAIR_FEATURES_MAX:
            raise ValueError(f"{where}[0]: found {len(features)} features, expected at most {PAIR_FEATURES_MAX}")
        k = len(features)
        tile = cls(features, *(reader.counts(k, k) for _ in range(4)))
        reader.done()
        return tile
