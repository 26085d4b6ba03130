"""Boosted symmetric trees on the baseline's bins: a light learner, the same from the same rows, without a library's files.

Each level of a tree asks one question of all rows (is the bin of this feature beyond that one?), so a leaf is found by
a few comparisons of whole columns. Targets are learned together: one tree serves the absolute and the squared error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from monitor.tiles.binning import Bytes, bins_of, number_binning
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.coding import encode
from monitor.tiles.compiled import compiled
from monitor.tiles.estimator import BINS_MAX, FEATURES_MAX, Binning, Trees
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Grid

Floats = npt.NDArray[np.float64]

CATEGORY_BINS = 32
"""Most frequent categories that are told apart; the others share bin 0 with what is missing or new."""
SHRINKAGE = 0.1
"""Of each tree's leaves: small steps, many trees."""
ROWS_A_LEAF = 5.0
"""A leaf is pulled to zero as if it had this many rows more."""


def binnings(rows: Rows, grids: Mapping[str, Grid], targets: Floats) -> list[tuple[Binning, Bytes]]:
    """The first FEATURES_MAX columns as bins, with the bins of these rows. Categories stand in order of their mean target."""
    found: list[tuple[Binning, Bytes]] = []
    for name, grid in grids.items():
        if name not in rows.columns or len(found) == FEATURES_MAX:
            continue
        if isinstance(grid, NumericGrid):
            binning = number_binning(name, grid)
        elif isinstance(grid, CategoricalGrid) and len(grid.categories) > 1:
            binning = _by_target(name, rows.columns[name], grid.categories[:CATEGORY_BINS], targets)
        else:
            continue
        found.append((binning, bins_of(rows.columns[name], binning)))
    return found


def _by_target(name: str, column: Column, categories: Sequence[str], targets: Floats) -> Binning:
    codes = encode(column, categories).codes
    known = (codes >= 0) & (codes < len(categories))
    rows = np.bincount(codes[known], minlength=len(categories))
    means = np.bincount(codes[known], targets[known, 0], len(categories)) / np.maximum(rows + ROWS_A_LEAF, 1.0)
    order = np.argsort(means, kind="stable")
    bins = np.empty(len(categories), np.int64)
    bins[order] = np.arange(1, len(categories) + 1)
    return Binning(name, np.zeros(0), tuple(categories), tuple(bins.tolist()))


def fit(
    found: Sequence[tuple[Binning, Bytes]], targets: Floats, *, trees: int, depth: int, shrinkage: float = SHRINKAGE
) -> Trees:
    """Least squares on standardised targets [rows, k]. Trees that no longer help are not grown."""
    bins = np.stack([b for _, b in found]) if found else np.zeros((0, len(targets)), np.uint8)
    grown = grow(bins, targets, trees=trees, depth=depth, shrinkage=shrinkage)
    return _without_unused(replace(grown, binnings=tuple(b for b, _ in found)))


def grow(
    bins: Bytes,
    targets: Floats,
    *,
    trees: int,
    depth: int,
    shrinkage: float = SHRINKAGE,
    first: Sequence[tuple[int, int] | None] = (),
) -> Trees:
    """Trees on bins [features, rows], without binnings. `first` are the first questions of the first trees, where given:
    what hangs together only in pairs shows no gain before one of them has been asked."""
    n, k = targets.shape
    start = targets.mean(axis=0)
    spread = np.maximum(targets.std(axis=0), 1e-300)
    residual = (targets - start) / spread
    asks, leaves = [], []
    for tree in range(trees):
        leaf = np.zeros(n, np.int64)
        path: list[tuple[int, int]] = []
        for level in range(depth):
            given = first[tree] if level == 0 and tree < len(first) else None
            best = given or _best_question(bins, residual, leaf, 1 << level)
            if best is None:
                break
            path.append(best)
            leaf = leaf * 2 + (bins[best[0]] > best[1])
        if not path:
            break
        for _ in range(depth - len(path)):  # nothing is left to ask: the last answer once more
            leaf = leaf * 2 + (bins[path[-1][0]] > path[-1][1])
            path.append(path[-1])
        rows = np.bincount(leaf, minlength=1 << depth)
        values = np.stack([np.bincount(leaf, residual[:, j], 1 << depth) for j in range(k)], axis=1)
        values = values * shrinkage / (rows[:, None] + ROWS_A_LEAF)
        residual = residual - values[leaf]
        asks.append(path)
        leaves.append(values * spread)
    shape = (len(asks), depth, 2)
    return Trees(
        (),
        np.array(asks, np.int64).reshape(shape),
        np.array(leaves, np.float64).reshape(len(asks), 1 << depth, k),
        start,
    )


