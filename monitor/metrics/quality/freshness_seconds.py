"""How old the values of a timestamp are."""

from __future__ import annotations

import math

from monitor.findings import Status, Value
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.metrics.quality.stamp_metric import StampMetric
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.tileset import FeatureTile, Grid


def freshness_seconds(before: FeatureTile, now: FeatureTile, grid: Grid) -> Value:
    """Mean age of a timestamp's values in seconds: event time less the value.

    **What it tells.** Whether what is looked up for a prediction is as fresh as it was: a feature store that stopped being
    filled answers as before, with values that grow older by a second each second.

    **Formula.** Σ (t - x) / n over the rows with a time x, t the event time of the row.

    **Range.** Any number; below 0 where values lie ahead of their events.

    **How to read.** Against the baseline's mean, given as the reason with the window's newest and oldest value. The interval is
    normal.

    **When it misleads.** Times without a zone are taken for UTC: two hours of age may be a clock's. One value of 1970 moves the
    mean of a small window; the drift of `when.age` does not care.

    **Reference.** Breck et al. 2017 (The ML Test Score, monitor 4: models are not stale).

    >>> import numpy as np
    >>> from monitor.tiles.freeze import numeric_grid
    >>> from monitor.tiles.profile import numeric_tile
    >>> from monitor.tiles.rows import Column
    >>> before, now = Column(np.array([5.0, 10.0, 15.0])), Column(np.array([60.0, 70.0]))
    >>> grid = numeric_grid(before)
    >>> found = freshness_seconds(numeric_tile(before, grid), numeric_tile(now, grid), grid)
    >>> found.value, found.reason
    (65.0, 'in the baseline 10 s; newest 60 s, oldest 70 s')
    """
    if not isinstance(before, NumericTile) or not isinstance(now, NumericTile) or not isinstance(grid, NumericGrid):
        return nothing(Status.UNDEFINED, "ages are numbers")
    mean, known = float(now.sums.sum()) / now.n, float(before.sums.sum()) / max(1, before.n)
    half = Z * math.sqrt(max(0.0, now.square_sum / now.n - (mean - grid.center) ** 2) / now.n)
    reason = f"in the baseline {known:.4g} s; newest {now.minimum:.4g} s, oldest {now.maximum:.4g} s"
    return Value(mean, mean - half, mean + half, reason=reason)


FRESHNESS_SECONDS = StampMetric(
    name="freshness_seconds",
    prometheus="outrider_freshness_seconds",
    help="Mean age of a timestamp's values: event time less the value.",
    descriptor="age",
    of=freshness_seconds,
)
