"""Tile of scores: how many rows of a stratum have a score in each cell, by what the model said, and by what was true.

Strata are all rows (`TOTAL`, on the fine grid of 1,000 cells), the groups of a column and the regions of the feature
space that the baseline froze (both on 100 cells). From these and the baseline's calibration curve the performance is
estimated without labels: a dot product over cells, exact but for where in its cell a row lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.numeric import SCORE_CELLS
from monitor.tiles.wire import Reader, raw

TOTAL = "all"
REGIONS = "regions"
COARSE_CELLS = 100
"""Cells of strata: each holds ten of the fine ones. A stratum is 4.8 kB."""
STRATA_MAX = 64
"""Groups of a column, as in its GroupTile."""
TAIL_CELLS = 10
"""Fine cells at either end in which the logarithm bends too much for a cell's centre to stand for its rows."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def group_key(column: str) -> str:
    """Where the strata of a group column are kept."""
    return f"group:{column}"


@dataclass(frozen=True, slots=True)
class ScoreTile:
    """`rows` int64 [strata, cells, 2]: by what the model said (not positive, positive). `labelled` int64 [strata, cells, 4]:
    those whose label came, at 2 * (label is positive) + (model said positive).

    `tails` f64 [2, TAIL_CELLS]: sums of ln(s) in the lowest cells and of ln(1 - s) in the highest, over all rows; only
    of the fine grid, zeros elsewhere. For a model of several classes "positive" is that its prediction is right.
    """

    rows: Ints
    labelled: Ints
    tails: Floats

    @property
    def n(self) -> int:
        return int(self.rows.sum())

    @classmethod
    def empty(cls, strata: int, cells: int) -> ScoreTile:
        return cls(
            np.zeros((strata, cells, 2), np.int64), np.zeros((strata, cells, 4), np.int64), np.zeros((2, TAIL_CELLS))
        )

    def merge(self, other: ScoreTile) -> ScoreTile:
        return ScoreTile(self.rows + other.rows, self.labelled + other.labelled, self.tails + other.tails)

    def to_plain(self) -> list[object]:
        strata, cells, _ = self.rows.shape
        return [strata, cells, raw(self.rows), raw(self.labelled), raw(self.tails)]

    @classmethod
    def from_plain(cls, document: object, where: str) -> ScoreTile:
        reader = Reader(document, where)
        strata, cells = reader.count(), reader.count()
        if not (strata <= STRATA_MAX and cells in (SCORE_CELLS, COARSE_CELLS)):
            raise ValueError(f"{where}: found {strata} strata of {cells} cells, expected at most {STRATA_MAX}")
        tile = cls(reader.counts(strata, cells, 2), reader.counts(strata, cells, 4), reader.reals(2, TAIL_CELLS))
        reader.done()
        return tile


@dataclass(frozen=True, slots=True)
class Scored:
    """The rows that have a score on [0, 1] and a decision: what every stratum counts. `truth` is -1 without a label."""

    usable: Bools
    score: Floats
    cell: Ints
    """Fine cell of each usable row."""
    selected: npt.NDArray[np.int8]
    truth: npt.NDArray[np.int8] | None


def total(scored: Scored) -> ScoreTile:
    tile = _count(scored, None, 1, SCORE_CELLS)
    low, high = scored.cell < TAIL_CELLS, scored.cell >= SCORE_CELLS - TAIL_CELLS
    eps = np.finfo(np.float64).eps
    tails = np.zeros((2, TAIL_CELLS))
    if low.any():
        tails[0] = np.bincount(scored.cell[low], np.log(np.maximum(scored.score[low], eps)), TAIL_CELLS)
    if high.any():
        cells = scored.cell[high] - (SCORE_CELLS - TAIL_CELLS)
        tails[1] = np.bincount(cells, np.log(np.maximum(1.0 - scored.score[high], eps)), TAIL_CELLS)
    return ScoreTile(tile.rows, tile.labelled, tails)


def strata(scored: Scored, codes: Ints, number: int) -> ScoreTile:
    """By stratum: `codes` of all rows; rows with a code outside 0 … number - 1 are in none."""
    return _count(scored, codes[scored.usable], number, COARSE_CELLS)


def _count(scored: Scored, code: Ints | None, number: int, cells: int) -> ScoreTile:
    cell = scored.cell if cells == SCORE_CELLS else scored.cell // (SCORE_CELLS // cells)
    place = cell * 2
    place += scored.selected
    if code is None:
        rows = np.bincount(place, minlength=cells * 2)
    else:
        # One more stratum at the end takes the rows that are in none.
        kept = np.where((code >= 0) & (code < number), code, number)
        place += kept * (cells * 2)
        rows = np.bincount(place, minlength=(number + 1) * cells * 2)[: number * cells * 2]
    labelled = np.zeros(number * cells * 4, np.int64)
    if scored.truth is not None:
        known = scored.truth >= 0
        at = place[known]
        at = (at // 2) * 4 + at % 2 + 2 * scored.truth[known]
        labelled = np.bincount(at, minlength=len(labelled) + cells * 4)[: len(labelled)]
    return ScoreTile(
        rows.astype(np.int64).reshape(number, cells, 2),
        labelled.astype(np.int64).reshape(number, cells, 4),
        np.zeros((2, TAIL_CELLS)),
    )


Scores = Mapping[str, ScoreTile]
