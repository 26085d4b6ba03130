"""A closed window counted once more from its rows and labels, and held against what is stored, to the bit. Changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.alerts.judging import MOVING_KINDS, MOVING_LABELS
from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput, NotFound
from monitor.findings import Finding, Measurement
from monitor.jobs.due_windows import EMPTY_WINDOWS_MAX
from monitor.jobs.profile_window import profile_window
from monitor.jobs.recompute_past import KeptPast
from monitor.jobs.replay import findings_between
from monitor.metrics.registry import measure
from monitor.ports import Catalog, SegmentStore, WindowEntry
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_tileset
from monitor.tiles.tileset import Baseline, TileSet


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that is stored otherwise than it is computed now; None: it is not there."""

    metric: str
    feature: str | None
    slice: str | None
    stored: float | None
    computed: float | None
    stored_interval: tuple[float | None, float | None]
    computed_interval: tuple[float | None, float | None]
    """Low and high end: a value may be the same, and its interval not."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """`stored` and `computed`: SHA-256 of the encoded tiles, without the parts that are named in `left_out`."""

    rows: int
    labels: int
    stored: str
    computed: str
    values: int
    """Values with their intervals that were compared."""
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...]
    tiles: TileSet
    """As computed, with the parts that are left out as they are stored."""

    @property
    def equal(self) -> bool:
        return self.stored == self.computed and not self.differences


def merged_windows(catalog: Catalog, window: WindowEntry, windows: int, *, labelled: bool) -> list[WindowEntry]:
    """A window and those before it that its merge of so many took in: of the same baseline, ascending.

    `labelled`: of a merge of what labels tell, which takes in windows that have some.
    """
    newest = catalog.windows(
        window.model,
        version=window.version,
        rule=window.rule,
        end_ns=(window.span.start_ns or 0) + 1,
        limit=(1 + EMPTY_WINDOWS_MAX) * windows,
        newest_first=True,
    )
    taken = [w for w in newest if w.baseline == window.baseline and (w.labelled or not labelled)]
    return taken[:windows][::-1]


def recompute(
    catalog: Catalog, store: SegmentStore, model: MonitoredModel, window: WindowEntry, past: KeptPast | None = None
) -> Recomputed:
    """`past`: what this window and others stood against, where the baseline moves.

    Raises NotFound where the baseline or the tiles of that time are gone, InvalidInput where its rows are.
    """
    entry = catalog.baseline(model.model)
    if entry is None or window.baseline != entry.id:
        raise NotFound("baseline", window.baseline or "(none)")
    span = window.span
    data = catalog.tiles(model.model, window.version, window.rule, span)
    if data is None:
        raise NotFound("tiles of window", str(span.start_ns))
    start_ns, end_ns = span.start_ns, span.end_ns
    predictions = catalog.segments("predictions", model.model, window.version, start_ns, end_ns)
    rows = store.read_rows(predictions, start_ns, end_ns)
    if window.n_window and not len(rows):
        raise InvalidInput(Fault("window", "no rows", f"its {window.n_window} rows: they are past their retention"))
    labels = store.read_labels(catalog.segments("labels", model.model, None, start_ns, end_ns), start_ns, end_ns)
    baseline = decode_baseline(entry.profile)
    refused = catalog.segments("failures", model.model, window.version, start_ns, end_ns)
    failures = store.read_rows(refused, start_ns, end_ns)
    profiled = profile_window(rows, labels, baseline, model, failures=failures)
    stored, left_out = decode_tileset(data), []
    if stored.attribution is not None:
        left_out.append("attribution: its sample is drawn and explained by the model itself")
    if stored.delays is not None or profiled.tiles.delays is not None:
        left_out.append("delays: they depend on when the window was looked at")
    if stored.rival is not None:
        left_out.append("rival: what the champion's window held when this one was looked at")
    # Decoded again, so that both have gone the same way.
    computed = decode_tileset(encode_tileset(_comparable(profiled.tiles)))
    whole = replace(computed, delays=stored.delays, attribution=stored.attribution, rival=stored.rival)
    past = past or KeptPast.of(catalog, store, model, baseline, [window])
    measured = _measured(baseline, whole, model, past, window)
    said = [
        (f, measured.get((f.baseline or baseline.id, *_key(f))))
        for f in findings_between(catalog, store, model.model, window.version, start_ns or 0, (start_ns or 0) + 1)
        if f.window == span and f.revision <= window.revision and (baseline.id, *_key(f)) in measured
    ]
    left_out += _against_others([f for f, now in said if now is None], past, window)
    return Recomputed(
        rows=len(rows),
        labels=profiled.labelled,
        stored=_digest(_comparable(stored)),
        computed=_digest(computed),
        values=sum(now is not None for _, now in said),
        differences=tuple(d for f, now in said if now is not None and (d := _difference(f, now)) is not None),
        left_out=tuple(left_out),
        tiles=whole,
    )


def _measured(
    baseline: Baseline, tiles: TileSet, model: MonitoredModel, past: KeptPast | None, window: WindowEntry
) -> dict[tuple[object, ...], Measurement]:
    """Every number against the baseline, and what moves against the past as it is kept: by what it is held against, and what it is."""
    found = {(baseline.id, *_key(m)): m for m in measure(baseline, tiles, model)}
    for kinds in (MOVING_KINDS, MOVING_LABELS):
        at = None if past is None else past.at(min(kinds), window)
        moved = None if at is None else at(1).baseline
        if moved is not None:
            found |= {(moved.id, *_key(m)): m for m in measure(moved, tiles, model) if m.kind in kinds}
    return found


def _against_others(said: Sequence[Finding], past: KeptPast | None, window: WindowEntry) -> list[str]:
    """By kind, values that were held against a past which is not there any more, and why."""
    told = []
    for kind in sorted({f.kind for f in said}):
        at = None if past is None else past.at(kind, window)
        reason = "no such past is declared now" if at is None else at(1).reason or "other windows are kept of it now"
        values = sum(f.kind is kind for f in said)
        told.append(f"{kind}: {values} values against a baseline that moves: {reason}")
    return told


def stored_only(catalog: Catalog, window: WindowEntry) -> Recomputed:
    """A window whose rows are past their retention: its tiles stand for it in a merge. Raises NotFound where they are gone too."""
    data = catalog.tiles(window.model, window.version, window.rule, window.span)
    if data is None:
        raise NotFound("tiles of window", str(window.span.start_ns))
    tiles = decode_tileset(data)
    digest = _digest(_comparable(tiles))
    gone = f"rows: its {window.n_window} are past their retention, its tiles are taken as they are stored"
    return Recomputed(0, 0, digest, digest, 0, (), (gone,), tiles)


def rows_are_gone(catalog: Catalog, window: WindowEntry) -> bool:
    """Whether its rows are past their retention."""
    span = window.span
    kept = catalog.segments("predictions", window.model, window.version, span.start_ns, span.end_ns)
    return window.n_window > 0 and not kept


def _comparable(tiles: TileSet) -> TileSet:
    return replace(tiles, attribution=None, delays=None, rival=None)


def _digest(tiles: TileSet) -> str:
    return hashlib.sha256(encode_tileset(tiles)).hexdigest()


def _key(one: Finding | Measurement) -> tuple[object, ...]:
    return one.kind, one.metric, one.feature, one.slice


def _difference(stored: Finding, computed: Measurement) -> Difference | None:
    value = computed.value
    if (stored.value, stored.low, stored.high) == (value.value, value.low, value.high):
        return None
    return Difference(
        stored.metric,
        stored.feature,
        stored.slice,
        stored.value,
        value.value,
        (stored.low, stored.high),
        (value.low, value.high),
    )
