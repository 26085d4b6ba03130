"""Tile of attributions: sums of the Shapley values of the explained predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.wire import Reader, raw


@dataclass(frozen=True, slots=True)
class AttributionTile:
    """float64 of shape [features]: sum of phi, of |phi| and of phi^2 over the `explained` predictions."""

    features: tuple[str, ...]
    explained: int
    sums: npt.NDArray[np.float64]
    absolute_sums: npt.NDArray[np.float64]
    square_sums: npt.NDArray[np.float64]

    def merge(self, other: AttributionTile) -> AttributionTile:
        return AttributionTile(
            self.features,
            self.explained + other.explained,
            self.sums + other.sums,
            self.absolute_sums + other.absolute_sums,
            self.square_sums + other.square_sums,
        )

    def to_plain(self) -> list[object]:
        sums = (self.sums, self.absolute_sums, self.square_sums)
        return [list(self.features), self.explained, *map(raw, sums)]

    @classmethod
    def from_plain(cls, document: object, where: str) -> AttributionTile:
        reader = Reader(document, where)
        features, explained = reader.texts(), reader.count()
        tile = cls(features, explained, *(reader.reals(len(features)) for _ in range(3)))
        reader.done()
        return tile
