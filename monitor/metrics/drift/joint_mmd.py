"""The maximum mean discrepancy of whole rows."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.drift.mmd import mmd
from monitor.metrics.drift.vector_metric import JointMetric
from monitor.tiles.vector import VectorGrid, VectorTile


def joint_mmd(before: VectorTile, now: VectorTile, grid: VectorGrid) -> Value:
    """Maximum mean discrepancy of whole rows: all features together as one vector.

    **What it tells.** Whether the joint distribution of the features changed, also where no single feature and no
    correlation of two did.

    **Formula.** `mmd` of rows whose features are normal scores of their ranks in the baseline (numbers by the cell
    between 260 quantiles, categories by the order of their frequency).

    **Range.** 0 (equal) to √2.

    **How to read.** As `mmd`: 0.05 is about what a shift of every feature by a tenth of its standard deviation gives.

    **When it misleads.** It says that something moved, not what. With many features a change in two of them is a small
    part of the distance between rows and shows late: `correlation_distance` looks at each pair. Features that moved by
    themselves move it too.

    **Reference.** Gretton et al. 2012 (JMLR 13, 723); Rahimi and Recht 2007.

    >>> import numpy as np
    >>> from monitor.tiles.freeze import numeric_grid
    >>> from monitor.tiles.profile import numeric_tile
    >>> from monitor.tiles.rows import Column
    >>> from monitor.tiles.vectors import vector_grid, vector_tile
    >>> x = np.random.default_rng(0).normal(size=(4000, 3))
    >>> grid = vector_grid(Column(x), numeric_grid, residual=True)
    >>> knotted = np.column_stack([x[:, 0], x[:, 1], np.abs(x[:, 2]) * np.sign(x[:, 0] * x[:, 1])])
    >>> there, here = (vector_tile(Column(part), grid, numeric_tile) for part in (x, knotted))
    >>> 0.03 < joint_mmd(there, here, grid).low
    True
    """
    return mmd(before, now, grid)


JOINT_MMD = JointMetric(
    name="joint_mmd",
    prometheus="outrider_drift_joint_mmd",
    help="Maximum mean discrepancy of whole rows, features as normal scores of their baseline ranks (0 to 1.41).",
    of=joint_mmd,
)
