"""The calibration slope."""

from __future__ import annotations

import math

import numpy as np

from monitor.findings import Status, Value
from monitor.metrics.accuracy.scores import NO_SCORE, centres
from monitor.metrics.intervals import Z
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome

STEPS_MAX = 50
"""Newton's steps: ten are many, labels that the score separates never end."""
TOLERANCE = 1e-10


def calibration_slope(outcome: BinaryOutcome) -> Value:
    """Slope of the outcome's log odds in the score's log odds.

    **What it tells.** Whether scores are too bold or too timid: below 1 the high ones are too high and the low ones too
    low, the mark of overfitting; above 1 they keep too near the middle.

    **Formula.** The b of the logistic regression logit P(positive) = a + b · logit(s), s being the middle of the row's
    cell among 1,000 of [0, 1].

    **Range.** Any number; 1 is calibrated, 0 a score that says nothing.

    **How to read.** Beside `calibration_in_the_large`, which tells whether scores are too high altogether. The interval
    is Wald's.

    **When it misleads.** Scores below 0.001 or above 0.999 are known to the half of that only; where most are, so is
    the slope. Undefined where labels are of one class, where all scores are in one cell, and where the score separates
    the classes wholly.

    **Reference.** Cox 1958; Van Calster et al. 2019.

    >>> from dataclasses import replace
    >>> tile = BinaryOutcome.empty()
    >>> positives, negatives = tile.positives.copy(), tile.negatives.copy()
    >>> positives[[200, 800]], negatives[[200, 800]] = (330, 670), (670, 330)
    >>> round(calibration_slope(replace(tile, positives=positives, negatives=negatives)).value, 2)
    0.51
    """
    rows = outcome.positives + outcome.negatives
    n, p = int(rows.sum()), int(outcome.positives.sum())
    if not n:
        return nothing(Status.NO_DATA, NO_SCORE)
    if p in (0, n):
        return nothing(Status.UNDEFINED, f"all {n} labels are {'positive' if p else 'negative'}", n_window=n)
    held = rows > 0
    if held.sum() < 2:
        return nothing(Status.UNDEFINED, f"all {n} scores are alike", n_window=n)
    if _separated(outcome):
        return nothing(Status.UNDEFINED, "the score separates the classes wholly", n_window=n)
    x = np.log(centres()[held] / (1.0 - centres()[held]))
    found = _fit(x, outcome.positives[held].astype(np.float64), rows[held].astype(np.float64))
    if found is None:
        return nothing(Status.UNDEFINED, "the regression found no end", n_window=n)
    slope, se = found
    return Value(slope, slope - Z * se, slope + Z * se, n_window=n)


def _separated(outcome: BinaryOutcome) -> bool:
    """All positives on one side of all negatives, one shared cell allowed: no finite slope fits best."""
    positives, negatives = np.flatnonzero(outcome.positives), np.flatnonzero(outcome.negatives)
    return bool(positives[0] >= negatives[-1] or negatives[0] >= positives[-1])


def _fit(
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
    n: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float, float] | None:
    """(slope, standard error) of y of n positives at x, by Newton's method with halved steps; None without an end."""
    # About its mean x has a slope that does not depend on the intercept's step.
    x = x - float(x @ n) / float(n.sum())
    share = float(y.sum()) / float(n.sum())
    design = np.stack([np.ones_like(x), x], axis=1)
    beta = np.array([math.log(share / (1.0 - share)), 0.0])
    likelihood = _log_likelihood(design @ beta, y, n)
    for _ in range(STEPS_MAX):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -500.0, 500.0)))
        information = design.T @ (design * (n * chance * (1.0 - chance))[:, None])
        determinant = float(information[0, 0] * information[1, 1] - information[0, 1] ** 2)
        if not determinant > 0.0:
            return None
        inverse = (
            np.array([[information[1, 1], -information[0, 1]], [-information[0, 1], information[0, 0]]]) / determinant
        )
        step = inverse @ (design.T @ (y - n * chance))
        if float(np.abs(step).max()) < TOLERANCE * (1.0 + float(np.abs(beta).max())):
            return float(beta[1]), math.sqrt(float(inverse[1, 1]))
        better = _log_likelihood(design @ (beta + step), y, n)
        while better < likelihood - 1e-9 * abs(likelihood) and float(np.abs(step).max()) > TOLERANCE:
            step = step / 2.0
            better = _log_likelihood(design @ (beta + step), y, n)
        beta, likelihood = beta + step, better
    return None


def _log_likelihood(
    at: np.ndarray[tuple[int], np.dtype[np.float64]],
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
    n: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> float:
    return float(y @ at - n @ np.logaddexp(0.0, at))


CALIBRATION_SLOPE = PerformanceMetric(
    name="calibration_slope",
    prometheus="outrider_calibration_slope",
    help="Slope of the outcome's log odds in the score's log odds (1: calibrated).",
    binary=calibration_slope,
)
