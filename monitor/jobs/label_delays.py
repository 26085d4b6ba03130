"""The delays of a window's labels, and what complete windows teach of those still to come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.findings import Span
from monitor.jobs.track import Place
from monitor.metrics.estimation.completeness import awaiting, complete, completeness
from monitor.ports import CAME_UNKNOWN_NS, Catalog, Labels
from monitor.tiles.coding import encode
from monitor.tiles.delays import DELAY_CELLS, NEGATIVE, OTHER, POSITIVE, DelayTile, delay_cells
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.outcome import BinaryOutcome
from monitor.tiles.rows import Column, Rows
from monitor.tiles.task import positive_of
from monitor.tiles.tileset import TileSet

LEARNED_WINDOWS = 64
"""Newest complete windows that delays are learned from: enough for a share to one in a hundred, and few enough to read."""


def delays_of(rows: Rows, labels: Labels, model: MonitoredModel, tiles: TileSet) -> DelayTile | None:
    """The tile of a window's labels; None where they came with the rows, and so without any delay.

    Labels of recorded rows that do not say when they were known are counted, and have none: that they came now says nothing of it.
    """
    if labels.came_ns is None or not len(labels):
        return None
    own = set(rows.prediction_ids())
    there = np.array([i in own for i in labels.id.tolist()], np.bool_)
    outcome = np.full(len(labels), OTHER)
    positive = positive_of(model)
    if isinstance(tiles.outcome, BinaryOutcome) and positive is not None:
        codes = encode(Column(labels.value), (positive,)).codes
        outcome = np.where(codes == 0, POSITIVE, NEGATIVE)

    def counted(at_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        kept = there & (at_ns != CAME_UNKNOWN_NS)
        places = outcome[kept] * DELAY_CELLS + delay_cells(at_ns[kept] - labels.time_ns[kept])
        return np.bincount(places, minlength=3 * DELAY_CELLS).reshape(3, DELAY_CELLS).astype(np.int64)

    said = labels.known_ns is not None and bool((there & (labels.known_ns != CAME_UNKNOWN_NS)).any())
    told = None
    if labels.known_ns is not None and said:
        told = counted(np.where(labels.known_ns == CAME_UNKNOWN_NS, labels.came_ns, labels.known_ns))
    tile = replace(DelayTile.empty(), counts=counted(labels.came_ns), told=told)
    return complete(replace(tile, undated=int(there.sum()) - int(tile.shown.sum())))


def learned_delays(catalog: Catalog, place: Place, complete_before_ns: int) -> DelayTile | None:
    """Together, the delays of the newest windows that ended before this."""
    windows = catalog.windows(
        place.model,
        version=place.version,
        rule=place.rule.name,
        end_ns=complete_before_ns,
        limit=LEARNED_WINDOWS,
        newest_first=True,
    )
    total: DelayTile | None = None
    for window in windows:
        data = catalog.tiles(place.model, place.version, place.rule.name, window.span) if window.labelled else None
        own = None if data is None else decode_tileset(data).delays
        if own is not None:
            total = own if total is None else total.merge(own)
    return total


def awaited(tiles: TileSet, learned: DelayTile | None, age_ns: float, complete_after_ns: int) -> TileSet:
    """The tiles of a window of this age, with how many labels of each outcome are to be expected in the end."""
    if tiles.delays is None or learned is None or age_ns >= complete_after_ns:
        return tiles
    known = completeness(learned, age_ns, complete_after_ns)
    return tiles if known is None else replace(tiles, delays=awaiting(tiles.delays, known))


def with_awaited(
    tiles: TileSet, span: Span, model: MonitoredModel, catalog: Catalog, place: Place, now_ns: int
) -> TileSet:
    """Where a declaration says when labels are complete, younger windows are told how many are to come."""
    after_ns = model.estimation.labels_complete_after_ns
    if after_ns is None or tiles.delays is None:
        return tiles
    age_ns = now_ns - ((span.start_ns or 0) + (span.end_ns or 0)) / 2
    if age_ns >= after_ns:
        return tiles
    return awaited(tiles, learned_delays(catalog, place, now_ns - after_ns), age_ns, after_ns)
