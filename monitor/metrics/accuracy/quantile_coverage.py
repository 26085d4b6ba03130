"""Coverage of quantiles."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.findings import Value
from monitor.metrics.accuracy.forecasts import QuantileMetric
from monitor.metrics.intervals import wilson
from monitor.tiles.forecast import QuantileTile


def quantile_coverage(tile: QuantileTile) -> Iterator[tuple[str | None, Value]]:
    """Share of labels at or under each declared quantile; it should be the quantile's level.

    **What it tells.** Whether a 90 % quantile is one.

    **Formula.** labels at most the quantile / labelled rows.

    **Range.** 0 to 1; the level is right.

    **How to read.** One value a level, which `feature` names. The reason says in how many rows the quantiles do not ascend. The interval is Wilson's.

    **When it misleads.** A quantile of the whole population is right on average and wrong everywhere: see slices, and `pinball_loss`.

    **Reference.** Gneiting and Raftery 2007; Wilson 1927.

    >>> import numpy as np
    >>> from monitor.tiles.forecast import QuantileTile
    >>> tile = QuantileTile((0.1, 0.9), np.array([[20.0, 8.0], [30.0, 12.0]]), np.array([9, 92]), labelled=100, inside=83)
    >>> [(level, one.value) for level, one in quantile_coverage(tile)]
    [('0.1', 0.09), ('0.9', 0.92)]
    """
    crossed = f"the quantiles of {tile.crossed} rows do not ascend" if tile.crossed else None
    for level, below in zip(tile.levels, tile.below.tolist(), strict=True):
        low, high = wilson(below, tile.labelled)
        yield f"{level:g}", Value(below / tile.labelled, low, high, n_window=tile.labelled, reason=crossed)


QUANTILE_COVERAGE = QuantileMetric(
    name="quantile_coverage",
    prometheus="outrider_quantile_coverage_ratio",
    help="Share of labels at or under a declared quantile; `feature` is its level (0 to 1).",
    of=quantile_coverage,
)
