"""Tiles of labelled rows whose prediction says how sure it is: probabilities of classes, quantiles of a value."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from monitor.definitions.forecasts import CLASSES_MAX, LEVELS_MAX
from monitor.tiles.estimator import CLASS_CELLS
from monitor.tiles.wire import Reader, raw

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

BINS = 10
"""Of equal width, by probability: what calibration of several classes is told by elsewhere."""
LOG_LOSS, BRIER, RANKED = range(3)
ROWS, SCORE, HITS = range(3)


@dataclass(frozen=True, slots=True)
class ClassForecastTile:
    """`sums` f64 [3, 2]: sum and sum of squares of the log loss, Brier score and ranked probability score. `ranks` i64
    [classes]: rows whose true class was the r-th likeliest. `bins` f64 [classes + 1, BINS, 3]: rows, sum of probabilities
    and rows of the class, by the probability of each class and, last, of the likeliest. `ranking` i64 [classes, CLASS_CELLS, 2]:
    rows of other classes and of the class, by its probability.

    `unlabelled` rows have no label; `unusable` ones have a label that is no declared class, or no probabilities that add up.
    """

    classes: tuple[str, ...]
    sums: Floats
    ranks: Counts
    bins: Floats
    ranking: Counts
    unlabelled: int = 0
    unusable: int = 0

    @property
    def labelled(self) -> int:
        return int(self.ranks.sum())

    @classmethod
    def empty(cls, classes: tuple[str, ...]) -> ClassForecastTile:
        k = len(classes)
        return cls(classes, np.zeros((3, 2)), np.zeros(k, np.int64), np.zeros((k + 1, BINS, 3)), _no_ranking(k))

    def merge(self, other: ClassForecastTile) -> ClassForecastTile:
        if self.classes != other.classes:
            return other  # another declaration: the newer tells of what is asked for now
        return ClassForecastTile(
            self.classes,
            self.sums + other.sums,
            self.ranks + other.ranks,
            self.bins + other.bins,
            self.ranking + other.ranking,
            self.unlabelled + other.unlabelled,
            self.unusable + other.unusable,
        )

    def to_plain(self) -> list[object]:
        arrays = [raw(self.sums), raw(self.ranks), raw(self.bins), raw(self.ranking)]
        return [list(self.classes), *arrays, self.unlabelled, self.unusable]

    @classmethod
    def from_plain(cls, document: object, where: str) -> ClassForecastTile:
        reader = Reader(document, where)
        classes = reader.texts()
        k = len(classes)
        if k > CLASSES_MAX:
            raise ValueError(f"{where}[0]: found {k} classes, expected at most {CLASSES_MAX}")
        tile = cls(
            classes,
            reader.reals(3, 2),
            reader.counts(k),
            reader.reals(k + 1, BINS, 3),
            reader.counts(k, CLASS_CELLS, 2),
            reader.count(),
            reader.count(),
        )
        reader.done()
        return tile


def _no_ranking(k: int) -> Counts:
    return np.zeros((k, CLASS_CELLS, 2), np.int64)


@dataclass(frozen=True, slots=True)
class QuantileTile:
    """`sums` f64 [levels, 2]: sum and sum of squares of the pinball loss. `below` i64 [levels]: labels at or under the quantile.

    `inside`: labels from the lowest to the highest quantile; `crossed`: rows whose quantiles do not ascend.
    """

    levels: tuple[float, ...]
    sums: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    below: Counts = field(default_factory=lambda: np.zeros(0, np.int64))
    labelled: int = 0
    inside: int = 0
    crossed: int = 0
    unlabelled: int = 0
    unusable: int = 0

    @classmethod
    def empty(cls, levels: tuple[float, ...]) -> QuantileTile:
        return cls(levels, np.zeros((len(levels), 2)), np.zeros(len(levels), np.int64))

    def merge(self, other: QuantileTile) -> QuantileTile:
        if self.levels != other.levels:
            return other  # another declaration, as above
        return QuantileTile(
            self.levels,
            self.sums + other.sums,
            self.below + other.below,
            self.labelled + other.labelled,
            self.inside + other.inside,
            self.crossed + other.crossed,
            self.unlabelled + other.unlabelled,
            self.unusable + other.unusable,
        )

    def to_plain(self) -> list[object]:
        counts = [self.labelled, self.inside, self.crossed, self.unlabelled, self.unusable]
        return [raw(np.array(self.levels, np.float64)), raw(self.sums), raw(self.below), *counts]

    @classmethod
    def from_plain(cls, document: object, where: str) -> QuantileTile:
        reader = Reader(document, where)
        levels = reader.reals(-1)
        if len(levels) > LEVELS_MAX:
            raise ValueError(f"{where}[0]: found {len(levels)} levels, expected at most {LEVELS_MAX}")
        sums, below = reader.reals(len(levels), 2), reader.counts(len(levels))
        tile = cls(tuple(levels.tolist()), sums, below, *(reader.count() for _ in range(5)))
        reader.done()
        return tile


ForecastTile = ClassForecastTile | QuantileTile
