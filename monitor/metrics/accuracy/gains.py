"""Gains: how many of all positives are among the rows with the highest scores. What lift reads."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitor.metrics.intervals import wilson
from monitor.tiles.outcome import BinaryOutcome

TENTHS = 10
ROWS_MIN = 10
"""Rows of which a tenth is one."""


@dataclass(frozen=True, slots=True)
class Gain:
    """`gain` of all positives are among the share `of` the rows with the highest scores; `low` and `high` hold it at 95 %.

    `lift` is the gain over that of as many rows taken at random.
    """

    of: float
    rows: float
    positives: float
    gain: float
    low: float
    high: float

    @property
    def lift(self) -> float:
        return self.gain / self.of


def gain_at(outcome: BinaryOutcome, of: float) -> Gain | None:
    """Where a cell of the score lies across the border, its rows count in proportion and the interval holds all they could be.

    None without a positive, or with too few rows.
    """
    cells = (outcome.positives + outcome.negatives)[::-1]
    n, positives = int(cells.sum()), int(outcome.positives.sum())
    if not positives or n < ROWS_MIN:
        return None
    top = of * n
    below = np.cumsum(cells)
    border = min(int(np.searchsorted(below, top)), len(cells) - 1)
    own = outcome.positives[::-1]
    sure = int(own[:border].sum())
    left = top - (int(below[border]) - int(cells[border]))
    in_border, border_rows = int(own[border]), int(cells[border])
    found = sure + in_border * left / border_rows
    # The cell's positives may all lie on one side of the border, as far as they fit.
    least = sure + max(0.0, in_border - (border_rows - left))
    most = sure + min(float(in_border), left)
    low, _ = wilson(math.floor(least), positives)
    _, high = wilson(min(positives, math.ceil(most)), positives)
    gain = found / positives
    return Gain(of, top, found, gain, min(gain, low), max(gain, high))


def gains(outcome: BinaryOutcome) -> list[Gain]:
    """The gain of the highest tenth, the highest two tenths, … all rows; none where there is no lift to speak of.

    >>> from dataclasses import replace
    >>> tile = BinaryOutcome.empty()
    >>> positives, negatives = tile.positives.copy(), tile.negatives.copy()
    >>> positives[900], negatives[100] = 20, 80
    >>> [round(one.gain, 2) for one in gains(replace(tile, positives=positives, negatives=negatives))][:3]
    [0.5, 1.0, 1.0]
    """
    found = [gain_at(outcome, k / TENTHS) for k in range(1, TENTHS + 1)]
    return [one for one in found if one is not None]
