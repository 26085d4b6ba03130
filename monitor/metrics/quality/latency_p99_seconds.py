"""Seconds within which 99 % of the answered exchanges were answered."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.quality.service_metric import ServiceMetric, latency_quantile
from monitor.tiles.service import ServiceTile


def latency_p99_seconds(service: ServiceTile) -> Value:
    """Seconds within which 99 % of a window's answered exchanges were answered.

    **What it tells.** How quick the model is, as its clients see it at the sidecar: from the first byte of the request to the last of
    the answer.

    **Formula.** The 0.99 quantile of the latencies, from counts in eighths of an octave: known to 9 %.

    **Range.** From 16 microseconds to 73 minutes; what is beyond stands at the end.

    **How to read.** Beside the other version's, in the same windows. The interval is that of the order statistic.

    **When it misleads.** Refused exchanges are not in it: a model that fails fast looks quick. Large requests take longer.

    **Reference.** Serfling 1980 (order statistics); the buckets are those of Prometheus' native histograms, schema 3.

    >>> import numpy as np
    >>> from monitor.tiles.service import LATENCY_CELLS, ServiceTile
    >>> cells = np.zeros(LATENCY_CELLS, np.int64)
    >>> cells[81] = 1_000
    >>> latency_p99_seconds(ServiceTile(1_000, 0, cells)).n_window
    1000
    """
    return latency_quantile(service, 0.99)


LATENCY_P99_SECONDS = ServiceMetric(
    "latency_p99_seconds",
    "outrider_latency_p99_seconds",
    "Seconds within which 99 percent of the window's answered exchanges were answered.",
    latency_p99_seconds,
)
