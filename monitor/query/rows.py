"""GET rows, and rows.csv: the stored predictions of a span, as they were captured and redacted, with the labels that have come."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation
from litestar.response import Stream

from monitor.errors import NotFound
from monitor.findings import Span, rfc3339
from monitor.jobs.profile_window import with_labels
from monitor.jobs.stored_records import bounded
from monitor.ports import Catalog, Segment, SegmentStore
from monitor.query.asked import TheSpan
from monitor.query.models import model_of
from monitor.query.paging import Page
from monitor.query.provided import TheCatalog, TheStore
from monitor.query.row_filters import RowFilter, fault_of, group_of
from monitor.query.sheets import CSV, harmless
from monitor.query.sliced import predicate_of
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Column, Rows

ROWS_MAX, ROWS_DEFAULT = 1_000, 100
CHUNK_ROWS = 20_000
"""Rows that are held at once while a file is sent: some 10 MB of 50 columns."""
ANOMALIES_MAX = 100_000
"""Recorded anomalies of a span that rows are held against."""

Above = Annotated[
    float | None, QueryParameter(required=False, description="Only rows whose feature is more than this.")
]
UpTo = Annotated[float | None, QueryParameter(required=False, description="Only rows whose feature is at most this.")]
OfFault = Annotated[
    str | None,
    QueryParameter(
        required=False,
        description="Only rows whose feature is `missing`, a category `new` to the baseline, `outside` its range, or breaks the declared `schema`.",
    ),
]
OfGroup = Annotated[str | None, QueryParameter(required=False, description="COLUMN=GROUP, as fairness calls it.")]
Anomalous = Annotated[bool, QueryParameter(required=False, description="Only rows that were recorded as anomalous.")]


class Asked:
    """The rows of one request: where they lie, and which of them are wanted."""

    def __init__(self, catalog: Catalog, store: SegmentStore, model: str, span: Span, version: str | None) -> None:
        self.known = model_of(catalog, model).in_force()
        self.span = span
        self._catalog, self._store, self._version = catalog, store, version
        own = (span.start_ns, span.end_ns)
        self.segments = catalog.segments("predictions", model, version, *own)
        self.label_segments = catalog.segments("labels", model, None, *own)
        self.wanted = RowFilter()

    def only(self, wanted: RowFilter, part: str | None, *, anomalous: bool) -> None:
        """Of these rows those that the filter asks for, completed by what the baseline, the declaration and the records say.

        Raises NotFound for a column or slice that is not there.
        """
        feature = wanted.feature or ""
        names = self._store.row_columns(self.segments) if wanted.needs_feature else []
        if wanted.needs_feature and self.segments and feature not in {*names, *(f.name for f in self.known.features)}:
            raise NotFound("feature", feature)
        entry = self._catalog.baseline(self.known.model) if wanted.fault else None
        grids = None if entry is None else decode_baseline(entry.profile).grids
        self.wanted = replace(
            wanted,
            grid=None if grids is None else grids.features.get(feature) or grids.prediction.get(feature),
            rule=self.known.schema.get(feature),
            where=predicate_of(self._catalog, self.known.model, part) if part else None,
            ids=self._anomalous() if anomalous else None,
        )

    def bounded(self) -> None:
        """Raises InvalidInput where the span holds more rows than one answer may."""
        bounded(self._catalog, self.known.model, self._version, self.span)

    def _anomalous(self) -> frozenset[str]:
        own = (self.span.start_ns, self.span.end_ns)
        segments = self._catalog.segments("anomalies", self.known.model, self._version, *own)
        found = self._store.find_records(segments, *own, None, ANOMALIES_MAX, 0)
        return frozenset(item["prediction_id"] for item in found)

    def read(self, span: Span) -> Rows:
        rows = self._store.read_rows(_meeting(self.segments, span), span.start_ns, span.end_ns)
        labels = _meeting(self.label_segments, span)
        return with_labels(rows, self._store.read_labels(labels, span.start_ns, span.end_ns)) if labels else rows

    def lines(self) -> Iterator[bytes]:
        """A heading, then a line a row, in the order of their times."""
        names = self._store.row_columns(self.segments)
        yield _line(["prediction_id", "time", "trace", "label", *(harmless(name) for name in names)])
        for span in chunks(self.segments, self.span):
            rows = self.wanted.of(self.read(span))
            yield b"".join(
                _line(
                    [
                        harmless(item["prediction_id"]),
                        item["time"],
                        item.get("trace"),
                        harmless(item.get("label")),
                        *(harmless(item["values"].get(name)) for name in names),
                    ]
                )
                for item in _items(rows)
            )


TheRows = NamedDependency[SkipValidation[Asked]]


def _asked(
    catalog: TheCatalog,
    store: TheStore,
    model: FromPath[str],
    span: TheSpan,
    version: FromQuery[str | None] = None,
    feature: FromQuery[str | None] = None,
    category: FromQuery[str | None] = None,
    above: Above = None,
    up_to: UpTo = None,
    fault: OfFault = None,
    group: OfGroup = None,
    slice: FromQuery[str | None] = None,
    anomalous: Anomalous = False,
    trace: FromQuery[str | None] = None,
) -> Asked:
    asked = Asked(catalog, store, model, span, version)
    wanted = RowFilter(feature, category, above, up_to, fault_of(fault), group=group_of(group), trace=trace or None)
    asked.only(wanted, slice, anomalous=anomalous)
    return asked


class RowsController(Controller):
    """What windows are made of."""

    path = "/models/{model:str}"
    tags = ("measurements",)
    dependencies = {"asked": Provide(_asked, sync_to_thread=True)}  # noqa: RUF012  (Litestar declares it without ClassVar)

    @get("/rows", sync_to_thread=True, summary="Stored predictions of a span (redacted as captured)")
    def rows(
        self, asked: TheRows, limit: FromQuery[int | None] = None, cursor: FromQuery[str | None] = None
    ) -> dict[str, Any]:
        page = Page.of(limit, cursor, most=ROWS_MAX, default=ROWS_DEFAULT)
        rows = asked.wanted.of(asked.read(asked.span))
        part = rows.take(np.arange(page.offset, min(len(rows), page.offset + page.limit)))
        return page.answer(_items(part), more=page.is_followed(rows)) | {"rows": len(rows)}

    @get("/rows.csv", sync_to_thread=True, media_type=CSV, summary="The same rows as a file, sent piece by piece")
    def sheet(self, asked: TheRows, model: FromPath[str]) -> Stream:
        asked.bounded()
        headers = {"content-disposition": f'attachment; filename="{model}-rows.csv"'}
        return Stream(asked.lines(), media_type=f"{CSV}; charset=utf-8", headers=headers)


def chunks(segments: Sequence[Segment], span: Span) -> Iterator[Span]:
    """The span in pieces that begin where a segment does and hold about CHUNK_ROWS rows; one large segment is one piece."""
    at, rows = span.start_ns or 0, 0
    for segment in sorted(segments, key=lambda one: one.start_ns):
        if rows >= CHUNK_ROWS and segment.start_ns > at:
            yield Span(at, segment.start_ns)
            at, rows = segment.start_ns, 0
        rows += segment.rows
    yield Span(at, span.end_ns)


def _meeting(segments: Sequence[Segment], span: Span) -> list[Segment]:
    start, end = span.start_ns or 0, span.end_ns or 0
    return [s for s in segments if s.end_ns >= start and s.start_ns < end]


def _line(values: Sequence[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(values)
    return out.getvalue().encode()


def _items(rows: Rows) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [
        {"prediction_id": i, "time": rfc3339(int(t)), "values": {}}
        for i, t in zip(rows.prediction_ids(), rows.time_ns, strict=True)
    ]
    if rows.trace is not None:
        for item, trace in zip(items, rows.trace, strict=True):
            item["trace"] = trace
    if rows.label is not None:
        for index, item in enumerate(items):
            item["label"] = _shown(rows.label, index)
    for name, column in rows.columns.items():
        for index, item in enumerate(items):
            item["values"][name] = _shown(column, index)
    return items


def _shown(column: Column, index: int) -> object:
    if column.missing is not None and column.missing[index]:
        return None
    value: Any = column.values[index]
    if isinstance(value, np.ndarray):
        return f"vector of {value.size}"
    value = value.item() if isinstance(value, np.generic) else value
    return value if not isinstance(value, float) or np.isfinite(value) else str(value)
