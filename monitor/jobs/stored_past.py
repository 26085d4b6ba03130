"""Where a live monitor finds the windows that a baseline which moves is made of: its catalog."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.definitions import BaselineRule
from monitor.findings import Span
from monitor.jobs.moving_baseline import Past, decode_spans, labels_of
from monitor.jobs.track import Place, alerts_key
from monitor.ports import Catalog, WindowEntry
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.tileset import Baseline, TileSet
from monitor.windows.trailing import SCALE_MAX


def alarmed_key(place: Place) -> str:
    """Where the windows that never become part of a baseline are kept."""
    return f"{alerts_key(place)}/alarmed"


def alarmed_labels_key(place: Place) -> str:
    return f"{alarmed_key(place)}-labels"


def stored_labels(catalog: Catalog, place: Place, rule: BaselineRule, baseline: Baseline, span: Span) -> Past:
    """The windows before this one that have labels."""

    def tiles_of(window: Span) -> TileSet | None:
        data = catalog.tiles(place.model, place.version, place.rule.name, window)
        return None if data is None else labels_of(decode_tileset(data))

    own = _windows(catalog, place, place.version, start_ns=_from(rule, span), end_ns=span.start_ns)
    newest = _windows(catalog, place, place.version, end_ns=span.start_ns, limit=2 * SCALE_MAX)
    found = [w for w in (*own, *newest) if w.labelled and w.n_window and w.baseline == baseline.id]
    shares = {w.span: w.labelled / w.n_window for w in found}
    alarmed = decode_spans(catalog.memory(alarmed_labels_key(place)))
    return Past(rule, place.rule, tiles_of, sorted(shares), alarmed, shares)


def stored_past(catalog: Catalog, place: Place, rule: BaselineRule, baseline: Baseline, span: Span) -> Past:
    """The windows before this one."""
    version = place.version if rule.version is None else rule.version

    def tiles_of(window: Span) -> TileSet | None:
        data = catalog.tiles(place.model, version, place.rule.name, window)
        return None if data is None else decode_tileset(data)

    own = _spans(catalog, place, place.version, baseline, start_ns=_from(rule, span), end_ns=span.start_ns)
    newest = _spans(catalog, place, place.version, baseline, end_ns=span.start_ns, limit=2 * SCALE_MAX)
    return Past(rule, place.rule, tiles_of, sorted({*own, *newest}), decode_spans(catalog.memory(alarmed_key(place))))


def windows_of_other(
    catalog: Catalog, place: Place, rule: BaselineRule, baseline: Baseline, span: Span
) -> list[Span] | None:
    """Those of the version that this one is compared with, up to this window; None where it is compared with its own past."""
    if rule.version is None:
        return None
    return _spans(catalog, place, rule.version, baseline, end_ns=(span.start_ns or 0) + 1, limit=2 * SCALE_MAX)


def _from(rule: BaselineRule, span: Span) -> int:
    return (span.start_ns or 0) - 3 * rule.reach_ns


def _spans(
    catalog: Catalog,
    place: Place,
    version: str,
    baseline: Baseline,
    *,
    start_ns: int | None = None,
    end_ns: int | None = None,
    limit: int | None = None,
) -> list[Span]:
    windows = _windows(catalog, place, version, start_ns=start_ns, end_ns=end_ns, limit=limit)
    return sorted(w.span for w in windows if w.n_window and w.baseline == baseline.id)


def _windows(
    catalog: Catalog,
    place: Place,
    version: str,
    *,
    start_ns: int | None = None,
    end_ns: int | None = None,
    limit: int | None = None,
) -> Sequence[WindowEntry]:
    return catalog.windows(
        place.model,
        version=version,
        rule=place.rule.name,
        start_ns=start_ns,
        end_ns=end_ns,
        limit=limit,
        newest_first=limit is not None,
    )
