"""Where the probabilities of several classes mean something else than elsewhere, and what they mean there.

The baseline's rows are weighted by the ratio of the window's and the baseline's shares of regions, the leaves of one tree. A weight
that is the same for all rows of a region does not move what is fitted to that region alone. So the curves that weighted rows teach
are, where each region has its own, the same for every window: they are frozen with the baseline, and a row takes those of its region.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.metrics.estimation import trees
from monitor.metrics.estimation.class_curves import class_scored, power_and_biases
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.coding import encode
from monitor.tiles.estimator import FEATURES_MAX, FOLDS, ClassCurves, ClassRegions
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEARNED_ROWS_MAX = 20_000
"""Rows that trees learn from, evenly spread over the baseline: more would change a mean loss by less than its noise."""
REGION_DEPTH = 4
PULL = 1.0
"""Pseudo-rows that pull a region's weights to those of all rows."""


def learned(rows: int) -> Ints:
    """The places of the rows that are learned from."""
    return np.unique(np.linspace(0, rows - 1, min(rows, LEARNED_ROWS_MAX)).astype(np.int64))


def fit(rows: Rows, curves: ClassCurves, columns: Mapping[str, Grid], model: MonitoredModel) -> ClassRegions | None:
    """One tree on what the curves leave unexplained of each class; None where no feature says anything."""
    scored = class_scored(rows, model)
    if scored is None:
        return None
    known = np.flatnonzero(scored.truth >= 0)
    at = known[learned(len(known))]
    cells, truth, k = scored.cells[at], scored.truth[at], len(curves.classes)
    part = rows.take(scored.places[at])
    residual = np.eye(k)[truth] - curves.expected(cells)
    found = [
        one
        for name, grid in columns.items()
        for one in trees.binnings(part, {name: grid}, residual[:, _foremost(part, name, grid, residual)])
    ][:FEATURES_MAX]
    if not found:
        return None
    tree = trees.fit(found, residual, trees=1, depth=REGION_DEPTH, shrinkage=1.0)
    if not len(tree.asks):
        return None
    region = trees.leaf_of(trees.bins_for(part, tree), tree, 0, len(at))
    # The folds of the curves, which are of all labelled rows in their order.
    fold = learned(len(known)) * FOLDS // len(known)
    moves = np.zeros((1 + FOLDS, 1 << tree.depth, 1 + k))
    moves[:, :, 0] = 1.0
    for out in range(1 + FOLDS):
        x = np.log(curves.curves[out][np.arange(k), cells])
        kept = fold != out - 1  # the first is of all rows
        for own in np.unique(region[kept]).tolist():
            inside = kept & (region == own)
            moves[out, own] = power_and_biases(x[inside], truth[inside], PULL)
    # Labels by region are counted of all rows, whatever was learned from.
    every = rows.take(scored.places[known])
    labels = np.bincount(trees.leaf_of(trees.bins_for(every, tree), tree, 0, len(known)), minlength=1 << tree.depth)
    return ClassRegions(tree, moves, labels.astype(np.int64))


def _foremost(rows: Rows, name: str, grid: Grid, residual: Floats) -> Ints:
    """The classes, first the one whose residual differs most between the categories: by its means they are put in order."""
    classes = np.arange(residual.shape[1])
    if not isinstance(grid, CategoricalGrid) or name not in rows.columns:
        return classes
    kept = grid.categories[: trees.CATEGORY_BINS]
    codes = encode(rows.columns[name], kept).codes
    known = (codes >= 0) & (codes < len(kept))
    n = np.maximum(np.bincount(codes[known], minlength=len(kept)), 1)
    sums = np.stack([np.bincount(codes[known], residual[known, c], len(kept)) for c in classes])
    return np.argsort(-(sums**2 / n).sum(axis=1), kind="stable")
