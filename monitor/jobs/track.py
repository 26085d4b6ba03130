"""Tracks between processes: rebuilt from the catalog after a restart, so that a look after it equals one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import msgspec

from monitor.alerts.calibration import learn
from monitor.definitions import MonitoredModel, WindowRule
from monitor.findings import Alert, AlertKind, Span
from monitor.jobs.look import LEARNING_WINDOWS, Track, labelled_part, looks_along
from monitor.jobs.shared_alerts import decode_alerts
from monitor.ports import Catalog, WindowEntry
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.stream import POINTS_MAX, Stream, error_point, score_point
from monitor.tiles.tileset import Baseline, TileSet
from monitor.windows.trailing import SCALE_MAX, Pyramid, extend


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one (model, version, rule) has come; persisted with every window."""

    input_looks: int = 0
    inputs_since: int = 0
    """Look number after which the trailing merges of the inputs began anew (an alert resolved)."""
    outcome_looks: int = 0
    outcomes_since: int = 0
    labels_until_ns: int = 0
    """Start of the last window whose labels were looked at; later looks at older ones change no alert."""
    prediction_segment: int = 0
    """Newest prediction segment that windows have taken in."""
    failure_segment: int = 0
    """Newest segment of refused exchanges that they have; 0: none came since this is kept."""
    label_segment: int = 0
    first_row_ns: int = 0
    empty_windows: int = 0
    """Windows without rows since the last one that had some."""


_DECODER = msgspec.json.Decoder(Progress)


def progress_key(model: str, version: str, rule: WindowRule) -> str:
    return f"{model}/{version}/{rule.name}"


def alerts_key(place: Place) -> str:
    return f"{progress_key(place.model, place.version, place.rule)}/alerts"


def late_key(place: Place) -> str:
    """Where the second life of the groups' alert is kept."""
    return f"{alerts_key(place)}/late"


def encode_progress(progress: Progress) -> bytes:
    return msgspec.json.encode(progress)


def load_progress(catalog: Catalog, key: str) -> Progress:
    data = catalog.memory(key)
    return Progress() if data is None else _DECODER.decode(data)


@dataclass(frozen=True, slots=True)
class Place:
    """Which track: one version of one model under one window rule."""

    model: str
    version: str
    rule: WindowRule


def load_alerts(catalog: Catalog, place: Place) -> dict[AlertKind, Alert]:
    """The states that the looks of this rule have moved; those that people see where it kept none of its own."""
    data = catalog.memory(alerts_key(place))
    return shown_alerts(catalog, place) if data is None else decode_alerts(data)


def load_late(catalog: Catalog, place: Place) -> Alert | None:
    """The life of the groups' alert that its metrics with labels have."""
    data = catalog.memory(late_key(place))
    return None if data is None else decode_alerts(data).get(AlertKind.FAIRNESS)


def shown_alerts(catalog: Catalog, place: Place) -> dict[AlertKind, Alert]:
    return {a.kind: a for a in catalog.alerts(place.model) if (a.version or "") == place.version}


def other_alerts(catalog: Catalog, place: Place, model: MonitoredModel) -> list[dict[AlertKind, Alert]]:
    """The states of the model's other rules."""
    rules = [replace(place, rule=rule) for rule in model.windows if rule.name != place.rule.name]
    others = [key for rule in rules for key in (alerts_key(rule), late_key(rule))]
    return [decode_alerts(data) for key in others if (data := catalog.memory(key)) is not None]


def load_track(catalog: Catalog, place: Place, baseline: Baseline, progress: Progress) -> Track:
    """The track as it was after the last committed window."""
    alerts = load_alerts(catalog, place) if progress.input_looks else {}
    newest = catalog.windows(
        place.model, version=place.version, rule=place.rule.name, limit=2 * SCALE_MAX, newest_first=True
    )
    taken = [w for w in sorted(newest, key=_start) if w.baseline == baseline.id]
    inputs = _replay(catalog, place, taken, progress.input_looks, progress.inputs_since, lambda tiles: tiles)
    labelled = [w for w in taken if w.labelled and (w.span.start_ns or 0) <= progress.labels_until_ns]
    outcomes = _replay(catalog, place, labelled, progress.outcome_looks, progress.outcomes_since, labelled_part)
    first = _first(catalog, place, baseline)
    late = load_late(catalog, place) if progress.input_looks else None
    learned = learn(first, baseline) if first else None
    return Track(inputs, outcomes, alerts, late, first, learned, _stream(catalog, place, baseline, progress))


def _start(window: WindowEntry) -> int:
    return window.span.start_ns or 0


def _replay(
    catalog: Catalog,
    place: Place,
    windows: list[WindowEntry],
    looks: int,
    since: int,
    part: Callable[[TileSet], TileSet],
) -> Pyramid[TileSet]:
    """The pyramid after the last `looks - since` windows, at most those that still have a part in it."""
    kept = windows[-min(len(windows), looks - since) :] if looks > since else []
    pyramid: Pyramid[TileSet] = Pyramid(looks - len(kept))
    for window in kept:
        tiles = _tiles(catalog, place, window.span)
        if tiles is not None:
            pyramid, _ = extend(pyramid, part(tiles), merge)
    return Pyramid(looks, pyramid.levels)


def _stream(catalog: Catalog, place: Place, baseline: Baseline, progress: Progress) -> Stream:
    """The newest windows as points, from their tiles; nothing where the declaration asks for no change points."""
    entry = catalog.model(place.model)
    if entry is None or not looks_along(entry.in_force()) or not progress.input_looks:
        return Stream()
    newest = catalog.windows(
        place.model, version=place.version, rule=place.rule.name, limit=2 * POINTS_MAX, newest_first=True
    )
    windows = [w for w in newest if w.n_window and w.baseline == baseline.id][:POINTS_MAX]
    return stream_of(
        ((w, tiles) for w in windows[::-1] if (tiles := _tiles(catalog, place, w.span)) is not None),
        baseline,
        progress.labels_until_ns,
    )


def stream_of(
    windows: Iterable[tuple[WindowEntry, TileSet]], baseline: Baseline, labels_until_ns: int | None = None
) -> Stream:
    """Of windows in the order of their time; errors of those whose labels were looked at (None: of all with labels)."""
    stream = Stream()
    for window, tiles in windows:
        stream = stream.with_score(score_point(window.span, tiles, baseline.grids))
        if window.labelled and (labels_until_ns is None or _start(window) <= labels_until_ns):
            stream = stream.with_error(error_point(window.span, tiles, baseline.grids))
    return stream


def _first(catalog: Catalog, place: Place, baseline: Baseline) -> tuple[TileSet, ...]:
    if baseline.design_effects is not None:
        return ()
    oldest = catalog.windows(place.model, version=place.version, rule=place.rule.name, limit=2 * LEARNING_WINDOWS)
    spans = [w.span for w in oldest if w.baseline == baseline.id and w.n_window > 0][:LEARNING_WINDOWS]
    return tuple(t for t in (_tiles(catalog, place, span) for span in spans) if t is not None)


def _tiles(catalog: Catalog, place: Place, span: Span) -> TileSet | None:
    data = catalog.tiles(place.model, place.version, place.rule.name, span)
    return None if data is None else decode_tileset(data)
