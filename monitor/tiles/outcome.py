"""Tiles of the outcome: predictions joined with their labels. What accuracy reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.categorical import CATEGORIES_MAX
from monitor.tiles.numeric import SCORE_CELLS
from monitor.tiles.outcome_rankings import RankingOutcome
from monitor.tiles.outcome_sets import MultilabelOutcome
from monitor.tiles.wire import Reader, raw


@dataclass(frozen=True, slots=True)
class BinaryOutcome:
    """Labelled rows of a binary model.

    `positives` and `negatives` int64 of shape [SCORE_CELLS]: labels by score on the fixed grid on [0, 1] (cell i holds
    i/cells <= s < (i+1)/cells, the last one closed); zero where the model gives no score. The log loss is the sum over
    rows with scores clipped to [eps, 1 - eps], eps of float64 (as scikit-learn does).
    """

    positives: npt.NDArray[np.int64]
    negatives: npt.NDArray[np.int64]
    log_loss_sum: float = 0.0
    log_loss_square_sum: float = 0.0
    brier_sum: float = 0.0
    scored: int = 0
    """Labelled rows with a usable score."""
    true_positives: int = 0
    false_positives: int = 0
    true_negatives: int = 0
    false_negatives: int = 0
    unlabelled: int = 0
    unusable: int = 0
    """Labelled rows whose prediction is missing or not finite."""

    @property
    def labelled(self) -> int:
        """Labelled rows with a usable class."""
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @classmethod
    def empty(cls) -> BinaryOutcome:
        return cls(np.zeros(SCORE_CELLS, np.int64), np.zeros(SCORE_CELLS, np.int64))

    def merge(self, other: BinaryOutcome) -> BinaryOutcome:
        return BinaryOutcome(
            self.positives + other.positives,
            self.negatives + other.negatives,
            self.log_loss_sum + other.log_loss_sum,
            self.log_loss_square_sum + other.log_loss_square_sum,
            self.brier_sum + other.brier_sum,
            self.scored + other.scored,
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.true_negatives + other.true_negatives,
            self.false_negatives + other.false_negatives,
            self.unlabelled + other.unlabelled,
            self.unusable + other.unusable,
        )

    def to_plain(self) -> list[object]:
        return [
            raw(self.positives),
            raw(self.negatives),
            self.log_loss_sum,
            self.log_loss_square_sum,
            self.brier_sum,
            self.scored,
            self.true_positives,
            self.false_positives,
            self.true_negatives,
            self.false_negatives,
            self.unlabelled,
            self.unusable,
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> BinaryOutcome:
        reader = Reader(document, where)
        tile = cls(
            reader.counts(SCORE_CELLS),
            reader.counts(SCORE_CELLS),
            reader.real(),
            reader.real(),
            reader.real(),
            *(reader.count() for _ in range(7)),
        )
        reader.done()
        return tile


@dataclass(frozen=True, slots=True)
class MulticlassOutcome:
    """Labelled rows of a multi-class model: `confusion` int64 of shape [classes + 1, classes + 1], label × prediction.

    Classes are the baseline's, frozen; the last row and column hold every other class. `correct` counts the rows whose
    prediction is their label, other classes included, so that accuracy needs no frozen class.
    """

    confusion: npt.NDArray[np.int64]
    correct: int = 0
    unlabelled: int = 0
    unusable: int = 0

    @property
    def labelled(self) -> int:
        return int(self.confusion.sum())

    @classmethod
    def empty(cls, classes: int) -> MulticlassOutcome:
        return cls(np.zeros((classes + 1, classes + 1), np.int64))

    def merge(self, other: MulticlassOutcome) -> MulticlassOutcome:
        return MulticlassOutcome(
            self.confusion + other.confusion,
            self.correct + other.correct,
            self.unlabelled + other.unlabelled,
            self.unusable + other.unusable,
        )

    def to_plain(self) -> list[object]:
        return [len(self.confusion), raw(self.confusion), self.correct, self.unlabelled, self.unusable]

    @classmethod
    def from_plain(cls, document: object, where: str) -> MulticlassOutcome:
        reader = Reader(document, where)
        size = reader.count()
        if not 1 <= size <= CATEGORIES_MAX + 1:
            raise ValueError(f"{where}[0]: found {size} classes, expected 1 to {CATEGORIES_MAX + 1}")
        tile = cls(reader.counts(size, size), reader.count(), reader.count(), reader.count())
        reader.done()
        return tile


@dataclass(frozen=True, slots=True)
class RegressionOutcome:
    """Labelled rows of a regression: n and the sums of the error e = prediction - label, of |e|, e^2 and e^4 (for intervals)."""

    labelled: int = 0
    error_sum: float = 0.0
    absolute_sum: float = 0.0
    square_sum: float = 0.0
    fourth_sum: float = 0.0
    label_sum: float = 0.0
    label_square_sum: float = 0.0
    unlabelled: int = 0
    unusable: int = 0

    def merge(self, other: RegressionOutcome) -> RegressionOutcome:
        return RegressionOutcome(
            self.labelled + other.labelled,
            self.error_sum + other.error_sum,
            self.absolute_sum + other.absolute_sum,
            self.square_sum + other.square_sum,
            self.fourth_sum + other.fourth_sum,
            self.label_sum + other.label_sum,
            self.label_square_sum + other.label_square_sum,
            self.unlabelled + other.unlabelled,
            self.unusable + other.unusable,
        )

    def to_plain(self) -> list[object]:
        return [
            self.labelled,
            self.error_sum,
            self.absolute_sum,
            self.square_sum,
            self.fourth_sum,
            self.label_sum,
            self.label_square_sum,
            self.unlabelled,
            self.unusable,
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> RegressionOutcome:
        reader = Reader(document, where)
        tile = cls(
            reader.count(),
            reader.real(),
            reader.real(),
            reader.real(),
            reader.real(),
            reader.real(),
            reader.real(),
            reader.count(),
            reader.count(),
        )
        reader.done()
        return tile


Outcome = BinaryOutcome | MulticlassOutcome | RegressionOutcome | MultilabelOutcome | RankingOutcome
