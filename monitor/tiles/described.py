"""Descriptors of features that have no distribution of their own: texts and timestamps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from monitor.tiles import stamps, texts
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import FeatureTile, Grid


def described_tiles(
    rows: Rows, grids: Mapping[str, Grid], zones: Mapping[str, str], count: Callable[[Column, Grid], FeatureTile]
) -> dict[str, FeatureTile]:
    """The tiles of the descriptors that a baseline froze; none of a feature that the rows lack."""
    tiles: dict[str, FeatureTile] = {}
    for name in sources(grids):
        if name not in rows.columns:
            continue
        column = rows.columns[name]
        found = stamps.describe(column, rows.time_ns, zones[name]) if name in zones else texts.describe(column)
        tiles |= {f"{name}.{k}": count(own, grids[f"{name}.{k}"]) for k, own in found.items() if f"{name}.{k}" in grids}
    return tiles


def sources(names: Iterable[str]) -> list[str]:
    """The features that descriptors are of."""
    return list(dict.fromkeys(name.rpartition(".")[0] for name in names))
