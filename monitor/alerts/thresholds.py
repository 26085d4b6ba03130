"""The threshold of a finding: where the metric's own value stops being fine, and where that number comes from.

Metrics with a tolerance show it on their own scale. The other univariate metrics show the value that chance alone
reaches at this window's size within the budget.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from monitor.alerts.budget import Plan
from monitor.alerts.calibration import effect_for
from monitor.alerts.evidence.distribution import NUMBER_VIEWS
from monitor.alerts.tolerances import DISTRIBUTION_KINDS, RULES, level
from monitor.findings import AlertKind, Measurement
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.tileset import Baseline, Grid, TileSet

Threshold = float | tuple[float, float] | None


def threshold_of(
    m: Measurement, plan: Plan, log_alpha: float, tiles: TileSet, baseline: Baseline, reference: float | None = None
) -> tuple[Threshold, str | None]:
    """Threshold and origin (`default`, `declared`, or `learned` from the budget and the baseline's dependence)."""
    found = plan.tolerance(m.kind, m.metric)
    if found is not None:
        limit, origin = found
        if isinstance(limit, tuple) or m.metric not in RULES:
            return limit, origin
        if reference is None or not math.isfinite(reference):
            return (limit, origin) if RULES[m.metric] == "distance" else (None, None)
        return level(m.metric, reference, limit), origin
    if m.kind not in DISTRIBUTION_KINDS or not m.value.n_window or not m.value.n_baseline:
        return None, None
    chance = _chance(m, log_alpha, effect_for(baseline.design_effects, tiles.rows), baseline)
    return (None, None) if chance is None else (chance, f"learned: {plan.origin}; {_dependence(baseline)}")


def _chance(m: Measurement, log_alpha: float, effect: float, baseline: Baseline) -> float | None:
    n, k = m.value.n_window, m.value.n_baseline
    if m.metric == "ks_statistic":
        # Of a number's budget this view has a part; 2 exp(-2 D² nk/(n+k)) is its tail.
        spent = log_alpha - math.log(NUMBER_VIEWS)
        return min(1.0, math.sqrt(effect * (math.log(2) - spent) / 2 * (1 / n + 1 / k)))
    cells = _cells(_grid(m, baseline))
    if cells < 2:
        return None
    chi2 = float(special.chdtri(cells - 1, math.exp(max(log_alpha, _LOG_ALPHA_MIN)))) * effect
    if m.metric == "chi2_statistic":
        return chi2
    return chi2 * (1 / n + 1 / k) if m.metric == "psi" else None


_LOG_ALPHA_MIN = -600.0


def _grid(m: Measurement, baseline: Baseline) -> Grid | None:
    grids = {
        AlertKind.DRIFT: baseline.grids.features,
        AlertKind.PREDICTION_DRIFT: baseline.grids.prediction,
        AlertKind.LABEL_DRIFT: baseline.grids.label,
    }[m.kind]
    return grids.get(m.feature or "")


def _cells(grid: Grid | None) -> int:
    if isinstance(grid, NumericGrid):
        return len(grid.decile_edges) + 1
    return len(grid.categories) + 1 if isinstance(grid, CategoricalGrid) else 0


def _dependence(baseline: Baseline) -> str:
    effects = baseline.design_effects
    if effects is None:
        return "rows taken as independent until windows tell otherwise"
    where = "the baseline's blocks" if baseline.time_ordered else "the first windows"
    return f"design effect up to {np.max(effects.effects):.1f} from {where}"
