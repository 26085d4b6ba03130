"""The flip test's tile: how often the rows of the base group that are most like a row of another group got the other answer.

Each row of a group is held against its NEIGHBOURS nearest rows of the base group in the same window, by all features
but the group's own. Made at profile time, for it needs the rows; counts of windows add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.group import GROUP_CATEGORIES_MAX
from monitor.tiles.wire import Reader, raw

NEIGHBOURS = 5
"""Rows of the base group that stand in for a person's counterpart; their majority decides. Odd, so that there is one."""


@dataclass(frozen=True, slots=True)
class FlipTile:
    """`counts` int64 [groups, 3]: rows compared; of these not selected while their neighbours are; selected while those are not.

    `base` rows of the base group were there to be neighbours; a window with fewer than NEIGHBOURS compares no row.
    """

    groups: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    base: int = 0

    @classmethod
    def empty(cls, groups: tuple[str, ...]) -> FlipTile:
        return cls(groups, np.zeros((len(groups), 3), np.int64))

    def merge(self, other: FlipTile) -> FlipTile:
        return FlipTile(self.groups, self.counts + other.counts, self.base + other.base)

    def to_plain(self) -> list[object]:
        return [list(self.groups), raw(self.counts), self.base]

    @classmethod
    def from_plain(cls, document: object, where: str) -> FlipTile:
        reader = Reader(document, where)
        groups = reader.texts()
        if len(groups) > GROUP_CATEGORIES_MAX:
            raise ValueError(f"{where}[0]: found {len(groups)} groups, expected at most {GROUP_CATEGORIES_MAX}")
        tile = cls(groups, reader.counts(len(groups), 3), reader.count())
        reader.done()
        if (tile.counts[:, 1:].sum(1) > tile.counts[:, 0]).any():
            raise ValueError(f"{where}[1]: found more flips than rows")
        return tile
