"""Drift of vectors: one check a feature, in two views that split its part of the budget.

`mmd` sees what moves in many coordinates a little, `projection_ks` what moves in a few directions much. The first has
the law of a weighted sum of squares, its weights the eigenvalues of the covariance of the Fourier features; the second
is the test of numbers along each direction, times their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import special

from monitor.alerts.effects import Effect, Z, beyond_zero
from monitor.alerts.evidence.distribution import ROWS_MIN, numbers_log_p
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.tails import student_log_p, weighted_squares_log_p
from monitor.metrics.drift.mmd import chance, difference, root
from monitor.metrics.drift.projection_ks import distances, projection_ks
from monitor.metrics.drift.reconstruction_error import reconstruction_error
from monitor.tiles.vector import VectorGrid, VectorTile

_MEDIAN = math.log(0.5)


def vector_tests(look: Look, weight: float) -> Sequence[Trials]:
    """Of every vector feature that both sides have."""
    there, here = look.baseline.tiles.vectors, look.window.vectors
    names = [name for name in look.baseline.grids.vectors if name in there and name in here]
    if not names:
        return ()
    parts = [(there[name], here[name], look.baseline.grids.vectors[name]) for name in names]
    enough = np.array([min(before.n, now.n) >= ROWS_MIN for before, now, _ in parts])
    subjects = tuple(Subject(name) for name in names)

    def trials(metric: str, log_p: Sequence[float], gauge: Callable[[int], Effect]) -> Trials:
        return Trials(
            metric=metric,
            subjects=subjects,
            log_p=np.where(enough, np.array(log_p), 0.0),
            enough=enough,
            reference=np.zeros(len(names)),
            gauge=gauge,
            weight=weight / 2,
        )

    return (
        trials(
            "mmd",
            [mmd_log_p(*part, look.effect) if fit else 0.0 for part, fit in zip(parts, enough, strict=True)],
            lambda i: _mmd_effect(*parts[i], look.effect),
        ),
        trials(
            "projection_ks",
            [_along_log_p(*part, look.effect) if fit else 0.0 for part, fit in zip(parts, enough, strict=True)],
            lambda i: _along_effect(*parts[i], look.effect),
        ),
    )


def joint_tests(look: Look, weight: float) -> Sequence[Trials]:
    """Of whole rows, where the baseline froze them: one subject without a feature, in two views."""
    joint, before, now = look.baseline.grids.joint, look.baseline.tiles.joint, look.window.joint
    if joint is None or before is None or now is None:
        return ()
    grid = joint.grid
    enough = np.array([min(before.n, now.n) >= ROWS_MIN])

    def trials(metric: str, log_p: float, reference: float, gauge: Callable[[int], Effect]) -> Trials:
        found = np.where(enough, log_p, 0.0)
        return Trials(metric, (Subject(),), found, enough, np.array([reference]), gauge, weight / 2)

    if not enough[0]:
        moved, left = 0.0, 0.0
    else:
        moved = mmd_log_p(before, now, grid, look.effect)
        left = float(numbers_log_p(grid.cells[-1:], now.numbers[-1:], before.numbers[-1:], look.effect)[0])
    return (
        trials("joint_mmd", moved, 0.0, lambda _: _mmd_effect(before, now, grid, look.effect, "whole rows")),
        trials("reconstruction_error", left, 1.0, lambda _: _error_effect(before, now, grid, look.effect)),
    )


def _error_effect(before: VectorTile, now: VectorTile, grid: VectorGrid, effect: float) -> Effect:
    found = reconstruction_error(before, now, grid)
    if found.value is None or found.low is None or found.high is None:
        return Effect(0.0, 0.0, 0.0, 1.0, found.reason or "")
    half = math.sqrt(effect) * (found.high - found.value)
    value, low, high = beyond_zero(found.value - 1.0, half)
    return Effect(value, low, high, found.value, f"{found.value:.2f} times the baseline's")


def mmd_log_p(before: VectorTile, now: VectorTile, grid: VectorGrid, effect: float) -> float:
    """Log p that the means of the Fourier features differ as they do, both sides being samples of one population."""
    away = difference(before, now)
    weights = np.maximum(np.linalg.eigvalsh(grid.covariance), 0.0)
    share = effect * (1 / before.n + 1 / now.n)
    log_p = weighted_squares_log_p(float(away @ away), weights * share)
    # The law's covariance is an estimate, and means of few rows are not normal yet: Student's tail, of as many rows.
    return student_log_p(-float(special.ndtri_exp(log_p)), 1 / share) if log_p < _MEDIAN else log_p


def _along_log_p(before: VectorTile, now: VectorTile, grid: VectorGrid, effect: float) -> float:
    found = numbers_log_p(grid.cells, now.numbers, before.numbers, effect)
    return min(0.0, float(found.min()) + math.log(len(found)))


def _mmd_effect(before: VectorTile, now: VectorTile, grid: VectorGrid, effect: float, what: str = "vectors") -> Effect:
    away = difference(before, now)
    expected, spread = chance(before, now, grid, away, effect)
    square = float(away @ away) - expected
    low, value, high = root(square - Z * spread), root(square), root(square + Z * spread)
    return Effect(value, low, high, value, f"{what} apart by {value:.2f} (MMD)")


def _along_effect(before: VectorTile, now: VectorTile, grid: VectorGrid, effect: float) -> Effect:
    found = projection_ks(before, now, grid)
    value = found.value or 0.0
    low = value - math.sqrt(effect) * (value - (found.low or 0.0)) if found.low else 0.0
    high = min(1.0, value + math.sqrt(effect) * ((found.high or 0.0) - value))
    worst = int(np.argmax(distances(before, now)))
    return Effect(value, max(0.0, low), high, value, f"{along(grid, worst)}: distributions differ by {value:.2f}")


def along(grid: VectorGrid, index: int) -> str:
    """What a person calls a direction."""
    if index == len(grid.directions):
        return "distance from the baseline's centre"
    return (
        f"principal direction {index + 1}"
        if index < grid.principal
        else f"random direction {index - grid.principal + 1}"
    )
