"""How many rows of categories that the baseline lacks are to be expected when nothing has changed.

A baseline of some hundred rows does not know all categories of a column with a thousand: rows of others come in every
window, and that is no news. By Good and Turing (1953) a further row is of a new category with the probability f1/m, where
f1 counts the categories that the baseline's m rows held once: each of those rows was itself new to all the others.
"""

from __future__ import annotations

import numpy as np

from monitor.tiles.categorical import CategoricalGrid, CategoricalTile


def expected_unseen(tile: CategoricalTile, grid: CategoricalGrid | None) -> int:
    """Rows of the baseline that were new to its others; those of categories counted together are told from their number."""
    own = tile.counts[:-1]
    once = int(np.count_nonzero(own == 1))
    folded_rows, names = int(tile.counts[-1]), 0 if grid is None else len(grid.folded)
    # Were each of them there once or twice, 2 names - rows of them were there once; after one that was there once, all.
    all_once = len(own) > 0 and own.min() <= 1
    folded_once = names if all_once else max(0, 2 * names - folded_rows)
    return tile.unseen + once + min(folded_once, folded_rows)
