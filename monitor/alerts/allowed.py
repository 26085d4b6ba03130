"""What a declaration allows of metrics without a test of their own: a range, or a distance from the baseline's value.

Both are judged by the metric's own interval, at the window itself: evidence is the normal tail of how far the value lies
beyond what is allowed, effect that the interval does. A distance counts the baseline's interval too, for its value is an
estimate as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.alerts.budget import Plan
from monitor.alerts.effects import Z
from monitor.alerts.tolerances import DISTRIBUTION_KINDS, RULES
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Measurement
from monitor.metrics.metric import Comparison
from monitor.metrics.registry import METRICS, STREAMING
from monitor.tiles.tileset import Baseline

UNTESTED_SHARE = 0.5
"""Of a family's budget at the window itself, for what is judged by intervals, where something is; its tests keep the rest."""


@dataclass(frozen=True, slots=True)
class Allowed:
    least: float
    most: float
    error: float = 0.0
    """Standard error of the range itself."""
    center: float | None = None
    """The baseline's value that it is about; None of a declared range."""


_SHOWN = frozenset(metric.name for metric in STREAMING)
"""Their intervals take the place of the change as known: not an error rate that anyone could be alarmed by."""
_Own = Mapping[tuple[str, str | None, str | None], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed of one family's metrics."""

    declared: Mapping[str, float | tuple[float, float]]
    own: _Own
    """(value, standard error) in the baseline by metric, feature and slice."""

    @classmethod
    def of(cls, plan: Plan, kind: AlertKind, model: MonitoredModel, baseline: Baseline) -> Limits:
        limits = {m: t for m, t in plan.declared_for(kind).items() if m not in _SHOWN}
        declared = {m: t for m, t in limits.items() if isinstance(t, tuple) or _is_untested(kind, m)}
        distances = {metric for metric, limit in declared.items() if not isinstance(limit, tuple)}
        return cls(declared, _own(distances, kind, model, baseline) if distances else {})

    def of_measurement(self, m: Measurement) -> Allowed | None:
        """None where nothing is declared, or the baseline has no value to be distant from."""
        limit = self.declared.get(m.metric)
        if limit is None or isinstance(limit, tuple):
            return None if limit is None else Allowed(*limit)
        known = self.own.get((m.metric, m.feature, m.slice))
        return None if known is None else Allowed(known[0] - limit, known[0] + limit, *reversed(known))


def _is_untested(kind: AlertKind, metric: str) -> bool:
    return kind not in DISTRIBUTION_KINDS and metric not in RULES


def _own(metrics: set[str], kind: AlertKind, model: MonitoredModel, baseline: Baseline) -> _Own:
    comparison = Comparison(baseline, baseline.tiles, model)
    found = {}
    for metric in METRICS:
        if metric.name in metrics and metric.kind is kind:
            for m in metric.measure(comparison):
                value, low, high = m.value.value, m.value.low, m.value.high
                if value is not None and low is not None and high is not None and math.isfinite(high - low):
                    found[m.metric, m.feature, m.slice] = (value, (high - low) / (2 * Z))
    return found
