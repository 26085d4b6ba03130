"""What of the alarm budget has been spent: how many false alarms the looks of the last month could have raised at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.definitions import MONTH_NS, MonitoredModel, WindowRule
from monitor.findings import Span


@dataclass(frozen=True, slots=True)
class Spending:
    """False alarms of a model in the last 30 days."""

    budget: float
    spent: float
    """Expected at most, over all looks of all its versions: declared versions share the budget, any other spends as much again."""
    told: int
    """Alarms that were told, true or false."""


def spending(model: MonitoredModel, looks: Sequence[tuple[str, Span]], told: int) -> Spending:
    """`looks` are the windows of the last 30 days by the name of their rule; each spends its time's part of the budget."""
    steps = {rule.name: _step_ns(rule) for rule in model.windows}
    versions = 1 if model.versions is None else len(model.versions.names)
    share = model.false_alarms_per_month / versions / max(1, len(steps)) / MONTH_NS
    spent = sum(share * (steps[name] or _length(span)) for name, span in looks if name in steps)
    return Spending(model.false_alarms_per_month, spent, told)


def _step_ns(rule: WindowRule) -> int | None:
    """Time from look to look; None where a window's own length tells it."""
    return rule.step_ns if rule.sliding_ns else rule.every_ns


def _length(span: Span) -> int:
    return max(0, (span.end_ns or 0) - (span.start_ns or 0))
