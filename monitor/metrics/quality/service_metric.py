"""The form of a metric of the service: of exchanges as a sidecar saw them. Where nobody saw them it is not measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import Z
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.service import ServiceTile


@dataclass(frozen=True, slots=True)
class ServiceMetric:
    name: str
    prometheus: str
    help: str
    of: Callable[[ServiceTile], Value]
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        service = comparison.window.service
        if service is not None:
            yield Measurement(self.name, self.kind, None, None, self.of(service))


def latency_quantile(service: ServiceTile, share: float) -> Value:
    """Seconds within which this share of the answered exchanges was answered; the interval is that of the order statistic."""
    n = service.timed
    value = service.quantile(share)
    if value is None:
        return nothing(Status.NO_DATA, "no exchange of the window was timed", n_missing=service.exchanges)
    half = Z * (share * (1 - share) / n) ** 0.5
    low, high = service.quantile(max(0.0, share - half)), service.quantile(min(1.0, share + half))
    return Value(value, low, high, n_window=n, n_missing=service.exchanges - n)
