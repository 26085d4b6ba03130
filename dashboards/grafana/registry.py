"""Every Grafana dashboard, in the order of the menu."""

from __future__ import annotations

from dashboards.grafana.building import Dashboard, panel_queries
from dashboards.grafana.capture import CAPTURE
from dashboards.grafana.drift import drift
from dashboards.grafana.energy import ENERGY
from dashboards.grafana.fairness import fairness
from dashboards.grafana.overview import OVERVIEW
from dashboards.grafana.performance import performance
from dashboards.grafana.quality import quality
from monitor.metrics.registry import STANDARD


def dashboards() -> tuple[Dashboard, ...]:
    return (OVERVIEW, drift(STANDARD), quality(STANDARD), performance(STANDARD), fairness(STANDARD), CAPTURE, ENERGY)


def queries() -> list[tuple[str, str, str]]:
    """(dashboard uid, panel title, PromQL) of every panel, with Grafana's variables still in it."""
    return panel_queries(dashboards())


def with_everything(promql: str) -> str:
    """The query as Grafana sends it when every variable is set to all, with a rate interval that suits a short test."""
    for name in ("model", "version", "window", "feature", "job"):
        promql = promql.replace(f"${name}", ".*")
    return promql.replace("$__rate_interval", "30s")
