"""The mean absolute error, estimated without labels."""

from __future__ import annotations

import math

from monitor.findings import Status, Value
from monitor.metrics.estimation.forms import LossEstimate
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.tiles.estimator import LossModel
from monitor.tiles.losses import LossTile

MOVE_ERROR = 0.12
"""Standard error of a move of the expected loss, in parts of the move: trees follow rows to where the baseline has few of them,
and stay behind (`benchmarks/estimation/losses.py`; up to a shift by one standard deviation of what drives the error)."""


def estimated_mae(tile: LossTile, model: LossModel) -> Value:
    """Mean absolute error that the labels of a window will most likely give, told before they come.

    **What it tells.** Whether the rows of this window are harder than the baseline's: further off predictions are to be
    expected where the baseline's were.

    **Formula.** mean over rows of a(x), what boosted trees expect |prediction - label| to be, learned from the
    baseline's features, predictions and errors, and frozen with it.

    **Range.** 0 upward without bound, in the label's unit.

    **How to read.** Beside the realised `mae`. The interval bounds what the labels of these very rows will say: the
    spread of |e| that the trees expect of each row, and the standard error of the baseline's mean on rows that the trees
    had not seen, and an eighth of how far the estimate moved from that mean: trees stay behind where the baseline has few rows.

    **When it misleads.** Concept drift: rows that look as before and are answered worse. Trees do not extrapolate:
    beyond the baseline's support (`outside_support_ratio`) there is no verdict.

    **Reference.** Direct loss estimation: NannyML.

    >>> import numpy as np
    >>> from monitor.tiles.estimator import Trees
    >>> none = Trees((), np.zeros((0, 3, 2), np.int64), np.zeros((0, 8, 2)), np.array([2.0, 5.0]))
    >>> tile = LossTile(100, np.array([200.0, 500.0, 100.0, 3000.0, 400.0]), 0, np.zeros(5))
    >>> found = estimated_mae(tile, LossModel(none, 0.02, 0.1, 3.0, 5_000))
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (2.0, 1.8, 2.2)
    """
    n = tile.rows
    if not n:
        return nothing(Status.NO_DATA, "no row has a usable prediction")
    value = float(tile.sums[0]) / n
    moved = MOVE_ERROR * (value - float(model.trees.start[0]))
    half = Z * math.sqrt(float(tile.sums[2]) / n**2 + model.absolute_error**2 + moved**2)
    return Value(value, max(0.0, value - half), value + half, n_window=n)


ESTIMATED_MAE = LossEstimate(
    name="estimated_mae",
    prometheus="outrider_estimated_mae",
    help="Mean absolute error estimated without labels by a learned loss.",
    of=estimated_mae,
)
