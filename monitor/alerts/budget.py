"""Where the alarm budget goes: per look, per family, per trailing merge, per test.

One knob, `false_alarms_per_month`, of a model over all its checks. Every level splits what it gets so that the sum over
all tests of a month is at most the budget, whatever depends on what (union bound).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from monitor.alerts.calibration import effect_for
from monitor.alerts.tolerances import AT_MOST, DEFAULTS, Tolerance
from monitor.definitions import MONTH_NS, Check, CheckName, MonitoredModel, WindowRule
from monitor.errors import Fault, InvalidInput
from monitor.findings import AlertKind
from monitor.tiles.outcome import RegressionOutcome
from monitor.tiles.tileset import Baseline

SCALES = (1, 2, 4, 8, 16, 32, 64)
"""Trailing merges, in base windows. Scale s is looked at every max(1, s/2) windows."""
COMPARE_FALSE_ALARMS = 1e-3
"""`compare` is one look: one false alarm in a thousand runs."""
SHARES: Mapping[tuple[AlertKind, ...], float] = {
    (AlertKind.DRIFT,): 0.4,
    (AlertKind.PERFORMANCE,): 0.2,
    (AlertKind.PREDICTION_DRIFT, AlertKind.LABEL_DRIFT): 0.1,
    (AlertKind.FAIRNESS,): 0.1,
    (AlertKind.QUALITY,): 0.1,
    (AlertKind.ANOMALY,): 0.05,
    (AlertKind.ATTRIBUTION,): 0.05,
}
"""Default shares; kinds that stand together halve theirs. What cannot fire gives its share to the others in proportion."""
UNKNOWN_EFFECT = 10.0
"""Design effect taken until the first windows tell (autocorrelation of 0.8): strong shifts speak at once, others wait a
few windows. A single look (`compare`) takes rows as independent."""
ALPHA_MAX = 0.05
"""No look spends more than this, however generous the budget: beyond it the tails are no longer tails."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The budget of one look of one window rule, and the tolerances of the second gate."""

    alpha: float
    """Expected false alarms of one look, over all families."""
    shares: Mapping[AlertKind, float]
    """Of the families that can fire; they sum to 1."""
    scales: tuple[int, ...] = SCALES
    declared: Mapping[tuple[AlertKind, str], Tolerance] = field(default_factory=dict)
    origin: str = ""
    """The budget in words: part of every threshold's origin that rests on it."""
    unknown_effect: float = UNKNOWN_EFFECT
    """Design effect where neither the baseline nor the first windows have told one."""

    @classmethod
    def of(
        cls,
        model: MonitoredModel,
        families: AbstractSet[AlertKind],
        *,
        looks_per_month: float,
    ) -> Plan:
        """The plan of one of the model's window rules and versions: the rules, and the declared versions, share the budget evenly."""
        versions = 1 if model.versions is None else len(model.versions.names)
        alpha = model.false_alarms_per_month / versions / len(model.windows) / max(looks_per_month, 1.0)
        each = f"{model.false_alarms_per_month:g} false alarms a month"
        if versions > 1:
            each += f" over {versions} versions"
        return _plan(model, families, min(alpha, ALPHA_MAX), SCALES, f"{each}, {looks_per_month:,.0f} looks")

    @classmethod
    def for_compare(cls, model: MonitoredModel, families: AbstractSet[AlertKind]) -> Plan:
        """One look at one window."""
        plan = _plan(model, families, COMPARE_FALSE_ALARMS, (1,), "1 false alarm in 1,000 runs")
        return replace(plan, unknown_effect=1.0)

    def log_alpha(self, kind: AlertKind, scale: int) -> float:
        """Log of what one evaluation of this family at this scale may spend, over all its tests. -inf: nothing."""
        share = self.shares.get(kind, 0.0)
        if share <= 0 or scale not in self.scales:
            return -math.inf
        return math.log(self.alpha * share / len(self.scales) * evaluated_every(scale))

    def spent(self, kinds: AbstractSet[AlertKind]) -> float:
        """False alarms that one look at these families may raise at most."""
        return self.alpha * sum(share for kind, share in self.shares.items() if kind in kinds)

    def effect(self, baseline: Baseline, rows: float) -> float:
        """Design effect of a sample of `rows`."""
        return self.unknown_effect if baseline.design_effects is None else effect_for(baseline.design_effects, rows)

    def tolerance(self, kind: AlertKind, metric: str) -> tuple[Tolerance, str] | None:
        """The limit of the second gate and where it comes from; None where the metric has none."""
        if (kind, metric) in self.declared:
            return self.declared[kind, metric], "declared"
        default = DEFAULTS.get(metric)
        return None if default is None else (default, "default")

    def declared_for(self, kind: AlertKind) -> dict[str, Tolerance]:
        return {metric: limit for (of, metric), limit in self.declared.items() if of is kind}


