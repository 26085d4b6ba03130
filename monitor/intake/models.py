"""PUT models, PUT baseline, POST labels: what users bring."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from litestar import Controller, Request, post, put
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.status_codes import HTTP_200_OK

from monitor.definitions import MODEL_NAME, MonitoredModel, document_of
from monitor.errors import Fault, InvalidInput, NotFound
from monitor.findings import span_of
from monitor.intake.provided import (
    TheCatalog,
    TheClock,
    TheExplainerMaker,
    TheLabelsReader,
    TheObserver,
    TheRowsReader,
    TheStore,
)
from monitor.intake.records import body_of
from monitor.jobs.accept_labels import accept_labels
from monitor.jobs.bodies import BASELINE_BYTES_MAX, DECLARATION_BYTES_MAX, LABELS_BYTES_MAX
from monitor.jobs.captured_baseline import captured_rows
from monitor.jobs.declare_model import declare_model
from monitor.jobs.set_baseline import resolve_kinds, set_baseline
from monitor.ports import BaselineEntry, Catalog

From = Annotated[
    str | None, QueryParameter(name="from", required=False, description="First event time, inclusive, RFC 3339.")
]
To = Annotated[
    str | None, QueryParameter(name="to", required=False, description="Last event time, exclusive, RFC 3339.")
]


class DeclarationsController(Controller):
    """Models, their baselines and their labels."""

    path = "/models/{model:str}"
    tags = ("intake",)

    @put("/", summary="Declare a monitored model (YAML or JSON)")
    async def declare(
        self,
        request: Request[Any, Any, Any],
        catalog: TheCatalog,
        store: TheStore,
        clock: TheClock,
        explainer_for: TheExplainerMaker,
        model: FromPath[str],
    ) -> dict[str, Any]:
        document = document_of(await body_of(request, DECLARATION_BYTES_MAX), "body")
        declaration = MonitoredModel.from_document(document)
        if not MODEL_NAME.fullmatch(model) or declaration.model != model:
            raise InvalidInput(Fault("model", repr(declaration.model), f"the model of the path, {model[:128]!r}"))
        await sync_to_thread(declare_model, declaration, catalog, store, clock(), explainer_for)
        return {"model": model, "declaration": declaration.to_document()}

    @put(
        "/baseline", summary="Set the baseline from CSV or Parquet, or without a body from what was captured in a span"
    )
    async def baseline(
        self,
        request: Request[Any, Any, Any],
        catalog: TheCatalog,
        store: TheStore,
        clock: TheClock,
        rows_reader: TheRowsReader,
        explainer_for: TheExplainerMaker,
        model: FromPath[str],
        time: FromQuery[str | None] = None,
        start: From = None,
        end: To = None,
        version: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        declaration = _declaration(catalog, model)
        body = await body_of(request, BASELINE_BYTES_MAX)
        media_type = request.headers.get("content-type", "")
        captured = start is not None or end is not None
        if captured and (body or time is not None):
            raise InvalidInput(
                Fault("from, to", "a body or `time` beside them", "either a file or a span of what was captured")
            )
        span = span_of(start, end) if captured else None

        def work() -> BaselineEntry:
            if span is None:
                rows = rows_reader(body, media_type, "baseline", time=time, id=declaration.id)
            else:
                rows = captured_rows(catalog, store, model, version, span)
            explainer = explainer_for(resolve_kinds(rows, declaration), rows)
            in_time = span is not None or time is not None
            return set_baseline(
                model, rows, declaration, catalog, store, clock(), time_ordered=in_time, explainer=explainer
            )

        entry = await sync_to_thread(work)
        return {"model": model, "baseline": entry.id, "rows": entry.rows}

    @post("/labels", status_code=HTTP_200_OK, summary="Add ground truth by prediction id (JSON, NDJSON, CSV, Parquet)")
    async def labels(
        self,
        request: Request[Any, Any, Any],
        catalog: TheCatalog,
        store: TheStore,
        clock: TheClock,
        observer: TheObserver,
        labels_reader: TheLabelsReader,
        model: FromPath[str],
        time: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """`time`: the column that says when each label was known; without it `label: {time: …}` of the declaration, where the body has it."""
        declaration = _declaration(catalog, model)
        if declaration.label is None:
            raise InvalidInput(
                Fault("label", "nothing in the declaration", "`label: {name: …}`, to know the labels' column")
            )
        name = declaration.label.name
        body = await body_of(request, LABELS_BYTES_MAX)
        media_type = request.headers.get("content-type", "")
        column = time or declaration.label.time
        read = partial(labels_reader, demanded=bool(time))
        labels = await sync_to_thread(read, body, media_type, "labels", declaration.id, name, column)
        accepted = await sync_to_thread(
            accept_labels, model, labels.id, labels.value, catalog, store, clock(), labels.known_ns
        )
        observer.records_received("label", accepted.accepted)
        return {"model": model, "accepted": accepted.accepted, "unknown": accepted.unknown}


def _declaration(catalog: Catalog, model: str) -> MonitoredModel:
    entry = catalog.model(model)
    if entry is None:
        raise NotFound("model", model)
    return entry.declaration
