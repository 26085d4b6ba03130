"""Tile of anomaly scores: how many rows were scored, how many are anomalous, and the distribution of the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.wire import Reader, raw

P_CELLS = 64
"""Cells of the conformal p-value on [0, 1]."""


@dataclass(frozen=True, slots=True)
class AnomalyTile:
    """`anomalous`: rows whose conformal p-value is at most the model's `anomaly_rate`; `recorded`: those in the window's FDR set."""

    scored: int
    anomalous: int
    recorded: int
    p_counts: npt.NDArray[np.int64]

    def merge(self, other: AnomalyTile) -> AnomalyTile:
        return AnomalyTile(
            self.scored + other.scored,
            self.anomalous + other.anomalous,
            self.recorded + other.recorded,
            self.p_counts + other.p_counts,
        )

    def to_plain(self) -> list[object]:
        return [self.scored, self.anomalous, self.recorded, raw(self.p_counts)]

    @classmethod
    def from_plain(cls, document: object, where: str) -> AnomalyTile:
        reader = Reader(document, where)
        tile = cls(reader.count(), reader.count(), reader.count(), reader.counts(P_CELLS))
        reader.done()
        return tile
