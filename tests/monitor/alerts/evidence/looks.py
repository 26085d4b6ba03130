"""The words in which the tests of the families are told."""

import numpy as np

from monitor.alerts.evidence import FAMILIES, Look
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.tileset import Baseline, Grids, TileSet

SURE = np.log(1e-9)
"""What no luck gives."""
CALM = np.log(1e-4)
"""What luck may give."""


def seen(kind, window, baseline, effect=1.0, **more):
    return {t.metric: t for t in FAMILIES[kind](Look(window, baseline, effect, **more))}


def names(trials):
    return [s.feature or s.slice for s in trials.subjects]


def categorical(counts, window, unseen=0, unseen_names=None):
    grid = CategoricalGrid(tuple(f"c{i}" for i in range(len(counts))))
    own = CategoricalTile(np.append(counts, 0))
    baseline = Baseline("b", int(np.sum(counts)), Grids({"z": grid}), TileSet(int(np.sum(counts)), {"z": own}))
    tile = CategoricalTile(np.append(window, 0), unseen, 0, unseen_names or {})
    return TileSet(tile.rows, {"z": tile}), baseline
