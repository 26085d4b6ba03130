"""OpenTelemetry: the same series as Prometheus gets, as observable gauges of the SDK, pushed over OTLP/HTTP.

Names are those of the exposition, so that a query written for one way works for the other. Nothing is registered
globally: another OpenTelemetry user in the process is not disturbed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource

from monitor.exporters.series import SERIES_MAX, Beside, ExposedMetric, LatestWindows, Series, nothing_beside
from monitor.findings import Alert
from monitor.ports import ModelEntry, Publication

SHUTDOWN_MILLIS = 1_500
"""How long the last push may take when the monitor ends."""


class OpenTelemetryExporter:
    """Holds the latest windows and lets `reader` observe them whenever it collects."""

    name = "opentelemetry"

    def __init__(
        self,
        metrics: Iterable[ExposedMetric],
        models: Callable[[], Sequence[ModelEntry]],
        alerts: Callable[[], Sequence[Alert]],
        reader: MetricReader,
        version: str,
        beside: Beside = nothing_beside,
    ) -> None:
        self._models = models
        self._alerts = alerts
        # What the limits drop is counted once, by the exposition, which has the same limits.
        self._latest = LatestWindows(metrics, lambda label, values: None, beside)
        self._lock = threading.Lock()
        self._series: dict[str, list[Series]] = {}
        resource = Resource.create({"service.name": "outrider-monitor", "service.version": version})
        self._provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("outrider", version)
        for family, help_ in self._latest.help.items():
            meter.create_observable_gauge(family, [self._observer(family)], description=help_)

    def publish(self, publications: Sequence[Publication]) -> None:
        models, alerts = self._models(), self._alerts()
        with self._lock:
            for publication in publications:
                self._latest.take(publication)
            by_family: dict[str, list[Series]] = {}
            for one in self._latest.series(models, alerts, SERIES_MAX):
                by_family.setdefault(one.family, []).append(one)
            self._series = by_family

    def refresh(self) -> None:
        """Show what changed in the catalog besides windows."""
        self.publish(())

    def close(self) -> None:
        self._provider.shutdown(SHUTDOWN_MILLIS)

    def _observer(self, family: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(one.value, dict(one.labels)) for one in self._series.get(family, ())]

        return observe
