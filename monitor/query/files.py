"""GET declaration, baseline and rows as files: what `outrider compare` needs to measure a window again."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Response, get
from litestar.params import FromPath, FromQuery

from monitor.errors import NotFound
from monitor.jobs.stored_records import bounded
from monitor.query.asked import TheSpan
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog, TheRowsWriter, TheStore

PARQUET = "application/vnd.apache.parquet"


class FilesController(Controller):
    """What a window was measured from."""

    path = "/models/{model:str}"
    tags = ("files",)

    @get("/declaration", sync_to_thread=True, summary="The declaration in force, as `outrider model apply` takes it")
    def declaration(self, catalog: TheCatalog, model: FromPath[str]) -> dict[str, Any]:
        return model_of(catalog, model).in_force().to_document()

    @get("/baseline.parquet", sync_to_thread=True, media_type=PARQUET, summary="The baseline's rows")
    def baseline(
        self, catalog: TheCatalog, store: TheStore, rows_writer: TheRowsWriter, model: FromPath[str]
    ) -> Response[bytes]:
        model_of(catalog, model)
        entry = catalog.baseline(model)
        if entry is None:
            raise NotFound("baseline of model", model)
        return _file(rows_writer(store.read_baseline(entry.path), None), f"{model}-baseline")

    @get("/rows.parquet", sync_to_thread=True, media_type=PARQUET, summary="All stored rows of a span")
    def rows(
        self,
        catalog: TheCatalog,
        store: TheStore,
        rows_writer: TheRowsWriter,
        model: FromPath[str],
        span: TheSpan,
        version: FromQuery[str | None] = None,
    ) -> Response[bytes]:
        entry = model_of(catalog, model)
        bounded(catalog, model, version, span)
        segments = catalog.segments("predictions", model, version, span.start_ns, span.end_ns)
        found = store.read_rows(segments, span.start_ns, span.end_ns)
        if len(found) == 0:
            raise NotFound("row of model in that span", model)
        return _file(rows_writer(found, entry.declaration.id), f"{model}-rows")


def _file(data: bytes, name: str) -> Response[bytes]:
    headers = {"content-disposition": f'attachment; filename="{name}.parquet"'}
    return Response(data, media_type=PARQUET, headers=headers)
