"""Tiles of many windows (sidecars, partitions) into those of all their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Protocol, Self, TypeVar, cast

from monitor.tiles.forecast import ForecastTile
from monitor.tiles.outcome import Outcome
from monitor.tiles.tileset import TileSet


class Mergeable(Protocol):
    def merge(self, other: Any) -> Self: ...


T = TypeVar("T", bound=Mergeable)


def merge(tilesets: Sequence[TileSet]) -> TileSet:
    """The tiles of all rows together. A tile that some sets lack is merged from those that have it.

    Counts are exact in any order; sums are added in the order given, so the same order gives the same bits.
    """
    if len(tilesets) == 1:
        return tilesets[0]
    return TileSet(
        rows=sum(tiles.rows for tiles in tilesets),
        features=_by_name([tiles.features for tiles in tilesets]),
        prediction=_by_name([tiles.prediction for tiles in tilesets]),
        label=_by_name([tiles.label for tiles in tilesets]),
        outcome=cast("Outcome | None", _of(tilesets, lambda tiles: tiles.outcome)),
        groups=_by_name([tiles.groups for tiles in tilesets]),
        pairs=_of(tilesets, lambda tiles: tiles.pairs),
        anomaly=_of(tilesets, lambda tiles: tiles.anomaly),
        attribution=_of(tilesets, lambda tiles: tiles.attribution),
        scores=_by_name([tiles.scores for tiles in tilesets]),
        losses=_of(tilesets, lambda tiles: tiles.losses),
        delays=_of(tilesets, lambda tiles: tiles.delays),
        vectors=_by_name([tiles.vectors for tiles in tilesets]),
        joint=_of(tilesets, lambda tiles: tiles.joint),
        described=_by_name([tiles.described for tiles in tilesets]),
        quality=_of(tilesets, lambda tiles: tiles.quality),
        strata=_by_name([tiles.strata for tiles in tilesets]),
        forecast=cast("ForecastTile | None", _of(tilesets, lambda tiles: tiles.forecast)),
        flips=_by_name([tiles.flips for tiles in tilesets]),
        sampled=_of(tilesets, lambda tiles: tiles.sampled),
        class_scores=_of(tilesets, lambda tiles: tiles.class_scores),
        tables=_of(tilesets, lambda tiles: tiles.tables),
        service=_of(tilesets, lambda tiles: tiles.service),
        rival=_rival(tilesets),
        slices=_slices(tilesets),
    )


def _rival(tilesets: Sequence[TileSet]) -> TileSet | None:
    found = [tiles.rival for tiles in tilesets if tiles.rival is not None]
    return merge(found) if found else None


def _slices(tilesets: Sequence[TileSet]) -> dict[str, TileSet]:
    names = dict.fromkeys(name for tiles in tilesets for name in tiles.slices)
    return {name: merge([tiles.slices[name] for tiles in tilesets if name in tiles.slices]) for name in names}


def _by_name(parts: Sequence[Mapping[str, T]]) -> dict[str, T]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: _together(part[name] for part in parts if name in part) for name in names}


def _of(tilesets: Sequence[TileSet], tile: Callable[[TileSet], T | None]) -> T | None:
    found = [one for tiles in tilesets if (one := tile(tiles)) is not None]
    return _together(found) if found else None


def _together(tiles: Iterable[T]) -> T:
    return reduce(lambda one, other: one.merge(other), tiles)
