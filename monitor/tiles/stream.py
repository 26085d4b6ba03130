"""What tiles say of the mean of a window: one point a window, for what looks along the stream.

A window whose tiles have no such number has no point. Points are made of tiles alone, so that a stream can be made anew
from what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from monitor.findings import Span
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from monitor.tiles.tileset import Grids, TileSet

POINTS_MAX = 128
"""Newest windows that are looked along: half a day of five minutes, four months of days."""


@dataclass(frozen=True, slots=True)
class Point:
    """The mean of one window, and the variance of one of its `n` rows; `unit` is how far apart two values can be."""

    span: Span
    n: int
    mean: float
    variance: float
    unit: float


@dataclass(frozen=True, slots=True)
class Stream:
    """The newest windows with a point, ascending. `effect` is the design effect at the size of the newest."""

    scores: tuple[Point, ...] = ()
    errors: tuple[Point, ...] = ()
    effect: float = 1.0

    def with_score(self, point: Point | None) -> Stream:
        return self if point is None else replace(self, scores=(*self.scores, point)[-POINTS_MAX:])

    def with_error(self, point: Point | None) -> Stream:
        return self if point is None else replace(self, errors=(*self.errors, point)[-POINTS_MAX:])


def score_point(span: Span, tiles: TileSet, grids: Grids) -> Point | None:
    """Of the first numeric output: the score of a classifier, the value of a regression."""
    for name, grid in grids.prediction.items():
        tile = tiles.prediction.get(name)
        if isinstance(grid, NumericGrid) and isinstance(tile, NumericTile) and tile.n:
            mean = float(tile.sums.sum()) / tile.n
            variance = max(tile.square_sum / tile.n - (mean - grid.center) ** 2, 0.0)
            return _point(span, tile.n, mean, variance, _unit(grid))
    return None


def error_point(span: Span, tiles: TileSet, grids: Grids) -> Point | None:
    """Of the labelled rows: the share of wrong classes, the mean absolute error of a regression."""
    outcome = tiles.outcome
    if isinstance(outcome, BinaryOutcome) and outcome.labelled:
        share = (outcome.false_positives + outcome.false_negatives) / outcome.labelled
        return _point(span, outcome.labelled, share, share * (1 - share), 1.0)
    if isinstance(outcome, MulticlassOutcome) and outcome.labelled:
        share = 1 - outcome.correct / outcome.labelled
        return _point(span, outcome.labelled, share, share * (1 - share), 1.0)
    if isinstance(outcome, RegressionOutcome) and outcome.labelled:
        mean = outcome.absolute_sum / outcome.labelled
        variance = max(outcome.square_sum / outcome.labelled - mean**2, 0.0)
        unit = next((_unit(g) for g in grids.prediction.values() if isinstance(g, NumericGrid)), 0.0)
        return _point(span, outcome.labelled, mean, variance, unit)
    return None


def _unit(grid: NumericGrid) -> float:
    """A score's is 1; a number's the baseline's range."""
    return 1.0 if grid.low >= 0.0 and grid.high <= 1.0 else grid.high - grid.low


def _point(span: Span, n: int, mean: float, variance: float, unit: float) -> Point | None:
    return Point(span, n, mean, variance, unit) if np.isfinite([mean, variance, unit]).all() else None
