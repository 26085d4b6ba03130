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
    versions = model.versions
    if versions is None or not versions.is_candidate(place.version):
        return tiles
    data = catalog.tiles(place.model, versions.champion, place.rule.name, span)
    return tiles if data is None else replace(tiles, rival=rival_part(decode_tileset(data)))


def rival_part(tiles: TileSet) -> TileSet:
    """What is compared; inputs and outputs of a version have a comparison of their own on request."""
    return TileSet(tiles.rows, outcome=tiles.outcome, service=tiles.service)
