"""GET measurements, distributions, anomalies, explanations: the numbers and what is behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.errors import NotFound
from monitor.findings import Span, finding_document, overlay_document, rfc3339, window_document
from monitor.jobs.opinion_sides import sides
from monitor.ports import BaselineEntry, Catalog, FindingQuery, SegmentKind, SegmentStore, WindowEntry
from monitor.query.asked import Between, ThePage, TheSpan
from monitor.query.models import model_of
from monitor.query.paging import Page
from monitor.query.provided import TheCatalog, TheReport, TheStore
from monitor.query.sliced import tiles_of
from monitor.tiles.encoding import decode_baseline, decode_tileset
from monitor.tiles.overlay import grid_of, overlay, tile_of
from monitor.tiles.tileset import Baseline, FeatureTile, Grid

DISTRIBUTION_WINDOWS_MAX = 200


class MeasurementsController(Controller):
    """What was measured, and what it was measured on."""

    path = "/models/{model:str}"
    tags = ("measurements",)

    @get("/measurements", sync_to_thread=True, summary="Decision records, latest revisions")
    def measurements(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
        metric: FromQuery[str | None] = None,
        feature: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        model_of(catalog, model)
        segments = catalog.segments("measurements", model, version, between.start_ns, between.end_ns)
        # The segments of a version hold nothing else, and a finding without a version says null.
        query = FindingQuery(
            between.start_ns,
            between.end_ns,
            version or None,
            slice or None,
            metric,
            feature,
            page.limit + 1,
            page.offset,
            kind=kind,
            rule=rule,
            whole=slice == "",
        )
        found = store.find_findings(segments, query)
        return page.answer([finding_document(f) for f in found[: page.limit]], more=len(found) > page.limit)

    @get("/distributions", sync_to_thread=True, summary="Baseline and windows on shared bins")
    def distributions(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        feature: FromQuery[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        model_of(catalog, model)
        entry = catalog.baseline(model)
        if entry is None:
            raise NotFound("baseline of model", model)
        baseline = decode_baseline(entry.profile)
        grid, own = _grid_and_tile(replace(baseline, tiles=tiles_of(baseline.tiles, slice)), feature)
        page = page.at_most(DISTRIBUTION_WINDOWS_MAX)
        windows = catalog.windows(
            model,
            version=version,
            rule=rule,
            start_ns=between.start_ns,
            end_ns=between.end_ns,
            limit=page.reach,
        )
        items = [self._item(catalog, window, model, feature, grid, own, entry, slice) for window in page.cut(windows)]
        return page.answer([i for i in items if i is not None], more=page.is_followed(windows))

    @staticmethod
    def _item(
        catalog: Catalog,
        window: WindowEntry,
        model: str,
        feature: str,
        grid: Grid,
        own: FeatureTile,
        entry: BaselineEntry,
        part: str | None,
    ) -> dict[str, Any] | None:
        data = catalog.tiles(model, window.version, window.rule, window.span) if window.baseline == entry.id else None
        if data is None:
            return None
        tiles = tiles_of(decode_tileset(data), part)
        tile = tile_of(tiles, feature)
        drawn = None if tile is None else overlay(grid, own, tile)
        if tile is None or drawn is None:
            return None
        return {
            "version": window.version or None,
            "window": window_document(window.span),
            "revision": window.revision,
            "feature": feature,
            "slice": part or None,
            "n_baseline": own.n,
            "n_window": tile.n,
            "n_missing": tile.n_missing,
            **overlay_document(drawn),
        }

    @get("/anomalies", sync_to_thread=True, summary="Recorded anomalous inputs")
    def anomalies(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        prediction_id: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        return _records("anomalies", catalog, store, model, between, version, prediction_id, page, slice)

    @get("/explanations", sync_to_thread=True, summary="Attributions of explained predictions")
    def explanations(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        prediction_id: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        return _records("explanations", catalog, store, model, between, version, prediction_id, page, slice)

    @get(
        "/report",
        sync_to_thread=True,
        media_type="text/html",
        summary="Evidently's HTML report of a span, from its rows",
    )
    def report(
        self,
        catalog: TheCatalog,
        store: TheStore,
        report: TheReport,
        model: FromPath[str],
        span: TheSpan,
        version: FromQuery[str | None] = None,
    ) -> bytes:
        declared = model_of(catalog, model).in_force()
        asked = sides(catalog, store, declared, version, span)
        return report(asked.reference, asked.current, declared, asked.rows)


def _records(
    kind: SegmentKind,
    catalog: Catalog,
    store: SegmentStore,
    model: str,
    between: Span,
    version: str | None,
    prediction_id: str | None,
    page: Page,
    part: str | None,
) -> dict[str, Any]:
    model_of(catalog, model)
    start_ns, end_ns = between.start_ns, between.end_ns
    segments = catalog.segments(kind, model, version, start_ns, end_ns)
    found = store.find_records(segments, start_ns, end_ns, prediction_id, page.limit + 1, page.offset, part or None)
    items = [{k: rfc3339(v) if k == "time_ns" else v for k, v in item.items()} for item in found[: page.limit]]
    return page.answer(
        [{("time" if k == "time_ns" else k): v for k, v in i.items()} for i in items], more=len(found) > page.limit
    )


def _grid_and_tile(baseline: Baseline, feature: str) -> tuple[Grid, FeatureTile]:
    grid, tile = grid_of(baseline.grids, feature), tile_of(baseline.tiles, feature)
    if grid is None or tile is None:
        raise NotFound("feature with a distribution", feature)
    return grid, tile
