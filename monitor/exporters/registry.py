"""Every exporter, and what switches each on. Prometheus is always there: it is how the monitor answers `/metrics`."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from monitor.errors import Fault, InvalidInput, Unavailable
from monitor.exporters.prometheus import PrometheusExporter
from monitor.exporters.series import Beside, ExposedMetric, nothing_beside
from monitor.exporters.telemetry import Telemetry
from monitor.findings import Alert
from monitor.ports import Exporter, ModelEntry, Publication

log = logging.getLogger("outrider.exporters")

OTLP_INTERVAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ExporterSettings:
    """Which exporters run and where they send; None switches one off."""

    elasticsearch_url: str | None = None
    elasticsearch_namespace: str = "default"
    """Last part of the data streams' names."""
    elasticsearch_api_key_env: str | None = None
    """Environment variable with the API key."""
    otlp_endpoint: str | None = None
    """Full URL of an OTLP/HTTP receiver for metrics, such as http://collector:4318/v1/metrics."""


@runtime_checkable
class Preparing(Protocol):
    """An exporter with something to ask its server before the first result."""

    def prepare(self) -> object: ...


@runtime_checkable
class Holding(Protocol):
    """An exporter that shows the latest windows, where others send each once: a start begins with those of the catalog."""

    def publish(self, publications: Sequence[Publication]) -> None: ...
    def refresh(self) -> None:
        """Show what changed in the catalog besides windows: a model declared or gone, an alert's state."""


@dataclass(frozen=True, slots=True)
class House:
    """What exporters are given of the process they run in."""

    metrics: Sequence[ExposedMetric]
    models: Callable[[], Sequence[ModelEntry]]
    alerts: Callable[[], Sequence[Alert]]
    telemetry: Telemetry
    version: str
    data: Path
    """The monitor's data directory: dead letters lie there."""
    environ: Mapping[str, str]
    clock: Callable[[], int]
    sleep: Callable[[float], None]
    beside: Beside = nothing_beside
    """What is shown of a window that is no finding: its energy and cost."""


def prometheus_exporter(house: House) -> PrometheusExporter:
    return PrometheusExporter(house.metrics, house.models, house.alerts, house.telemetry, house.beside)


def pushing_exporters(settings: ExporterSettings, house: House) -> list[Exporter]:
    """The exporters that send somewhere, as far as the settings ask for them."""
    return [exporter for make in PUSHING for exporter in make(settings, house)]


def holding(exporters: Sequence[Exporter]) -> list[Holding]:
    return [exporter for exporter in exporters if isinstance(exporter, Holding)]


def prepare(exporters: Sequence[Exporter]) -> None:
    """Let those that must ask their server something do it at the start of the process.

    Raises InvalidInput where one is sure never to work; one whose server does not answer yet prepares itself later.
    """
    for exporter in exporters:
        if isinstance(exporter, Preparing):
            try:
                exporter.prepare()
            except Unavailable as error:
                log.warning("%s; results wait, and it is asked again with the next ones", error)


def _elasticsearch(settings: ExporterSettings, house: House) -> list[Exporter]:
    if settings.elasticsearch_url is None:
        return []
    # Imported when wanted: an installation without these outputs does not load their clients.
    from elasticsearch import Elasticsearch  # noqa: PLC0415  (only where it is wanted)

    from monitor.exporters.dead_letters import DeadLetters  # noqa: PLC0415  (the same)
    from monitor.exporters.elasticsearch import ElasticsearchExporter  # noqa: PLC0415  (the same)

    return [
        ElasticsearchExporter(
            Elasticsearch(settings.elasticsearch_url, api_key=_api_key(settings, house.environ)),
            namespace=settings.elasticsearch_namespace,
            dead_letters=DeadLetters(house.data / "dead-letters" / "elasticsearch.ndjson"),
            telemetry=house.telemetry,
            clock=house.clock,
            sleep=house.sleep,
            jitter=random.Random(),  # noqa: S311 spreads retries, keeps no secret
        )
    ]


def _opentelemetry(settings: ExporterSettings, house: House) -> list[Exporter]:
    if settings.otlp_endpoint is None:
        return []
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415  (the same)
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415  (the same)

    from monitor.exporters.opentelemetry import OpenTelemetryExporter  # noqa: PLC0415  (the same)

    sender = OTLPMetricExporter(endpoint=settings.otlp_endpoint)
    reader = PeriodicExportingMetricReader(sender, export_interval_millis=OTLP_INTERVAL_SECONDS * 1_000)
    return [OpenTelemetryExporter(house.metrics, house.models, house.alerts, reader, house.version, house.beside)]


PUSHING: tuple[Callable[[ExporterSettings, House], list[Exporter]], ...] = (_elasticsearch, _opentelemetry)


def _api_key(settings: ExporterSettings, environ: Mapping[str, str]) -> str | None:
    name = settings.elasticsearch_api_key_env
    if name is None:
        return None
    if not (key := environ.get(name)):
        raise InvalidInput(
            Fault("elasticsearch_api_key_env", f"{name} is not set", "the name of a variable with a key")
        )
    return key