def evaluated_every(scale: int) -> int:
    """Base windows between two looks at a merge of `scale`."""
    return max(1, scale // 2)


def looks_per_month(rule: WindowRule, *, rows_per_ns: float | None = None) -> float:
    """Looks of a window rule in 30 days. A rule by rows needs the observed arrivals, a session rule takes its most."""
    if rule.rows is not None:
        if rows_per_ns is None or rows_per_ns <= 0:
            raise InvalidInput(Fault("windows.rows", "no rate of arrivals", "rows in a known span of time"))
        return max(1.0, rows_per_ns * MONTH_NS / rule.rows)
    length = rule.every_ns or rule.step_ns or rule.session_gap_ns or rule.sliding_ns
    if not length:
        raise InvalidInput(Fault("windows", "no length", "every, rows, sliding or session_gap"))
    return MONTH_NS / length


def families_present(model: MonitoredModel, baseline: Baseline) -> frozenset[AlertKind]:
    """Kinds that can fire: enabled by the model, and with something in the baseline to compare with."""
    tiles = baseline.tiles
    has = {
        AlertKind.DRIFT: bool(tiles.features),
        AlertKind.PREDICTION_DRIFT: bool(tiles.prediction),
        AlertKind.LABEL_DRIFT: any(t.n for t in tiles.label.values()),
        AlertKind.PERFORMANCE: _labelled(baseline) > 0,
        AlertKind.FAIRNESS: bool(tiles.groups) and not isinstance(tiles.outcome, RegressionOutcome),
        AlertKind.QUALITY: bool(tiles.features) or bool(tiles.prediction),
        AlertKind.ANOMALY: baseline.anomaly is not None or tiles.anomaly is not None,
        # It has no test: without a declared range nothing of it is judged.
        AlertKind.ATTRIBUTION: tiles.attribution is not None and bool(_check(model, AlertKind.ATTRIBUTION).tolerance),
    }
    return frozenset(kind for kind, present in has.items() if present and _check(model, kind).enabled)


def _labelled(baseline: Baseline) -> int:
    outcome = baseline.tiles.outcome
    return 0 if outcome is None else outcome.labelled or getattr(outcome, "scored", 0)


def _check(model: MonitoredModel, kind: AlertKind) -> Check:
    name: CheckName = kind.value  # type: ignore[assignment]  # capture is no check and is never asked for
    return model.checks.get(name, Check())


def _plan(
    model: MonitoredModel, families: AbstractSet[AlertKind], alpha: float, scales: tuple[int, ...], origin: str
) -> Plan:
    raw: dict[AlertKind, float] = {}
    for kinds, share in SHARES.items():
        able = [kind for kind in kinds if kind in families]
        raw |= dict.fromkeys(able, share / max(1, len(able)))
    for kind in raw:
        wanted = _check(model, kind).budget_share
        if wanted is not None:
            raw[kind] = wanted
    total = sum(raw.values())
    # What a schema asks of a column, no row may break, unless a check allows more.
    declared: dict[tuple[AlertKind, str], Tolerance] = {}
    if model.schema:
        declared[AlertKind.QUALITY, "schema_violation_ratio"] = (0.0, 0.0)
    declared |= {
        (AlertKind(name), metric): (0.0, limit) if metric in AT_MOST and not isinstance(limit, tuple) else limit
        for name, check in model.checks.items()
        for metric, limit in check.tolerance.items()
    }
    return Plan(
        alpha=alpha,
        shares={kind: share / total for kind, share in raw.items()} if total > 0 else {},
        scales=scales,
        declared=declared,
        origin=origin,
    )
