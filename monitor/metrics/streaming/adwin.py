"""ADWIN: the longest run of windows up to now in which no two parts differ (Bifet and Gavaldà 2007).

The elements are the base windows, so a cut can only be between two of them. After each window, as long as some cut of
the run into two parts shows means that are further apart than the bound, its oldest window is dropped. The bound for parts of n0
and n1 rows, with 1/m = 1/n0 + 1/n1, the variance v of a row and a range of values of one unit u, is

    sqrt(2 v ln(2/d) / m) + 2 u ln(2/d) / (3 m),   d = DELTA over the number of cuts,

so that of a stream that does not change a look drops something with probability DELTA at most. Rows are divided by the
design effect: dependent ones say less. What is left begins somewhat before the change; `located` says where it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.metrics.streaming.located import Located, locate
from monitor.tiles.stream import Point

DELTA = 0.002
"""Chance of a false change at one look; the value that the authors' experiments and River use."""

Floats = npt.NDArray[np.float64]


def bound(n0: Floats, n1: Floats, variance: float, unit: float, delta: float) -> Floats:
    """How far apart two means of n0 and n1 rows may be by chance (their formula 3.1).

    >>> import numpy as np
    >>> bound(np.array([1000.0]), np.array([1000.0]), 0.25, 1.0, 0.002).round(4)
    array([0.0923])
    """
    inverse, log = 1 / n0 + 1 / n1, math.log(2 / delta)
    return np.asarray(np.sqrt(2 * inverse * variance * log) + 2 / 3 * unit * inverse * log)


def window_start(points: Sequence[Point], effect: float) -> int:
    """Position from which the adaptive window begins after all points were taken in; 0 where nothing was dropped."""
    run, start = _Run.of(points, effect), 0
    for end in range(2, len(points) + 1):
        while run.differs(start, end):
            start += 1
    return start


def last_change(points: Sequence[Point], effect: float) -> Located | None:
    """The change that is still there at the end; None where the adaptive window holds all points."""
    first = start = window_start(points, effect)
    if start == 0:
        return None
    # What came before is taken back to where it changed itself, seen from here.
    run = _Run.of(points, effect)
    while first > 0 and not run.differs(first - 1, start):
        first -= 1
    return locate(points, first, effect)


@dataclass(frozen=True, slots=True)
class _Run:
    """Sums up to each position, so that any part is a difference of two."""

    rows: Floats
    sums: Floats
    squares: Floats
    unit: float
    effect: float

    @classmethod
    def of(cls, points: Sequence[Point], effect: float) -> _Run:
        n = np.array([p.n for p in points], np.float64)
        # About the first mean, lest squares of large numbers take their differences with them.
        means = np.array([p.mean for p in points]) - (points[0].mean if points else 0.0)
        squares = n * (np.array([p.variance for p in points]) + means**2)
        rows, sums, squares = (np.concatenate([[0.0], np.cumsum(part)]) for part in (n, n * means, squares))
        return cls(rows, sums, squares, max((p.unit for p in points), default=0.0), effect)

    def differs(self, start: int, end: int) -> bool:
        """Whether some cut of the windows from `start` up to, not with, `end` shows two means beyond the bound."""
        if end - start < 2:
            return False
        total, whole = self.rows[end] - self.rows[start], self.sums[end] - self.sums[start]
        n0, own = self.rows[start + 1 : end] - self.rows[start], self.sums[start + 1 : end] - self.sums[start]
        n1 = total - n0
        away = np.abs(own / n0 - (whole - own) / n1)
        variance = max((self.squares[end] - self.squares[start]) / total - (whole / total) ** 2, 0.0)
        limit = bound(n0 / self.effect, n1 / self.effect, variance, self.unit, DELTA / len(n0))
        return bool((away > limit).any())
