"""The OpenTelemetry SDK's view of the latest windows."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader

from monitor.exporters.opentelemetry import OpenTelemetryExporter
from monitor.metrics.registry import METRICS
from tests.results import alert, declared, finding, publication
from tests.scripted_http import Answer, scripted_http


def test_a_reader_sees_the_same_series_as_a_scraper() -> None:
    """Same name, same labels, same value."""
    reader = InMemoryMetricReader()
    exporter = OpenTelemetryExporter(METRICS, lambda: [declared()], lambda: [alert()], reader, "0.1.0")
    exporter.publish([publication(0, finding())])
    data = reader.get_metrics_data()
    assert data is not None
    points = {
        (metric.name, *sorted((point.attributes or {}).items())): point.value  # type: ignore[union-attr]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
    }
    labels = (("feature", "age"), ("kind", "drift"), ("model", "income"), ("model_version", "1"), ("window", "5m"))
    assert points["outrider_drift_psi", *labels] == 0.3
    exporter.close()


def test_a_receiver_gets_the_last_values_when_the_monitor_ends() -> None:
    """Closing pushes what is there over OTLP/HTTP."""
    with scripted_http(lambda request: Answer()) as collector:
        sender = OTLPMetricExporter(endpoint=f"{collector.url}/v1/metrics")
        reader = PeriodicExportingMetricReader(sender, export_interval_millis=600_000)
        exporter = OpenTelemetryExporter(METRICS, lambda: [declared()], list, reader, "0.1.0")
        exporter.publish([publication()])
        exporter.close()
        (request,) = collector.requests
    assert request.path == "/v1/metrics"
    sent = ExportMetricsServiceRequest.FromString(request.body)
    names = {m.name for r in sent.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert "outrider_drift_psi" in names
