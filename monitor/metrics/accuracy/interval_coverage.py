"""Coverage of the interval between quantiles."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.findings import Status, Value
from monitor.metrics.accuracy.forecasts import QuantileMetric
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import nothing
from monitor.tiles.forecast import QuantileTile


def interval_coverage(tile: QuantileTile) -> Iterator[tuple[str | None, Value]]:
    """Share of labels between the lowest and the highest declared quantile.

    **What it tells.** Whether an 80 % interval holds 80 in 100.

    **Formula.** labels from the lowest to the highest quantile, both included / labelled rows.

    **Range.** 0 to 1; the difference of the two levels is right.

    **How to read.** The reason says what it should be. The interval is Wilson's.

    **When it misleads.** Too low at one end and too high at the other cancel: see `quantile_coverage`.

    **Reference.** Gneiting and Raftery 2007; Wilson 1927.

    >>> import numpy as np
    >>> from monitor.tiles.forecast import QuantileTile
    >>> tile = QuantileTile((0.1, 0.9), np.array([[20.0, 8.0], [30.0, 12.0]]), np.array([9, 92]), labelled=100, inside=83)
    >>> [(one.value, one.reason) for _, one in interval_coverage(tile)]
    [(0.83, 'from 0.1 to 0.9: 0.8 expected')]
    """
    n = tile.labelled
    if len(tile.levels) < 2:
        yield None, nothing(Status.UNDEFINED, "one quantile makes no interval", n_window=n)
        return
    low, high = wilson(tile.inside, n)
    first, last = tile.levels[0], tile.levels[-1]
    reason = f"from {first:g} to {last:g}: {last - first:.3g} expected"
    yield None, Value(tile.inside / n, low, high, n_window=n, reason=reason)


INTERVAL_COVERAGE = QuantileMetric(
    name="interval_coverage",
    prometheus="outrider_interval_coverage_ratio",
    help="Share of labels between the lowest and the highest declared quantile (0 to 1).",
    of=interval_coverage,
)
