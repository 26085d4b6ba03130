"""The threshold of a finding: where the metric's own value stops being fine, and where that number comes from.

Metrics with a tolerance show it on their own scale. The Kolmogorov-Smirnov distance shows what chance alone reaches at
this window's size within the budget: beyond it lies evidence. Other metrics have none unless one is declared.
"""

from __future__ import annotations

import math

import numpy as np

from monitor.alerts.budget import Plan
from monitor.alerts.evidence.distribution import VIEW_SHARES
from monitor.alerts.tolerances import DISTRIBUTION_KINDS, RULES, level
from monitor.findings import Measurement
from monitor.tiles.tileset import Baseline, TileSet

Threshold = float | tuple[float, float] | None


def threshold_of(
    m: Measurement, plan: Plan, log_alpha: float, tiles: TileSet, baseline: Baseline, reference: float | None = None
) -> tuple[Threshold, str | None]:
    """Threshold and origin (`default`, `declared`, or `learned` from the budget and the baseline's dependence)."""
    found = plan.tolerance(m.kind, m.metric)
    if found is not None:
        limit, origin = found
        if isinstance(limit, tuple):
            return limit, origin
        if m.metric not in RULES:
            return limit if reference is None or m.kind in DISTRIBUTION_KINDS else (
                reference - limit,
                reference + limit,
            ), origin
        if reference is None or not math.isfinite(reference):
            return (limit, origin) if RULES[m.metric] == "distance" else (None, None)
        return level(m.metric, reference, limit), origin
    if m.metric != "ks_statistic" or not m.value.n_window or not m.value.n_baseline:
        return None, None
    chance = _ks_chance(m, log_alpha, plan.effect(baseline, tiles.rows))
    return chance, f"learned: {plan.origin}; {_dependence(baseline, plan)}"


def _ks_chance(m: Measurement, log_alpha: float, effect: float) -> float:
    """Of a number's budget this view has a part; 2 exp(-2 D² nk/(n+k)) is its tail."""
    spent = log_alpha + math.log(VIEW_SHARES["distance"])
    rows = 1 / (1 / m.value.n_window + 1 / m.value.n_baseline) / effect
    return min(1.0, math.sqrt((math.log(2) - spent) / 2 / rows))


def _dependence(baseline: Baseline, plan: Plan) -> str:
    effects = baseline.design_effects
    if effects is None:
        return f"design effect {plan.unknown_effect:g} until the first windows tell"
    where = "the baseline's blocks" if baseline.time_ordered else "the first windows"
    return f"design effect up to {np.max(effects.effects):.1f} from {where}"
