"""A surge of anomalous rows: their share against the baseline's own, with the baseline's uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from monitor.alerts.effects import Effect, Z
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.tails import proportion_log_p

SCORED_MIN = 50
"""Scored rows for a verdict."""


def anomaly_tests(look: Look) -> Sequence[Trials]:
    here, there = look.window.anomaly, look.baseline.tiles.anomaly
    if here is None:
        return ()
    # Without the baseline's own tile its rate is the model's target, known as well as half its rows tell.
    m = float(there.scored) if there is not None and there.scored else look.baseline.rows / 2
    j = float(there.anomalous) if there is not None and there.scored else m * look.expected_anomalies
    k, n = float(here.anomalous), float(here.scored)
    enough = np.array([min(n, m) >= SCORED_MIN])
    up, _ = proportion_log_p(np.array([k]), np.array([n]), np.array([j]), np.array([m]), look.effect, sides=1)

    def gauge(_: int) -> Effect:
        return _ratio(k, n, j, m, look.effect)

    return (Trials("anomaly_ratio", (Subject(),), np.where(enough, up, 0.0), enough, np.array([j / m]), gauge),)


def _ratio(k: float, n: float, j: float, m: float, effect: float) -> Effect:
    """Multiple of the baseline's rate, with a log-normal 95 % interval (half a row added to each count)."""
    log_ratio = math.log((k + 0.5) / (n + 1.0)) - math.log((j + 0.5) / (m + 1.0))
    half = Z * math.sqrt(effect * (1 / (k + 0.5) + 1 / (j + 0.5)))
    detail = f"{100 * k / max(n, 1):.2g} % of rows against {100 * j / m:.2g} %"
    value, low, high = (math.exp(log_ratio + side * half) for side in (0, -1, 1))
    return Effect(value, low, high, k / max(n, 1), detail)
