"""How badly the baseline's principal directions reconstruct the window's rows."""

from __future__ import annotations

import math

from monitor.findings import Status, Value
from monitor.metrics.drift.vector_metric import JointMetric
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.vector import VectorGrid, VectorTile


def reconstruction_error(before: VectorTile, now: VectorTile, grid: VectorGrid) -> Value:
    """Mean error of reconstructing the window's rows from the baseline's principal directions, over the baseline's.

    **What it tells.** Whether the features still hang together as they did, all at once: the error grows where rows
    leave the plane that most of the baseline lies near, though no feature alone moved.

    **Formula.** mean |r - P r| in the window / the same in the baseline, r a row whose features are normal scores of
    their baseline ranks (categories by frequency), P the projection on the fewest principal directions (at most 8)
    that explain 65 % of the variance. They are learned from other rows of the baseline than those compared.

    **Range.** 0 upward; 1 where nothing changed.

    **How to read.** 1.2: rows lie a fifth farther from the plane than they did. Below 1 they lie nearer to it, or vary
    less. The interval is that of a ratio of two means.

    **When it misleads.** What happens within the plane is not seen, nor what turns around it: `joint_mmd` sees both.
    Features that moved by themselves move it too; look at their own drift first. Of features that do not hang together
    there is no plane to leave.

    **Reference.** Qahtan et al. 2015 (KDD); NannyML's multivariate drift by data reconstruction.

    >>> import numpy as np
    >>> from monitor.tiles.freeze import numeric_grid
    >>> from monitor.tiles.profile import numeric_tile
    >>> from monitor.tiles.rows import Column
    >>> from monitor.tiles.vectors import vector_grid, vector_tile
    >>> rng = np.random.default_rng(0)
    >>> x, noise = rng.normal(size=4000), rng.normal(size=4000) * 0.3
    >>> grid = vector_grid(Column(np.stack([x, x + noise], axis=1)), numeric_grid, residual=True)
    >>> def tile(a, b):
    ...     return vector_tile(Column(np.stack([a, b], axis=1)), grid, numeric_tile)
    >>> round(reconstruction_error(tile(x, x + noise), tile(x, x + 2 * noise), grid).value, 1)
    2.0
    """
    cells = grid.cells[-1]
    (there, error_there), (here, error_here) = _mean(before.numbers[-1], cells), _mean(now.numbers[-1], cells)
    if there <= 0.0:
        return nothing(Status.UNDEFINED, "the baseline's rows lie in the plane of its principal directions")
    ratio = here / there
    half = Z * math.hypot(error_here, ratio * error_there) / there
    return Value(ratio, max(0.0, ratio - half), ratio + half, n_baseline=before.n, n_window=now.n)


def _mean(tile: NumericTile, grid: NumericGrid) -> tuple[float, float]:
    """Mean and its standard error."""
    mean = float(tile.sums.sum()) / tile.n
    variance = max(0.0, tile.square_sum / tile.n - (mean - grid.center) ** 2)
    return mean, math.sqrt(variance / tile.n)


RECONSTRUCTION_ERROR = JointMetric(
    name="reconstruction_error",
    prometheus="outrider_drift_reconstruction_error",
    help="Mean error of reconstructing rows from the baseline's principal directions, over the baseline's (1 = same).",
    of=reconstruction_error,
)
