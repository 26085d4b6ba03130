"""The share of a timestamp's values that lie ahead of their events."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import nothing
from monitor.metrics.quality.stamp_metric import StampMetric
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.tileset import FeatureTile, Grid


def future_ratio(before: FeatureTile, now: FeatureTile, grid: Grid) -> Value:
    """Share of the rows with a time whose time is later than their event.

    **What it tells.** Whether values come from the future: a clock or zone is wrong, or an answer leaked into the question.

    **Formula.** k / n with Wilson's interval.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's share, given as the reason. For what cannot lie ahead (a birthday, a last
    purchase) any is a fault: declare `future_ratio: [0, 0]`.

    **When it misleads.** Deliveries and due dates lie ahead by their nature.

    **Reference.** Kaufman et al. 2012 (ACM TKDD 6, 15) on leakage; Wilson 1927.

    >>> import numpy as np
    >>> grid = CategoricalGrid(("false", "true"))
    >>> before, now = CategoricalTile(np.array([90, 10, 0])), CategoricalTile(np.array([30, 20, 0]))
    >>> found = future_ratio(before, now, grid)
    >>> found.value, found.reason
    (0.4, 'in the baseline 10.0 %')
    """
    if not isinstance(before, CategoricalTile) or not isinstance(now, CategoricalTile):
        return nothing(Status.UNDEFINED, "shares are of categories")
    there, here = (_ahead(tile, grid) for tile in (before, now))
    low, high = wilson(here, now.n)
    return Value(here / now.n, low, high, reason=f"in the baseline {100 * there / max(1, before.n):.1f} %")


def _ahead(tile: CategoricalTile, grid: Grid) -> int:
    """Rows of `true`, which a baseline may not have seen."""
    known = grid.categories if isinstance(grid, CategoricalGrid) else ()
    return int(tile.counts[known.index("true")]) if "true" in known else tile.unseen


FUTURE_RATIO = StampMetric(
    name="future_ratio",
    prometheus="outrider_future_ratio",
    help="Share of a timestamp's values that are later than their events.",
    descriptor="future",
    of=future_ratio,
)
