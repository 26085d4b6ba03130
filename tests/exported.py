"""Every series name that the sidecar and the monitor can expose, taken from what they expose."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric

from collectors.telemetry import Readings, SidecarMetrics, SinkReadings
from monitor.exporters.prometheus import PrometheusExporter
from monitor.exporters.series import FAMILIES
from monitor.exporters.telemetry import Telemetry
from monitor.metrics.registry import METRICS

SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def exported_names() -> set[str]:
    """Sample names, as a query writes them."""
    monitor = PrometheusExporter(METRICS, list, list, Telemetry("0"))
    own = set(FAMILIES) | {metric.prometheus for metric in METRICS}
    return own | set(_sample_names(monitor.collect())) | set(_sample_names(SidecarMetrics("0", readings).collect()))


def readings() -> Readings:
    """A sidecar that has something to say in every family."""
    return Readings(
        forwarded_bytes={"in": 1_000_000, "out": 500_000},
        copied_bytes=1_499_000,
        uncopied_bytes={"ring_full": 1_000},
        forwarded_connections=10,
        copied_connections=8,
        uncopied_connections={"ring_full": 1},
        refused_connections=1,
        restarts={"capture": 1},
        up={"capture": True},
        ring_waiting_bytes=10,
        ring_bytes=1_000,
        protocols={"http1": 9, "opaque": 1},
        exchanges={("captured", ""): 900, ("dropped", "queue_full"): 5, ("not_inference", "path"): 3},
        records=900,
        redacted={"email": 2},
        request_errors={"5xx": 1},
        duration_buckets=[("0.1", 800), ("+Inf", 900)],
        duration_seconds=30.0,
        queue_records=4,
        queue_bytes=4_000,
        queue_bytes_max=1_000_000,
        queue_oldest_seconds=1.0,
        sinks={
            "monitor": SinkReadings(records=890, failed={"refused": 1}, retries=2, last_success_seconds=1.0),
        },
    )


def _sample_names(families: Iterable[Metric]) -> Iterable[str]:
    for family in families:
        for suffix in SUFFIXES.get(family.type, ("",)):
            yield family.name + suffix
