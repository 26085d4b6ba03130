"""From rows to a sample of them as bins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.tiles.binning import bins_of, number_binning
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.estimator import BINS_MAX, FEATURES_MAX, Binning
from monitor.tiles.rows import Rows
from monitor.tiles.sample import keys_of
from monitor.tiles.sampled import WINDOW_ROWS, SampledTile
from monitor.tiles.tileset import FeatureTile, Grid

SAMPLE_METRICS = frozenset({"domain_classifier_auc", "correlation_max_z", "correlation_matrix_distance"})
"""Metrics that ask for it: features are chosen where a declaration names one of them."""
CATEGORIES_KEPT = BINS_MAX - 1
"""Most frequent categories with a bin of their own; the others share bin 0 with what is missing or new."""


def wanted(model: MonitoredModel) -> bool:
    return any(model.asks_for(metric) for metric in SAMPLE_METRICS)


def sampled_features(tiles: Mapping[str, FeatureTile]) -> tuple[str, ...]:
    """The first FEATURES_MAX that vary."""
    return tuple(name for name, tile in tiles.items() if np.count_nonzero(tile.counts) > 1)[:FEATURES_MAX]


def sampled_tile(rows: Rows, names: tuple[str, ...], grids: Mapping[str, Grid], most: int = WINDOW_ROWS) -> SampledTile:
    """A column that the rows lack is missing in every row."""
    keys = keys_of(rows).view(np.int64)
    chosen = np.argsort(keys, kind="stable")[:most]
    bins = np.zeros((len(chosen), len(names)), np.uint8)
    for i, name in enumerate(names):
        if name in rows.columns:
            bins[:, i] = bins_of(rows.columns[name].take(chosen), _binning(name, grids[name]))
    return SampledTile(most, len(rows), keys[chosen], bins)


def _binning(name: str, grid: Grid) -> Binning:
    if not isinstance(grid, CategoricalGrid):
        return number_binning(name, grid)
    kept = grid.categories[:CATEGORIES_KEPT]
    return Binning(name, np.zeros(0), kept, tuple(range(1, len(kept) + 1)))
