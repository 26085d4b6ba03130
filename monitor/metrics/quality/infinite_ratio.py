"""The share of rows that are infinite."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.intervals import wilson
from monitor.metrics.quality.numeric_share import NumericShare
from monitor.tiles.numeric import NumericTile


def infinite_ratio(before: NumericTile, now: NumericTile) -> Value:
    """Share of a number's rows that hold plus or minus infinity.

    **What it tells.** Divisions by zero and overflows upstream.

    **Formula.** (rows with +∞ or -∞) / (rows that have the column). The counts of either sign are given as the reason.

    **Range.** 0 to 1.

    **How to read.** Anything above 0 deserves a look, unless the baseline has as many. The interval is Wilson's.

    **When it misleads.** Values that overflow only where the model reads them (float32 above 3.4 · 10³⁸) are finite
    here.

    **Reference.** IEEE 754; Wilson 1927.

    >>> import numpy as np
    >>> now = NumericTile(np.array([95]), np.zeros(1), positive_infinite=4, negative_infinite=1)
    >>> found = infinite_ratio(NumericTile(np.array([100]), np.zeros(1)), now)
    >>> found.value, found.reason
    (0.05, '4 positive, 1 negative')
    """
    infinite = now.positive_infinite + now.negative_infinite
    low, high = wilson(infinite, now.rows)
    reason = f"{now.positive_infinite} positive, {now.negative_infinite} negative" if infinite else None
    return Value(infinite / now.rows, low, high, before.rows, now.rows, reason=reason)


INFINITE_RATIO = NumericShare(
    name="infinite_ratio",
    prometheus="outrider_infinite_ratio",
    help="Share of rows that hold an infinity.",
    of=infinite_ratio,
)