def _best_question(bins: Bytes, residual: Floats, leaf: npt.NDArray[np.int64], leaves: int) -> tuple[int, int] | None:
    """The feature and bin whose split of every leaf takes away most of the squared residuals; None where nothing helps."""
    if not len(bins):
        return None
    rows = np.zeros((len(bins), leaves, BINS_MAX))
    sums = np.zeros((residual.shape[1], len(bins), leaves, BINS_MAX))
    add_rows(bins, leaf, residual, rows, sums)
    rows, sums = rows.cumsum(axis=2), sums.cumsum(axis=3)
    whole, n = sums[..., -1:], rows[..., -1:]
    gains = np.square(sums) / (rows + ROWS_A_LEAF)
    gains += np.square(whole - sums) / (n - rows + ROWS_A_LEAF)
    gains -= np.square(whole) / (n + ROWS_A_LEAF)
    gain = gains.sum(axis=(0, 2))[:, :-1]
    feature, edge = divmod(int(gain.argmax()), BINS_MAX - 1)
    return (feature, edge) if gain[feature, edge] > _GAIN_MIN else None


_GAIN_MIN = 1e-9


@compiled
def add_rows(bins: Bytes, leaf: npt.NDArray[np.int64], residual: Floats, rows: Floats, sums: Floats) -> None:
    """Count the rows of every leaf and bin, feature by feature, and add up their residuals."""
    for f in range(bins.shape[0]):
        for i in range(bins.shape[1]):
            rows[f, leaf[i], bins[f, i]] += 1.0
            for j in range(residual.shape[1]):
                sums[j, f, leaf[i], bins[f, i]] += residual[i, j]


def _without_unused(trees: Trees) -> Trees:
    used = sorted(set(trees.asks[:, :, 0].ravel().tolist()))
    places = np.zeros(max(len(trees.binnings), 1), np.int64)
    places[used] = np.arange(len(used))
    asks = trees.asks.copy()
    if len(asks):
        asks[:, :, 0] = places[asks[:, :, 0]]
    return Trees(
        tuple(_asked(trees.binnings[i], asks, at) for at, i in enumerate(used)), asks, trees.leaves, trees.start
    )


def _asked(binning: Binning, asks: npt.NDArray[np.int64], at: int) -> Binning:
    """A binning with only the cuts that some tree asks for; the questions are numbered anew, in place."""
    if binning.categories:
        return binning
    own = asks[:, :, 0] == at
    edges = np.unique(asks[:, :, 1][own])
    edges = edges[edges > 0]
    asks[:, :, 1][own] = np.searchsorted(edges, asks[:, :, 1][own], side="right")
    return Binning(binning.column, binning.cuts[edges - 1])


def bins_for(rows: Rows, trees: Trees) -> list[Bytes]:
    """The bins of rows; a column that they lack is missing in every row."""
    return [
        bins_of(rows.columns[b.column], b) if b.column in rows.columns else np.zeros(len(rows), np.uint8)
        for b in trees.binnings
    ]


def leaf_of(bins: Sequence[Bytes], trees: Trees, tree: int, rows: int) -> npt.NDArray[np.int64]:
    leaf = np.zeros(rows, np.int64)
    for feature, edge in trees.asks[tree].tolist():
        leaf += leaf
        leaf += bins[feature] > edge
    return leaf


def predict(bins: Sequence[Bytes], trees: Trees, rows: int) -> Floats:
    """What the trees say of each row: f64 [rows, targets]."""
    found = np.tile(trees.start, (rows, 1))
    for tree in range(len(trees.asks)):
        found += trees.leaves[tree][leaf_of(bins, trees, tree, rows)]
    return found
