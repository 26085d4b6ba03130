"""Two samples as a pair of tiles, in one line."""

from collections.abc import Callable
from typing import Any

import numpy as np

from monitor.findings import Value
from monitor.tiles.freeze import categorical_grid, numeric_grid
from monitor.tiles.profile import categorical_tile, numeric_tile
from tests.monitor.tiles.samples import column


def of_numbers(metric: Callable[..., Value], baseline: Any, window: Any) -> Value:
    """A metric of two samples of numbers, on the baseline's grid."""
    grid = numeric_grid(column(np.asarray(baseline, float)))
    return metric(
        numeric_tile(column(np.asarray(baseline, float)), grid),
        numeric_tile(column(np.asarray(window, float)), grid),
        grid,
    )


def of_names(metric: Callable[..., Value], baseline: Any, window: Any) -> Value:
    """A metric of two samples of categories, on the baseline's grid."""
    before, now = column(list(baseline)), column(list(window))
    grid = categorical_grid(before)
    return metric(categorical_tile(before, grid), categorical_tile(now, grid), grid)
