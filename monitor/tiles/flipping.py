"""From rows to the flip test's counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from collectors.records.categories import canonical_category
from monitor.definitions import MonitoredModel
from monitor.definitions.intersections import AND
from monitor.tiles.coding import encode, numbers
from monitor.tiles.flips import NEIGHBOURS, FlipTile
from monitor.tiles.freeze import KINDS_OF_PRESENCE
from monitor.tiles.intersections import group_column
from monitor.tiles.joined import Outputs
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.rows import Rows
from monitor.tiles.sample import keys_of, least
from monitor.tiles.tileset import Grids

FLIP_METRIC = "flip_test"
COMPARED_ROWS_MAX = 1_000
"""Rows of the base group, and of all others together, that are compared, chosen by their ids: a million distances."""
FEATURES_MAX = 64
"""Features that make a distance, the first of them: each costs a pass over the million."""

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def flips_of(rows: Rows, outputs: Outputs, grids: Grids, model: MonitoredModel) -> dict[str, FlipTile]:
    """A tile for every group column, where a declaration asks for the test and the model says positive or not."""
    selected, decided = outputs.selected, outputs.decided
    if not model.asks_for(FLIP_METRIC) or selected is None or decided is None:
        return {}
    found = {}
    for column, groups in grids.groups.items():
        values = group_column(rows, column)
        if values is not None and groups:
            codes = np.where(decided, encode(values, groups).codes, -1)
            declared = canonical_category(model.base_groups.get(column))
            base = groups.index(declared) if declared in groups else 0
            found[column] = _flips(rows, grids, column, groups, codes, base, selected)
    return found


def _flips(
    rows: Rows,
    grids: Grids,
    column: str,
    groups: tuple[str, ...],
    codes: npt.NDArray[np.int64],
    base: int,
    selected: Bools,
) -> FlipTile:
    keys = keys_of(rows)
    there = _chosen(codes == base, keys)
    here = _chosen((codes >= 0) & (codes < len(groups)) & (codes != base), keys)
    counts = np.zeros((len(groups), 3), np.int64)
    if len(there) >= NEIGHBOURS and len(here):
        apart = _distances(rows, grids, set(column.split(AND)) | {column}, here, there)
        nearest = np.argsort(apart, axis=1, kind="stable")[:, :NEIGHBOURS]
        counterpart = selected[there][nearest].sum(1) * 2 > NEIGHBOURS
        own = selected[here]
        for at, counted in enumerate((np.ones(len(here), np.bool_), ~own & counterpart, own & ~counterpart)):
            counts[:, at] = np.bincount(codes[here][counted], minlength=len(groups))
    return FlipTile(groups, counts, len(there))


def _chosen(mask: Bools, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Rows of the mask, at most COMPARED_ROWS_MAX by their keys, in their order."""
    found = np.flatnonzero(mask)
    if len(found) > COMPARED_ROWS_MAX:
        found = found[least(keys[found], COMPARED_ROWS_MAX)]
    return found


def _distances(
    rows: Rows, grids: Grids, without: set[str], here: npt.NDArray[np.int64], there: npt.NDArray[np.int64]
) -> Floats:
    """Squared distances: of numbers by their place among the baseline's cells, from 0 to 1; 1 between two categories."""
    apart = np.zeros((len(here), len(there)))
    names = [n for n in grids.features if grids.kinds[n] not in KINDS_OF_PRESENCE and n not in without]
    for name in [n for n in names if n in rows.columns][:FEATURES_MAX]:
        grid = grids.features[name]
        if isinstance(grid, NumericGrid):
            places = _places(*numbers(rows.columns[name]), grid)
            apart += np.square(places[here][:, None] - places[there])
        else:
            codes = encode(rows.columns[name], grid.categories).codes
            apart += codes[here][:, None] != codes[there]
    return apart


def _places(values: Floats, missing: Bools | None, grid: NumericGrid) -> Floats:
    """A value's cell, as a share of all; a value that is missing stands in the middle."""
    places = np.searchsorted(grid.edges, values) / max(1, len(grid.edges))
    absent = np.isnan(values) if missing is None else missing | np.isnan(values)
    return np.where(absent, 0.5, places)
