"""Tile of the outcome of a ranking model: sums over lists, a list being the rows of one query in the order of their scores.

The query is a declared column, else the request: its rows were ranked together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.rows import Column, Rows
from monitor.tiles.wire import Reader, raw

DEPTH = 10
"""Places that NDCG, precision and recall at k look at: what a first page shows."""
GAIN, AVERAGE_PRECISION, RECIPROCAL_RANK, PRECISION = range(4)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankingOutcome:
    """`sums` f64 [4, 2]: of NDCG at 10, average precision, reciprocal rank and precision at 10 of each list the sum and the
    sum of squares, over the lists that have something relevant.
    """

    sums: Floats
    lists: int = 0
    """Lists with something relevant, whose every row has a label."""
    irrelevant: int = 0
    """Lists with nothing relevant: no order of theirs is better than another."""
    partial: int = 0
    """Lists some of whose rows have no label yet."""
    labelled: int = 0
    """Rows of complete lists."""
    unlabelled: int = 0
    unusable: int = 0
    """Rows with a label and without a usable score."""

    @classmethod
    def empty(cls) -> RankingOutcome:
        return cls(np.zeros((4, 2)))

    def merge(self, other: RankingOutcome) -> RankingOutcome:
        return RankingOutcome(
            self.sums + other.sums,
            self.lists + other.lists,
            self.irrelevant + other.irrelevant,
            self.partial + other.partial,
            self.labelled + other.labelled,
            self.unlabelled + other.unlabelled,
            self.unusable + other.unusable,
        )

    def to_plain(self) -> list[object]:
        counts = [self.lists, self.irrelevant, self.partial, self.labelled, self.unlabelled, self.unusable]
        return [raw(self.sums), *counts]

    @classmethod
    def from_plain(cls, document: object, where: str) -> RankingOutcome:
        reader = Reader(document, where)
        tile = cls(reader.reals(4, 2), *(reader.count() for _ in range(6)))
        reader.done()
        return tile


def ranking(rows: Rows, column: Column, query: str | None) -> RankingOutcome | None:
    """The outcome of some rows; None where they lack the declared query column. Relevance is a label of at least 0."""
    if query is not None and query not in rows.columns:
        return None
    if rows.label is None:
        return RankingOutcome(np.zeros((4, 2)), unlabelled=len(rows))
    relevance, absent = numbers(rows.label)
    labelled = np.isfinite(relevance) if absent is None else np.isfinite(relevance) & ~absent
    scores, unscored = numbers(column)
    scored = np.isfinite(scores) if unscored is None else np.isfinite(scores) & ~unscored
    codes = _lists(rows, query)
    known = codes != MISSING
    size = int(codes.max(initial=-1)) + 1
    usable = known & scored
    complete = np.ones(size, np.bool_)
    complete[codes[usable & ~labelled]] = False
    present = np.bincount(codes[usable], minlength=size) > 0
    kept = usable & labelled
    kept[kept] = complete[codes[kept]]
    sums, lists, irrelevant = _summed(codes[kept], scores[kept], np.maximum(relevance[kept], 0.0))
    return RankingOutcome(
        sums,
        lists=lists,
        irrelevant=irrelevant,
        partial=int((present & ~complete).sum()),
        labelled=int(kept.sum()),
        unlabelled=int((~labelled).sum()),
        unusable=int((labelled & ~usable).sum()),
    )


def _lists(rows: Rows, query: str | None) -> npt.NDArray[np.int64]:
    """Number of each row's list, MISSING where it has none."""
    if query is None:
        return np.unique(rows.id.astype(str), return_inverse=True)[1].astype(np.int64)
    codes = encode(rows.columns[query], ()).codes
    return np.where(codes == MISSING, MISSING, codes - 1)


def _summed(codes: npt.NDArray[np.int64], scores: Floats, relevance: Floats) -> tuple[Floats, int, int]:
    """Sums over lists by places, all lists at once: rows sorted by list and falling score, ties in the order they came."""
    sums = np.zeros((4, 2))
    if not len(codes):
        return sums, 0, 0
    order = np.lexsort((-scores, codes))
    code, gain = codes[order], relevance[order]
    starts = np.flatnonzero(np.append(True, np.diff(code) != 0))
    sizes = np.diff(np.append(starts, len(code)))
    place = np.arange(len(code)) - np.repeat(starts, sizes)
    ideal = relevance[np.lexsort((-relevance, codes))]
    discount = np.where(place < DEPTH, 1.0 / np.log2(place + 2.0), 0.0)
    hit = (gain > 0.0).astype(np.float64)
    total = np.add.reduceat(hit, starts)
    before = np.cumsum(hit) - np.repeat(np.cumsum(hit)[starts] - hit[starts], sizes)
    some = total > 0
    relevant = np.where(some, total, 1.0)
    best = np.where(some, np.add.reduceat(ideal * discount, starts), 1.0)
    values = np.stack(
        [
            np.add.reduceat(gain * discount, starts) / best,
            np.add.reduceat(hit * before / (place + 1.0), starts) / relevant,
            np.maximum.reduceat(hit / (place + 1.0), starts),
            np.add.reduceat(hit * (place < DEPTH), starts) / DEPTH,
        ]
    )[:, some]
    sums[:, 0], sums[:, 1] = values.sum(axis=1), np.square(values).sum(axis=1)
    return sums, int(some.sum()), int((~some).sum())
