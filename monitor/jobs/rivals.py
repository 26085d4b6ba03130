"""What a candidate is held against: outcome and service of the champion's window of the same span, kept with its own tiles.

So trailing merges, a restart and a comparison years later see what the look saw.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.definitions import MonitoredModel
from monitor.findings import Span
from monitor.jobs.track import Place
from monitor.ports import Catalog
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.tileset import TileSet


def with_rival(tiles: TileSet, catalog: Catalog, place: Place, span: Span, model: MonitoredModel) -> TileSet:
    """Of a declared candidate; anything else as it is. The champion's windows are closed before the candidates'."""
    champion = champion_of(model, place.version)
    if champion is None:
        return tiles
    return held_against(tiles, catalog.tiles(place.model, champion, place.rule.name, span))


def champion_of(model: MonitoredModel, version: str) -> str | None:
    """What this version is held against; None where it is no declared candidate."""
    versions = model.versions
    return versions.champion if versions is not None and versions.is_candidate(version) else None


def held_against(tiles: TileSet, champion: bytes | None) -> TileSet:
    """With the champion's tiles of the same window, where there are some."""
    return tiles if champion is None else replace(tiles, rival=rival_part(decode_tileset(champion)))


def rival_part(tiles: TileSet) -> TileSet:
    """What is compared; inputs and outputs of a version have a comparison of their own on request."""
    return TileSet(tiles.rows, outcome=tiles.outcome, service=tiles.service)
