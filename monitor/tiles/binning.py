"""Columns as bins: what trees ask questions of, one byte a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.tiles.coding import encode, numbers
from monitor.tiles.estimator import Binning
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.quantiles import quantiles
from monitor.tiles.rows import Column

Bytes = npt.NDArray[np.uint8]

NUMBER_BINS = 63


def number_binning(name: str, grid: NumericGrid) -> Binning:
    """Cuts that leave about as many of the baseline's rows in each bin."""
    if not len(grid.edges):
        return Binning(name, grid.edges)
    return Binning(name, np.unique(quantiles(grid.edges, np.arange(1, NUMBER_BINS) / NUMBER_BINS)))


def bins_of(column: Column, binning: Binning) -> Bytes:
    if binning.categories:
        codes = encode(column, binning.categories).codes
        table = np.zeros(len(binning.categories) + 2, np.uint8)
        table[1 : len(binning.bins) + 1] = binning.bins
        return table[np.clip(codes + 1, 0, len(table) - 1)]
    values, missing = numbers(column)
    bins = np.searchsorted(binning.cuts, values, side="left").astype(np.uint8) + np.uint8(1)
    unusable = np.isnan(values) if missing is None else np.isnan(values) | missing
    bins[unusable] = 0
    return bins
