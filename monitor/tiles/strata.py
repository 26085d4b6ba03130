"""Groups within strata: who is selected, and who deserves it, among rows that are alike in what may explain a difference.

A declaration names the column, `strata: DEPARTMENT`. For each group column there is one tile, with a row of counts for
every group in every stratum; the strata are the baseline's categories of that column, frozen with its grids.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.group import GROUP_CATEGORIES_MAX
from monitor.tiles.wire import Reader, raw

STRATA_MAX = 64
"""Strata that are told apart: the baseline's largest. With 64 groups a tile is 192 KiB before it is compressed."""


@dataclass(frozen=True, slots=True)
class StrataTile:
    """`counts` int64 [groups, strata, 6]: rows, selected, TP, FP, TN, FN, as a GroupTile has them for each group.

    Rows of new groups or of strata that the baseline has not are in `unseen`, rows without one of the two or without a
    usable prediction in `missing`.
    """

    groups: tuple[str, ...]
    strata: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    unseen: int = 0
    missing: int = 0

    @classmethod
    def empty(cls, groups: tuple[str, ...], strata: tuple[str, ...]) -> StrataTile:
        return cls(groups, strata, np.zeros((len(groups), len(strata), 6), np.int64))

    def merge(self, other: StrataTile) -> StrataTile:
        unseen, missing = self.unseen + other.unseen, self.missing + other.missing
        return StrataTile(self.groups, self.strata, self.counts + other.counts, unseen, missing)

    def to_plain(self) -> list[object]:
        return [list(self.groups), list(self.strata), raw(self.counts), self.unseen, self.missing]

    @classmethod
    def from_plain(cls, document: object, where: str) -> StrataTile:
        reader = Reader(document, where)
        groups, strata = reader.texts(), reader.texts()
        for i, (names, most) in enumerate(((groups, GROUP_CATEGORIES_MAX), (strata, STRATA_MAX))):
            if len(names) > most:
                raise ValueError(f"{where}[{i}]: found {len(names)} names, expected at most {most}")
        counts = reader.counts(len(groups), len(strata), 6)
        tile = cls(groups, strata, counts, reader.count(), reader.count())
        reader.done()
        return tile
