"""The root mean squared error, estimated without labels."""

from __future__ import annotations

import math

from monitor.findings import Status, Value
from monitor.metrics.estimation.forms import LossEstimate
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.tiles.estimator import LossModel
from monitor.tiles.losses import LossTile

MOVE_ERROR = 0.22
"""As that of `estimated_mae`, of squares: they move further, and trees stay further behind."""


def estimated_rmse(tile: LossTile, model: LossModel) -> Value:
    """Root mean squared error that the labels of a window will most likely give, told before they come.

    **What it tells.** Whether the rows of this window are harder than the baseline's, large errors weighing most.

    **Formula.** sqrt(mean over rows of b(x)), b being what boosted trees expect (prediction - label)² to be, learned from
    the baseline's features, predictions and errors, and frozen with it.

    **Range.** 0 upward without bound, in the label's unit.

    **How to read.** Beside the realised `rmse`. The interval is the root of that of the mean square: e² of a row
    varies by (κ - 1) b(x)², κ being the baseline's kurtosis, the baseline's own mean has its standard error, and a move from it is
    known to about a fifth.

    **When it misleads.** Concept drift, as for `estimated_mae`. With heavy tails one row can own the realised value; the
    interval is then wide, and still too narrow.

    **Reference.** Direct loss estimation: NannyML.

    >>> import numpy as np
    >>> from monitor.tiles.estimator import Trees
    >>> none = Trees((), np.zeros((0, 3, 2), np.int64), np.zeros((0, 8, 2)), np.array([1.6, 4.0]))
    >>> tile = LossTile(100, np.array([160.0, 400.0, 100.0, 1600.0, 256.0]), 0, np.zeros(5))
    >>> found = estimated_rmse(tile, LossModel(none, 0.02, 0.1, 3.0, 5_000))
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (2.0, 1.7, 2.26)
    """
    n = tile.rows
    if not n:
        return nothing(Status.NO_DATA, "no row has a usable prediction")
    square = float(tile.sums[1]) / n
    moved = MOVE_ERROR * (square - float(model.trees.start[1]))
    half = Z * math.sqrt((model.kurtosis - 1.0) * float(tile.sums[3]) / n**2 + model.square_error**2 + moved**2)
    low, high = max(0.0, square - half), square + half
    return Value(math.sqrt(square), math.sqrt(low), math.sqrt(high), n_window=n)


ESTIMATED_RMSE = LossEstimate(
    name="estimated_rmse",
    prometheus="outrider_estimated_rmse",
    help="Root mean squared error estimated without labels by a learned loss.",
    of=estimated_rmse,
)
