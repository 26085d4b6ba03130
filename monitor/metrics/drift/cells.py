"""The cells that PSI and Jensen-Shannon compare: the baseline's deciles of a number, the categories of a name."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from monitor.findings import Value
from monitor.tiles.categorical import UNSEEN_NAMES_MAX, CategoricalTile
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.tileset import FeatureTile, Grid

Counts = npt.NDArray[np.int64]
Ends = Callable[[Counts, Counts], tuple[float, float, float]]
"""Value, lower and upper end from the counts of both sides in the same cells."""

RARE_ROWS = 10
"""Rows on both sides together up to which a category is rare, where the baseline cannot know all of them."""
_SPREADS = 4.0
"""Standard deviations by which a folded category may be more frequent in the window than in the baseline."""


def shared_cells(before: FeatureTile, now: FeatureTile, grid: Grid) -> tuple[Counts, Counts]:
    """Counts of baseline and window in the same cells; cells that are empty on both sides are left out.

    The outer deciles are open. New categories are one cell of their own, the folded ones another.
    """
    if isinstance(before, NumericTile) and isinstance(now, NumericTile) and isinstance(grid, NumericGrid):
        starts = [0, *(edge + 1 for edge in grid.decile_edges)]
        b, w = np.add.reduceat(before.counts, starts), np.add.reduceat(now.counts, starts)
    elif isinstance(before, CategoricalTile) and isinstance(now, CategoricalTile):
        b, w = np.append(before.counts, before.unseen), np.append(now.counts, now.unseen)
    else:
        raise TypeError(f"tiles of two kinds: {type(before).__name__} and {type(now).__name__}")
    held = (b + w) > 0
    return b[held], w[held]


def of_cells(before: FeatureTile, now: FeatureTile, grid: Grid, ends: Ends) -> Value:
    """The value of the shared cells with its interval, whose lower end counts no rare category as news for being new."""
    b, w = shared_cells(before, now, grid)
    value, low, high = ends(b, w)
    if low > 0.0 and (alike := _rare_together(before, now)) is not None:
        low = min(low, ends(*alike)[1])
    return Value(value, min(low, value), max(high, value), int(b.sum()), int(w.sum()), now.n_missing)


def _rare_together(before: FeatureTile, now: FeatureTile) -> tuple[Counts, Counts] | None:
    """Categories with the rare ones, new and known, as one cell; None where the window has none that are new or folded.

    A baseline of n rows lacks categories, and a further row is of one of them with the probability of those that it holds
    once (Good 1953): they have no row on one side because that is what chose them. Chosen by their rows on both sides
    together, all rare categories are drawn alike, and so is their sum. New ones that are frequent stay cells of their own.
    """
    if not isinstance(before, CategoricalTile) or not isinstance(now, CategoricalTile):
        return None
    folded = int(now.counts[-1]) + int(before.counts[-1])
    if not now.unseen + folded:
        return None
    rare = float(RARE_ROWS)
    if len(now.unseen_names) >= UNSEEN_NAMES_MAX:
        rare = max(rare, min(now.unseen_names.values()))
    if folded and len(before.counts) > 1:
        # As frequent as the rarest that has a cell of its own.
        most = float(before.counts[:-1].min()) * (1.0 + now.n / max(1, before.n))
        rare = max(rare, most + _SPREADS * math.sqrt(most))
    b, w = before.counts[:-1], now.counts[:-1]
    own = b + w > rare
    new = [count for count in now.unseen_names.values() if count > rare]
    rest = before.n - int(b[own].sum()), now.n - int(w[own].sum()) - sum(new)
    there = np.array([*b[own].tolist(), *[0] * len(new), rest[0]], np.int64)
    here = np.array([*w[own].tolist(), *new, rest[1]], np.int64)
    held = there + here > 0
    return there[held], here[held]
