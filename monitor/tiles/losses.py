"""Tile of learned losses: what the baseline's loss model expects of the errors of a regression, summed over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.wire import Reader, raw

Floats = npt.NDArray[np.float64]

SUMS = 5
"""Per row: expected |e|, expected e², the variance of |e| given the row, the square of the expected e², and |e|'s square."""


@dataclass(frozen=True, slots=True)
class LossTile:
    """`all` and `labelled`: sums over the rows with a usable prediction, and over those whose label came.

    f64 [SUMS]: of a = E|e|, b = E e², max(b - a², 0), b², a².
    """

    rows: int
    sums: Floats
    labelled: int
    labelled_sums: Floats

    @classmethod
    def empty(cls) -> LossTile:
        return cls(0, np.zeros(SUMS), 0, np.zeros(SUMS))

    def merge(self, other: LossTile) -> LossTile:
        return LossTile(
            self.rows + other.rows,
            self.sums + other.sums,
            self.labelled + other.labelled,
            self.labelled_sums + other.labelled_sums,
        )

    def to_plain(self) -> list[object]:
        return [self.rows, raw(self.sums), self.labelled, raw(self.labelled_sums)]

    @classmethod
    def from_plain(cls, document: object, where: str) -> LossTile:
        reader = Reader(document, where)
        tile = cls(reader.count(), reader.reals(SUMS), reader.count(), reader.reals(SUMS))
        reader.done()
        return tile
