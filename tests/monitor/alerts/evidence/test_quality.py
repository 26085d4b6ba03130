"""Missing values and new categories."""

import numpy as np

from monitor.findings import AlertKind
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.tileset import Baseline, Grids, TileSet
from tests.monitor.alerts.evidence.looks import SURE, seen


def test_fewer_missing_values_are_never_evidence():
    """Quality is one-sided."""
    grid = CategoricalGrid(("a",))
    own = CategoricalTile(np.array([500, 0]), missing=500)
    baseline = Baseline("b", 1_000, Grids({"z": grid}), TileSet(1_000, {"z": own}))
    for missing, low in ((0, np.log(0.9)), (190, -np.inf)):
        window = TileSet(200, {"z": CategoricalTile(np.array([200 - missing, 0]), missing=missing)})
        trials = seen(AlertKind.QUALITY, window, baseline)["missing_ratio"]
        assert (trials.log_p[0] > low) if missing == 0 else (trials.log_p[0] < SURE)
