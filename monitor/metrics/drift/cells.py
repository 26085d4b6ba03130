"""The cells that PSI and Jensen-Shannon compare: the baseline's deciles of a number, the categories of a name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.tiles.categorical import CategoricalTile
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.tileset import FeatureTile, Grid

Counts = npt.NDArray[np.int64]


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
