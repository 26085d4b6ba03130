"""The share of exchanges that the server refused."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import nothing
from monitor.metrics.quality.service_metric import ServiceMetric
from monitor.tiles.service import ServiceTile


def error_ratio(service: ServiceTile) -> Value:
    """The share of a window's exchanges that the server refused.

    **What it tells.** How often the model did not answer: a status from 400 on, or a protocol's own error.

    **Formula.** refused / (answered + refused), of exchanges, not of rows.

    **Range.** 0 to 1; Wilson's interval.

    **How to read.** Beside the other version's, in the same windows. Requests that the model rightly refuses count too.

    **When it misleads.** An answer that is wrong is no error here. A request that never reached the sidecar is not seen.
    Of a window in which everything was refused it is all there is; windows by rows have none then.

    **Reference.** Wilson 1927.

    >>> import numpy as np
    >>> from monitor.tiles.service import LATENCY_CELLS, ServiceTile
    >>> error_ratio(ServiceTile(95, 5, np.zeros(LATENCY_CELLS, np.int64))).value
    0.05
    """
    n = service.exchanges
    if not n:
        return nothing(Status.NO_DATA, "the window has no exchange")
    low, high = wilson(service.failed, n)
    return Value(service.failed / n, low, high, n_window=n)


ERROR_RATIO = ServiceMetric(
    "error_ratio", "outrider_error_ratio", "Share of the window's exchanges that the server refused.", error_ratio
)
