"""What of a model's alarm budget has been spent."""

import pytest

from monitor.alerts.budget import Plan, looks_per_month
from monitor.alerts.spending import spending
from monitor.definitions import MONTH_NS, MonitoredModel, WindowRule
from monitor.findings import AlertKind, Span

FIVE = WindowRule(every_ns=300 * 10**9)
HOUR = WindowRule(sliding_ns=3_600 * 10**9, step_ns=600 * 10**9)
ROWS = WindowRule(rows=1_000)


def spans(count, every_ns, length_ns):
    return [Span(i * every_ns, i * every_ns + length_ns) for i in range(count)]


def test_a_month_of_looks_spends_the_budget():
    """8,640 five-minute windows are a month: what the plan gives to each adds up to what was declared."""
    model = MonitoredModel("m", false_alarms_per_month=3.0, windows=(FIVE,))
    looks = [(FIVE.name, span) for span in spans(8_640, FIVE.every_ns, FIVE.every_ns)]
    found = spending(model, looks, told=2)
    assert (found.budget, found.told) == (3.0, 2)
    assert found.spent == pytest.approx(3.0)
    plan = Plan.of(model, {AlertKind.DRIFT}, looks_per_month=looks_per_month(FIVE))
    assert spending(model, looks[:10], told=0).spent == pytest.approx(10 * plan.alpha)


def test_rules_share_the_budget_and_sliding_windows_count_by_their_step():
    """Half each; an hour that slides by ten minutes is looked at six times as often as it is long."""
    model = MonitoredModel("m", false_alarms_per_month=2.0, windows=(FIVE, HOUR))
    looks = [(HOUR.name, span) for span in spans(6, HOUR.step_ns, HOUR.sliding_ns)]
    assert spending(model, looks, told=0).spent == pytest.approx(3_600 * 10**9 / MONTH_NS)


def test_windows_by_rows_spend_by_the_time_they_cover():
    """And windows of rules that are no longer declared spend nothing."""
    model = MonitoredModel("m", windows=(ROWS,))
    looks = [(ROWS.name, Span(0, MONTH_NS // 10)), ("gone", Span(0, MONTH_NS))]
    assert spending(model, looks, told=0).spent == pytest.approx(0.1)
