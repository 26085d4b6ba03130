"""A candidate against the champion in the same windows, one-sided: only worse is tested.

Right and wrong answers as in `performance`, with the champion's labelled rows in the place of the baseline's; of the service the
share of refused exchanges (binomial) and the geometric mean of the latency (studentised mean of the logarithm).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from monitor.alerts.effects import Effect, Z, newcombe
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.tails import proportion_log_p, student_log_p
from monitor.tiles.service import ServiceTile

EXCHANGES_MIN = 50
"""Exchanges of each version for a verdict."""
AGAINST = Subject("against the champion")
SERVICE_TESTS = frozenset({"error_ratio", "latency"})
SHARE = 0.5
"""Of a family's budget, for what is held against the champion, where there is one; the baseline's tests keep the rest."""


def with_rival(own: Sequence[Trials], rivals: Sequence[Trials]) -> list[Trials]:
    """Both under one budget."""
    if not rivals:
        return list(own)
    if not own:
        return list(rivals)
    return [
        *(replace(trial, weight=trial.weight * (1 - SHARE)) for trial in own),
        *(replace(trial, weight=trial.weight * SHARE) for trial in rivals),
    ]


def performance_against(look: Look, tests: Callable[[Look], Sequence[Trials]]) -> list[Trials]:
    """`tests` with the champion's window as the baseline."""
    rival = look.window.rival
    if rival is None or rival.outcome is None:
        return []
    against = replace(look, baseline=replace(look.baseline, tiles=rival))
    return [replace(trial, subjects=(AGAINST,)) for trial in tests(against)]


def service_against(look: Look) -> list[Trials]:
    here, there = look.window.service, None if look.window.rival is None else look.window.rival.service
    if here is None or there is None:
        return []
    return [_errors(here, there, look.effect), _latency(here, there, look.effect)]


def _errors(here: ServiceTile, there: ServiceTile, effect: float) -> Trials:
    k, n, j, m = here.failed, here.exchanges, there.failed, there.exchanges
    enough = min(n, m) >= EXCHANGES_MIN
    up, _ = proportion_log_p(k, n, j, m, effect, sides=1) if enough else (np.zeros(1), None)
    value, low, high = newcombe(k, n, j, m, effect)
    own = j / m if m else 0.0
    detail = f"{100 * k / max(n, 1):.2f} % refused against {100 * own:.2f} %"
    return _trials("error_ratio", float(np.ravel(up)[0]), enough, own, Effect(value, low, high, k / max(n, 1), detail))


def _latency(here: ServiceTile, there: ServiceTile, effect: float) -> Trials:
    n, m = here.timed, there.timed
    if min(n, m) < EXCHANGES_MIN:
        return _trials("latency", 0.0, False, 0.0, Effect(0.0, 0.0, 0.0, 0.0, ""))
    change, error = log_ratio(here, there, effect)
    own = math.exp(there.log_sum / m)
    now = math.exp(here.log_sum / n)
    low, high = (math.exp(change + side * Z * error) - 1 for side in (-1, 1))
    detail = f"{1000 * now:.3g} ms against {1000 * own:.3g} ms"
    log_p = student_log_p(change / error, min(n, m) / effect)
    return _trials("latency", log_p, True, own, Effect(math.expm1(change), low, high, now, detail))


def log_ratio(here: ServiceTile, there: ServiceTile, effect: float = 1.0) -> tuple[float, float]:
    """Logarithm of the ratio of the two geometric means, and its standard error; the larger variance of the two counts for both."""
    (mean, variance, n), (own, own_variance, m) = _moments(here), _moments(there)
    spread = max(variance, own_variance)
    return mean - own, math.sqrt(max(effect * spread * (1 / n + 1 / m), 1e-300))


def _moments(tile: ServiceTile) -> tuple[float, float, int]:
    n = tile.timed
    mean = tile.log_sum / n
    return mean, max(tile.log_square_sum / n - mean**2, 0.0), n


def _trials(metric: str, log_p: float, enough: bool, reference: float, effect: Effect) -> Trials:
    return Trials(
        metric, (AGAINST,), np.array([log_p]), np.array([enough]), np.array([reference]), lambda _: effect, 0.5
    )
