"""Pinball loss of quantiles."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.findings import Value
from monitor.metrics.accuracy.forecasts import QuantileMetric, mean_of
from monitor.tiles.forecast import QuantileTile


def pinball_loss(tile: QuantileTile) -> Iterator[tuple[str | None, Value]]:
    """Mean loss of each declared quantile, which is least for the true one.

    **What it tells.** How good a model's quantiles are, each by itself; that of 0.5 is half the mean absolute error.

    **Formula.** mean of τ (y - q) where the label y is above the quantile q of level τ, (1 - τ) (q - y) where it is below.

    **Range.** 0 upward, in the label's unit.

    **How to read.** One value a level, which `feature` names (`0.9`). It needs `prediction: {value: …, quantiles: {0.1: q10, 0.9: q90}}`. The interval is the normal law's.

    **When it misleads.** A quantile that is too wide costs little: see `quantile_coverage`.

    **Reference.** Koenker and Bassett 1978; `sklearn.metrics.mean_pinball_loss`.

    >>> import numpy as np
    >>> from monitor.tiles.forecast import QuantileTile
    >>> tile = QuantileTile((0.1, 0.9), np.array([[20.0, 8.0], [30.0, 12.0]]), np.array([9, 92]), labelled=100, inside=83)
    >>> [(level, round(one.value, 2)) for level, one in pinball_loss(tile)]
    [('0.1', 0.2), ('0.9', 0.3)]
    """
    for level, (total, squares) in zip(tile.levels, tile.sums.tolist(), strict=True):
        yield f"{level:g}", mean_of(total, squares, tile.labelled)


PINBALL_LOSS = QuantileMetric(
    name="pinball_loss",
    prometheus="outrider_pinball_loss",
    help="Mean pinball loss of a declared quantile; `feature` is its level.",
    of=pinball_loss,
)
