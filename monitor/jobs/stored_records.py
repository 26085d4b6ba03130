"""Where a live monitor finds the windows and rows around an alert: its catalog and its segments."""

from __future__ import annotations

from monitor.alerts.causes.cause import HISTORY_MAX
from monitor.errors import Fault, InvalidInput
from monitor.findings import Span
from monitor.jobs.bodies import SPAN_ROWS_MAX
from monitor.jobs.context import Context
from monitor.jobs.find_cause import Records
from monitor.jobs.pipelines import upstream_alerts
from monitor.jobs.profile_window import with_label_column, with_labels
from monitor.jobs.track import Place
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline, TileSet


def stored_records(context: Context, place: Place, baseline: Baseline, span: Span, tiles: TileSet) -> Records:
    """Those of one window, whose tiles are not stored yet; read only where they are asked for."""

    def history() -> list[tuple[Span, TileSet]]:
        windows = context.catalog.windows(
            place.model,
            version=place.version,
            rule=place.rule.name,
            end_ns=span.start_ns or 0,
            limit=HISTORY_MAX,
            newest_first=True,
        )
        spans = [w.span for w in windows[::-1] if w.n_window and w.baseline == baseline.id]
        stored = [(s, context.catalog.tiles(place.model, place.version, place.rule.name, s)) for s in spans]
        return [*((s, decode_tileset(data)) for s, data in stored if data), (span, tiles)]

    return Records(
        history,
        lambda wanted: stored_rows(context.catalog, context.store, place.model, place.version, wanted),
        lambda: stored_baseline(context.catalog, context.store, place.model),
        lambda: upstream_alerts(context.catalog, place.model),
    )


def stored_rows(catalog: Catalog, store: SegmentStore, model: str, version: str | None, span: Span) -> Rows:
    """The rows of a span with the labels that have come."""
    start_ns, end_ns = span.start_ns, span.end_ns
    rows = store.read_rows(catalog.segments("predictions", model, version, start_ns, end_ns), start_ns, end_ns)
    labels = store.read_labels(catalog.segments("labels", model, None, start_ns, end_ns), start_ns, end_ns)
    return with_labels(rows, labels) if len(labels) else rows


def bounded(catalog: Catalog, model: str, version: str | None, span: Span) -> None:
    """Raises InvalidInput where a span has more rows than one request may ask for."""
    rows = sum(s.rows for s in catalog.segments("predictions", model, version, span.start_ns, span.end_ns))
    if rows > SPAN_ROWS_MAX:
        raise InvalidInput(Fault("from, to", f"about {rows:,} rows", f"a span of at most {SPAN_ROWS_MAX:,} rows"))


def stored_baseline(catalog: Catalog, store: SegmentStore, model: str) -> Rows | None:
    """The baseline's rows, its label where it has one."""
    entry, known = catalog.baseline(model), catalog.model(model)
    if entry is None or known is None:
        return None
    return with_label_column(store.read_baseline(entry.path), known.in_force())
