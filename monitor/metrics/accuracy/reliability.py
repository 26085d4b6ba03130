"""The reliability table of scores: how many were positive among rows with such scores. What the calibration metrics add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.metrics.accuracy.scores import centres
from monitor.metrics.intervals import wilson
from monitor.tiles.outcome import BinaryOutcome

BINS = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of about equally many labelled rows, ascending by score: rows, mean score and share of positives of each."""

    size: Floats
    score: Floats
    share: Floats


def bins_of(outcome: BinaryOutcome) -> Bins:
    """Ten bins at most, made of the cells of the score; a cell belongs to the bin of the middle of its rows.

    >>> from dataclasses import replace
    >>> tile = BinaryOutcome.empty()
    >>> positives, negatives = tile.positives.copy(), tile.negatives.copy()
    >>> positives[[100, 800]], negatives[[100, 800]] = [10, 80], [90, 20]
    >>> found = bins_of(replace(tile, positives=positives, negatives=negatives))
    >>> found.size.tolist(), found.share.tolist()
    ([100.0, 100.0], [0.1, 0.8])
    """
    rows = outcome.positives + outcome.negatives
    held = rows > 0
    total = rows[held].astype(np.float64)
    n = total.sum()
    if not n:
        return Bins(np.zeros(0), np.zeros(0), np.zeros(0))
    bin_of = np.minimum(((np.cumsum(total) - total / 2.0) / n * BINS).astype(np.int64), BINS - 1)
    _, bins = np.unique(bin_of, return_inverse=True)
    size: Floats = np.bincount(bins, total).astype(np.float64)
    score: Floats = np.bincount(bins, total * centres()[held]) / size
    share: Floats = np.bincount(bins, outcome.positives[held].astype(np.float64)) / size
    return Bins(size, score, share)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """`score` is the mean score, `share` the share of positives with Wilson's interval."""

    n: int
    positives: int
    score: float
    share: float
    low: float
    high: float


def reliability(outcome: BinaryOutcome) -> list[ReliabilityBin]:
    """One line a bin, ascending by score; none without a labelled row that has a score."""
    found = bins_of(outcome)
    lines = []
    for size, score, share in zip(found.size.tolist(), found.score.tolist(), found.share.tolist(), strict=True):
        low, high = wilson(size * share, size)
        lines.append(ReliabilityBin(round(size), round(size * share), score, share, low, high))
    return lines
