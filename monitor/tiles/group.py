"""Tile of a group column: for each group, how many rows, how many selected, and the confusion counts of the labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.wire import Reader, raw

GROUP_CATEGORIES_MAX = 64
"""Groups of one column that are judged: the baseline's largest. Each is a slice with its own measurements."""


@dataclass(frozen=True, slots=True)
class GroupTile:
    """`counts` int64 of shape [groups, 6]: rows, selected (predicted positive), TP, FP, TN, FN.

    The groups are the frozen categories of the group column (canonical form); rows of new groups are in `unseen`,
    rows without a group or without a usable prediction in `missing`.
    """

    groups: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    unseen: int = 0
    missing: int = 0

    @classmethod
    def empty(cls, groups: tuple[str, ...]) -> GroupTile:
        return cls(groups, np.zeros((len(groups), 6), np.int64))

    def merge(self, other: GroupTile) -> GroupTile:
        return GroupTile(
            self.groups, self.counts + other.counts, self.unseen + other.unseen, self.missing + other.missing
        )

    def to_plain(self) -> list[object]:
        return [list(self.groups), raw(self.counts), self.unseen, self.missing]

    @classmethod
    def from_plain(cls, document: object, where: str) -> GroupTile:
        reader = Reader(document, where)
        groups = reader.texts()
        if len(groups) > GROUP_CATEGORIES_MAX:
            raise ValueError(f"{where}[0]: found {len(groups)} groups, expected at most {GROUP_CATEGORIES_MAX}")
        tile = cls(groups, reader.counts(len(groups), 6), reader.count(), reader.count())
        reader.done()
        return tile


ROWS, SELECTED, TRUE_POSITIVES, FALSE_POSITIVES, TRUE_NEGATIVES, FALSE_NEGATIVES = range(6)
"""Columns of `GroupTile.counts`."""
