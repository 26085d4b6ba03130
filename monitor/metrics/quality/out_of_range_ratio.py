"""The share of values outside the baseline's range."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import nothing
from monitor.metrics.quality.numeric_share import NumericShare
from monitor.tiles.numeric import NumericTile


def out_of_range_ratio(before: NumericTile, now: NumericTile) -> Value:
    """Share of a window's values that lie below the baseline's least or above its greatest.

    **What it tells.** Another unit, a broken sensor, an input of which the model has seen nothing alike.

    **Formula.** (values < baseline minimum or > baseline maximum) / (finite values). The counts of either side are
    given as the reason.

    **Range.** 0 to 1.

    **How to read.** Under no drift about 2 / (n + 1) of a continuous feature's values lie outside the range of n
    baseline rows. The interval is Wilson's.

    **When it misleads.** The range is that of the baseline's extremes: one wild value in it hides all that lies within.
    A feature with a trend (a date, a counter) leaves its range soon.

    **Reference.** Wilson 1927; Wilks 1941 (the share outside a sample's range).

    >>> import numpy as np
    >>> now = NumericTile(np.array([2, 95, 3]), np.zeros(3), below=2, above=3)
    >>> found = out_of_range_ratio(NumericTile(np.array([0, 100, 0]), np.zeros(3)), now)
    >>> found.value, found.reason
    (0.05, '2 below, 3 above')
    """
    if not now.n or not before.n:
        why = "the baseline has no value here" if now.n else "none of the window's rows has a finite value"
        status = Status.NO_DATA if now.n else Status.UNDEFINED
        return nothing(status, why, n_baseline=before.n, n_window=now.n, n_missing=now.n_missing)
    outside = now.below + now.above
    low, high = wilson(outside, now.n)
    reason = f"{now.below} below, {now.above} above" if outside else None
    return Value(outside / now.n, low, high, before.n, now.n, now.n_missing, reason=reason)


OUT_OF_RANGE_RATIO = NumericShare(
    name="out_of_range_ratio",
    prometheus="outrider_out_of_range_ratio",
    help="Share of values outside the baseline's range.",
    of=out_of_range_ratio,
)
