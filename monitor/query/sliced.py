"""What the lists of the API share about slices: `slice=NAME` is that part of the population, `slice=` the whole alone."""

from __future__ import annotations

from monitor.errors import NotFound
from monitor.ports import Catalog
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.tileset import TileSet


def tiles_of(tiles: TileSet, name: str | None) -> TileSet:
    """The tiles of a slice, or of the whole; without anything where the rows lacked a column of the slice."""
    return tiles.slices.get(name, TileSet(0)) if name else tiles


def predicate_of(catalog: Catalog, model: str, name: str) -> str:
    """The predicate that a model's baseline froze for a slice. Raises NotFound."""
    entry = catalog.baseline(model)
    slices = {} if entry is None else decode_baseline(entry.profile).grids.slices
    if name not in slices:
        raise NotFound("slice", name)
    return slices[name]
