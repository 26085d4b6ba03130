"""Prometheus: the latest windows and our own telemetry in the text exposition format.

One object owns the exposition of the process; nothing is registered globally and no file is kept between processes.
Samples carry no timestamps: read `outrider_window_end_timestamp_seconds` for the age of what a gauge describes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from monitor.exporters.series import SERIES_MAX, Beside, ExposedMetric, LatestWindows, Series, nothing_beside
from monitor.exporters.telemetry import Telemetry
from monitor.findings import Alert
from monitor.ports import ModelEntry, Publication


class PrometheusExporter:
    """Holds the latest window of each (model, version, window) and answers scrapes. Safe to scrape from any thread.

    `models` and `alerts` answer what the catalog holds now; they are asked when a result arrives and in `refresh`,
    never by a scrape, so that a scrape answers even when the catalog does not.
    """

    name = "prometheus"

    def __init__(
        self,
        metrics: Iterable[ExposedMetric],
        models: Callable[[], Sequence[ModelEntry]],
        alerts: Callable[[], Sequence[Alert]],
        telemetry: Telemetry,
        beside: Beside = nothing_beside,
    ) -> None:
        self._models = models
        self._alerts = alerts
        self._telemetry = telemetry
        self._latest = LatestWindows(metrics, telemetry.limited, beside)
        self._help = self._latest.help
        self._lock = threading.Lock()
        self._series: tuple[Series, ...] = ()
        self._shown: tuple[Sequence[ModelEntry], Sequence[Alert]] | None = None
        """What the series were made with: with the same and no new window they are the same."""

    def publish(self, publications: Sequence[Publication]) -> None:
        models, alerts = tuple(self._models()), tuple(self._alerts())
        if not publications and (models, alerts) == self._shown:
            return
        own = 1 + sum(len(family.samples) for family in self._telemetry.collect())
        with self._lock:
            for publication in publications:
                self._latest.take(publication)
            self._series = tuple(self._latest.series(models, alerts, SERIES_MAX - own))
            self._shown = models, alerts

    def refresh(self) -> None:
        """Show at once what changed in the catalog besides windows: a model declared or gone, an alert's state."""
        self.publish(())

    def collect(self) -> Iterator[Metric]:
        """The families of one scrape; this object is a collector of `prometheus_client`."""
        series = self._series
        families: dict[str, list[Series]] = {}
        for one in series:
            families.setdefault(one.family, []).append(one)
        samples = len(series) + 1
        for family in self._telemetry.collect():
            samples += len(family.samples)
            yield family
        for name, members in sorted(families.items()):
            metric = Metric(name, self._help[name], "gauge")
            for one in members:
                metric.add_sample(name, dict(one.labels), one.value)
            yield metric
        yield GaugeMetricFamily("outrider_exported_series", "Series in this exposition.", value=samples)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type, in the best form that the scraper's `Accept` header takes."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self), content_type

    def close(self) -> None:
        """Nothing to release."""
