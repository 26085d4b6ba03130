"""The least gap between two groups that their rows could show: what a window is too small to say."""

from __future__ import annotations

import math

from monitor.findings import Value
from monitor.metrics.intervals import Z, wilson

POWER_Z = 0.8416212335729143
"""Normal point of a power of 80 %."""


def least_gap(x: int, n: int, x_base: int, n_base: int) -> Value:
    """Of x of n rows against x_base of n_base; the common share is that of both together.

    The ends are those of the common share's Wilson interval, on which the spread depends.
    """
    both, rows = x + x_base, n + n_base
    share = both / rows
    scale = (Z + POWER_Z) * math.sqrt(1.0 / n + 1.0 / n_base)
    ends = wilson(both, rows)
    spreads = [math.sqrt(p * (1.0 - p)) for p in (*ends, *([0.5] if ends[0] <= 0.5 <= ends[1] else []))]
    # Where all or none were chosen, the far end of the share says what the rows leave open.
    own = math.sqrt(share * (1.0 - share)) or max(spreads)
    low, high = (min(1.0, scale * spread) for spread in (min(own, *spreads), max(own, *spreads)))
    return Value(min(1.0, scale * own), low, high, n_window=rows)
