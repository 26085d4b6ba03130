"""The expected calibration error, without what chance adds."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from monitor.findings import Status, Value
from monitor.metrics.accuracy.reliability import bins_of
from monitor.metrics.accuracy.scores import CELL_HALF, NO_SCORE
from monitor.metrics.intervals import Z
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome

HALF_NORMAL_MEAN = math.sqrt(2.0 / math.pi)
HALF_NORMAL_SPREAD = math.sqrt(1.0 - 2.0 / math.pi)
SOLVER_STEPS = 60
"""Halvings of an interval: beyond the digits of a double."""


def expected_calibration_error(outcome: BinaryOutcome) -> Value:
    """How far scores and the shares of positives among rows with such scores are apart, freed of chance.

    **What it tells.** Whether 0.7 means that 70 in 100 are positive.

    **Formula.** ECE = Σ (n_b / n) · |share of positives - mean score| over ten bins of equally many rows, made of 1,000
    cells of the score. Chance alone adds to that: bins whose true difference is r standard errors each give
    Σ (n_b / n) · se_b · E|r + z|, z normal. The value is Σ (n_b / n) · se_b · r for the r at which this is the ECE, and
    0 where the ECE is no more than calibrated scores have on average.

    **Range.** 0 (calibrated) to 1.

    **How to read.** 0.05: scores are off by five points on average. The interval goes down by all that chance can have
    added, so its lower end is 0 where it explains the ECE, and up by 1.96 standard errors of it.

    **When it misleads.** Errors of both signs within a bin cancel. A model that always gives the share of positives is
    calibrated and useless: see `roc_auc`. Without the correction, 0.03 for 1,000 rows is chance.

    **Reference.** Naeini, Cooper and Hauskrecht 2015; Bröcker 2012 and Kumar, Liang and Ma 2019 (the bias).

    >>> from dataclasses import replace
    >>> tile = BinaryOutcome.empty()
    >>> positives, negatives = tile.positives.copy(), tile.negatives.copy()
    >>> positives[800], negatives[800] = 6_000, 4_000
    >>> round(expected_calibration_error(replace(tile, positives=positives, negatives=negatives)).value, 3)
    0.2
    """
    found = bins_of(outcome)
    n = int(found.size.sum())
    if not n:
        return nothing(Status.NO_DATA, NO_SCORE)
    size, score, share = found.size, found.score, found.share
    weight = size / n
    error = float(weight @ np.abs(share - score))
    se = np.sqrt(np.maximum(score * (1.0 - score), share * (1.0 - share)) / size)
    unit, spread = float(weight @ se), math.sqrt(float(weight**2 @ se**2))
    value = unit * distance(error / unit)
    low = error - HALF_NORMAL_MEAN * unit - Z * HALF_NORMAL_SPREAD * spread - CELL_HALF
    high = error + Z * spread + CELL_HALF
    return Value(value, max(0.0, low), min(1.0, high), n_window=n)


def distance(mean: float) -> float:
    """The r >= 0 at which |r + z|, z normal, has this mean; 0 where it is less than z's own."""
    low, high = 0.0, mean
    for _ in range(SOLVER_STEPS):
        r = (low + high) / 2.0
        if HALF_NORMAL_MEAN * math.exp(-r * r / 2.0) + r * (1.0 - 2.0 * float(ndtr(-r))) < mean:
            low = r
        else:
            high = r
    return low


EXPECTED_CALIBRATION_ERROR = PerformanceMetric(
    name="expected_calibration_error",
    prometheus="outrider_expected_calibration_error",
    help="Mean gap of score and share of positives over ten bins, without what chance adds (0 to 1).",
    binary=expected_calibration_error,
)
