"""The share of rows that are NaN."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.intervals import wilson
from monitor.metrics.quality.numeric_share import NumericShare
from monitor.tiles.numeric import NumericTile


def nan_ratio(before: NumericTile, now: NumericTile) -> Value:
    """Share of a number's rows that hold NaN.

    **What it tells.** That a computation upstream failed, where a null would say that a value was not there.

    **Formula.** (rows with NaN) / (rows that have the column). Nulls are not among them; `missing_ratio` has both.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own share. The interval is Wilson's.

    **When it misleads.** Clients that cannot say null say NaN. Rows that come in bursts are not independent, so the
    interval is too narrow.

    **Reference.** IEEE 754; Wilson 1927.

    >>> import numpy as np
    >>> nan_ratio(NumericTile(np.array([100]), np.zeros(1)), NumericTile(np.array([90]), np.zeros(1), nan=10)).value
    0.1
    """
    low, high = wilson(now.nan, now.rows)
    return Value(now.nan / now.rows, low, high, before.rows, now.rows)


NAN_RATIO = NumericShare(
    name="nan_ratio",
    prometheus="outrider_nan_ratio",
    help="Share of rows that hold NaN.",
    of=nan_ratio,
)
