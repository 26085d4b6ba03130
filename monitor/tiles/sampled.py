"""A bounded sample of rows as bins, one byte a feature: what whole rows are told apart by.

The rows are those of the smallest hashes of their prediction ids, so tiles merge: the smallest of two samples together
are those of all rows. Frozen with a baseline where a declaration asks for it, because a tile holds rows (their bins, never
their values) and takes room: 64 features and 1,000 rows are 72 KB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.binning import Bytes
from monitor.tiles.estimator import BINS_MAX, FEATURES_MAX
from monitor.tiles.wire import Reader, raw

WINDOW_ROWS = 1_000
"""Rows of a window: an AUC that is 0.55 in truth is told from 0.5 by so many."""
BASELINE_ROWS = 2_000
"""Rows of a baseline: more would hardly narrow a comparison with WINDOW_ROWS, and every row costs each window time."""


@dataclass(frozen=True, slots=True)
class SampledTile:
    """`bins` uint8 [n, features], of the at most `most` rows with the smallest `keys` (int64 [n], ascending) of `rows`."""

    most: int
    rows: int
    keys: npt.NDArray[np.int64]
    bins: Bytes

    @classmethod
    def empty(cls, features: int, most: int = WINDOW_ROWS) -> SampledTile:
        return cls(most, 0, np.zeros(0, np.int64), np.zeros((0, features), np.uint8))

    @property
    def n(self) -> int:
        return len(self.keys)

    def merge(self, other: SampledTile) -> SampledTile:
        most = max(self.most, other.most)
        keys, bins = np.concatenate([self.keys, other.keys]), np.concatenate([self.bins, other.bins])
        # Rows of one key stand in the order of their bins, so that it does not matter which tile came first.
        order = np.lexsort((*bins.T[::-1], keys)) if len(np.unique(keys)) < len(keys) else np.argsort(keys)
        return SampledTile(most, self.rows + other.rows, keys[order[:most]], bins[order[:most]])

    def to_plain(self) -> list[object]:
        return [self.most, self.rows, self.bins.shape[1], raw(self.keys), self.bins.tobytes()]

    @classmethod
    def from_plain(cls, document: object, where: str) -> SampledTile:
        reader = Reader(document, where)
        most, rows, features, keys = reader.count(), reader.count(), reader.count(), reader.wholes(-1)
        data = reader.raw(BASELINE_ROWS * FEATURES_MAX)
        reader.done()
        if len(keys) != min(most, rows) or most > BASELINE_ROWS or features > FEATURES_MAX:
            raise ValueError(
                f"{where}: found {len(keys)} of {rows} rows and {features} features, {min(most, rows)} expected"
            )
        if len(data) != len(keys) * features or (np.diff(keys) < 0).any():
            raise ValueError(f"{where}[4]: found {len(data)} bytes for {len(keys)} rows of {features} features")
        bins = np.frombuffer(data, np.uint8).reshape(len(keys), features)
        if bins.max(initial=0) >= BINS_MAX:
            raise ValueError(f"{where}[4]: found bin {bins.max()}, expected less than {BINS_MAX}")
        return cls(most, rows, keys, bins)
