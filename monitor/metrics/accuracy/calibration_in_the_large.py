"""Calibration in the large."""

from __future__ import annotations

import math

from monitor.findings import Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN
from monitor.metrics.accuracy.scores import CELL_HALF, NO_SCORE, centres
from monitor.metrics.intervals import Z
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome


def calibration_in_the_large(outcome: BinaryOutcome) -> Value:
    """Share of positives, less the mean score.

    **What it tells.** Whether scores are too low (above 0) or too high (below 0) altogether.

    **Formula.** (positives / n) - (mean score), the score of a row being the middle of its cell among 1,000 of [0, 1],
    so within 0.0005 of the exact value, by which the interval is widened.

    **Range.** -1 to 1; 0 is right on average.

    **How to read.** 0.03: three rows in a hundred more were positive than the scores say. The interval is the mean's
    of (y - s) by the normal law, its spread from the exact squares.

    **When it misleads.** 0 is no proof of calibration: too high here and too low there cancel; see
    `expected_calibration_error` and `calibration_slope`. It moves where labels of positives come later than others.

    **Reference.** Van Calster et al. 2019; Steyerberg 2019, chapter 15.

    >>> from dataclasses import replace
    >>> tile = BinaryOutcome.empty()
    >>> positives, negatives = tile.positives.copy(), tile.negatives.copy()
    >>> positives[800], negatives[800] = 70, 30
    >>> tile = replace(tile, positives=positives, negatives=negatives, scored=100, brier_sum=22.0)
    >>> round(calibration_in_the_large(tile).value, 3)
    -0.101
    """
    n = outcome.scored
    if not n:
        return nothing(Status.NO_DATA, NO_SCORE)
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, f"{n} labelled row, {ROWS_MIN} needed for an interval", n_window=n)
    expected = float((outcome.positives + outcome.negatives) @ centres()) / n
    value = int(outcome.positives.sum()) / n - expected
    variance = max(0.0, outcome.brier_sum / n - value * value) / (n - 1)
    half = Z * math.sqrt(variance) + CELL_HALF
    return Value(value, max(-1.0, value - half), min(1.0, value + half), n_window=n)


CALIBRATION_IN_THE_LARGE = PerformanceMetric(
    name="calibration_in_the_large",
    prometheus="outrider_calibration_in_the_large",
    help="Share of positives less the mean score (0: right on average).",
    binary=calibration_in_the_large,
)
