"""A baseline from its rows: kinds, grids, its own tiles, and the name by which all of it is known."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.tiles import sampling, stamps
from monitor.tiles import tables as table
from monitor.tiles.freeze import KINDS_OF_PRESENCE, categorical_grid, freeze, numeric_grid
from monitor.tiles.joint import baseline_joint_tile, joint_grid, wanted
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.profile import numeric_tile, profile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.sampled import BASELINE_ROWS
from monitor.tiles.texts import frozen_texts
from monitor.tiles.tileset import Baseline, FeatureTile, Grids, TileSet
from monitor.tiles.vectors import baseline_tiles, frozen_vectors

ID_CHARS = 16
"""Characters of a baseline's id: 64 bits, so that a chance collision needs billions of baselines of one model."""


def build_baseline(rows: Rows, model: MonitoredModel, *, time_ordered: bool) -> Baseline:
    """Freeze the grids on the rows and profile the rows on them. The same rows in any order give the same baseline.

    Without a time column (`time_ordered` False) the rows' times are unknown and left out. Design effects and the
    anomaly model are added by those who compute them.
    """
    rows = rows.in_canonical_order()
    grids = freeze(rows, model)
    zones = stamps.zones_of(rows, grids.kinds, {f.name: f.zone for f in model.features}) if time_ordered else {}
    described = frozen_texts(rows, grids.kinds, numeric_grid, categorical_grid)
    described |= stamps.frozen_stamps(rows, zones, numeric_grid, categorical_grid)
    grids = own = replace(grids, described=described, zones=zones)
    grids = replace(grids, vectors=frozen_vectors(rows, grids.kinds, model, numeric_grid))
    timed = time_ordered and len(rows) > 0
    tiles = replace(profile(rows, own, model), vectors=baseline_tiles(rows, grids.vectors, numeric_tile))
    if wanted(model) and (joint := joint_grid(rows, grids.features, _tabular(tiles, grids), numeric_grid)) is not None:
        grids = replace(grids, joint=joint)
        tiles = replace(tiles, joint=baseline_joint_tile(rows, joint, grids.features, numeric_tile))
    if sampling.wanted(model):
        grids = replace(grids, sampled=sampling.sampled_features(_tabular(tiles, grids)))
        tiles = replace(tiles, sampled=sampling.sampled_tile(rows, grids.sampled, grids.features, BASELINE_ROWS))
    if table.wanted(model):
        tabular = _tabular(tiles, grids)
        grids = replace(grids, tables=table.table_binnings({n: grids.features[n] for n in tabular}, tabular))
        tiles = replace(tiles, tables=table.tables_tile(rows, grids.tables) if grids.tables else None)
    return Baseline(
        id=_id(rows, grids),
        rows=len(rows),
        grids=grids,
        tiles=tiles,
        time_ordered=timed,
        start_ns=int(rows.time_ns[0]) if timed else None,
        end_ns=int(rows.time_ns[-1]) if timed else None,
    )


def _tabular(tiles: TileSet, grids: Grids) -> dict[str, FeatureTile]:
    return {name: tile for name, tile in tiles.features.items() if grids.kinds.get(name) not in KINDS_OF_PRESENCE}


def _id(rows: Rows, grids: Grids) -> str:
    digest = hashlib.sha256()
    for name in sorted(rows.columns):
        _add_column(digest, name, rows.columns[name])
    if rows.label is not None:
        _add_column(digest, "", rows.label)
    for role in (grids.features, grids.prediction, grids.label):
        for name, grid in role.items():
            cells = grid.edges.tobytes() if isinstance(grid, NumericGrid) else repr(grid.categories).encode()
            digest.update(repr((name, grids.kinds.get(name))).encode() + cells)
    digest.update(repr((grids.pairs, sorted(grids.groups.items()))).encode())
    if grids.joint is not None:
        digest.update(repr(list(grids.joint.scores)).encode())
    if grids.sampled:
        digest.update(repr(grids.sampled).encode())
    if grids.tables:
        digest.update(repr([one.to_plain() for one in grids.tables]).encode())
    if grids.strata:
        digest.update(repr(sorted(grids.strata.items())).encode())
    if grids.zones:
        digest.update(repr(sorted(grids.zones.items())).encode())
    if grids.slices:
        digest.update(repr(sorted(grids.slices.items())).encode())
    return digest.hexdigest()[:ID_CHARS]


def _add_column(digest: hashlib._Hash, name: str, column: Column) -> None:
    digest.update(repr((name, len(column))).encode())
    missing = column.missing if column.missing is not None else np.zeros(len(column), np.bool_)
    if column.values.dtype.kind == "O":
        plain = zip(column.values.tolist(), missing.tolist(), strict=True)
        digest.update("\x1f".join("\x00" if absent else repr(value) for value, absent in plain).encode())
        return
    shape = (-1,) + (1,) * (column.values.ndim - 1)
    digest.update(np.where(missing.reshape(shape), np.zeros((), column.values.dtype), column.values).tobytes())
    digest.update(missing.tobytes())
