"""A backfill that stays: rows and labels go into a monitor's catalog and segments, and its own scheduler closes the windows.

Such a service waits for no rows that may still be on their way: every window is due, in event time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from collectors.records.types import Prediction, Tensor
from monitor.definitions import MonitoredModel
from monitor.findings import Finding, Transition
from monitor.jobs.accept_labels import accept_labels
from monitor.jobs.context import Context
from monitor.jobs.declare_model import declare_model
from monitor.jobs.profile_window import Explainer
from monitor.jobs.set_baseline import set_baseline
from monitor.ports import Catalog, FindingQuery, Labels, SegmentStore
from monitor.tiles.rows import Column, Rows

FINDINGS_PER_PAGE = 10_000


def replay(
    context: Context,
    run_pass: Callable[[], int],
    declaration: MonitoredModel,
    baseline: Rows | None,
    rows: Rows,
    labels: Labels | None,
    *,
    version: str,
    time_ordered: bool,
    explainer: Explainer | None,
) -> tuple[list[Finding], list[Transition]]:
    """Put everything in, run passes until nothing is due, and read the results back."""
    catalog, store, now_ns = context.catalog, context.store, context.clock()
    declare_model(declaration, catalog, store, now_ns)
    if baseline is not None:
        set_baseline(
            declaration.model,
            baseline,
            declaration,
            catalog,
            store,
            now_ns,
            time_ordered=time_ordered,
            explainer=explainer,
        )
    catalog.put_segments([store.write_rows(declaration.model, version, rows.in_canonical_order(), now_ns)])
    if labels is not None:
        accept_labels(declaration.model, labels.id, labels.value, catalog, store, now_ns, labels.known_ns)
    while run_pass():
        pass
    span = int(rows.time_ns.min()), int(rows.time_ns.max()) + 1
    return findings_between(catalog, store, declaration.model, version, *span), catalog.transitions(declaration.model)


def findings_between(
    catalog: Catalog, store: SegmentStore, model: str, version: str, start_ns: int, end_ns: int
) -> list[Finding]:
    """Every decision record of the windows that hold an instant of the span, page by page."""
    segments = catalog.segments("measurements", model, version, start_ns, end_ns)
    found: list[Finding] = []
    while True:
        page = store.find_findings(
            segments, FindingQuery(version=version or None, limit=FINDINGS_PER_PAGE, offset=len(found))
        )
        found += page
        if len(page) < FINDINGS_PER_PAGE:
            return found


def predictions_of(rows: Rows, model: str, version: str, prediction_columns: Sequence[str]) -> list[Prediction]:
    """Rows as the records of a collector, one exchange a row, so that every prediction keeps its own id."""
    tensors = {name: _tensors(name, column) for name, column in rows.columns.items()}
    outputs = [name for name in prediction_columns if name in tensors]
    inputs = [name for name in tensors if name not in outputs]
    return [
        Prediction(
            exchange=identity,
            id=identity,
            id_source="body",
            model=model,
            version=version,
            time_ns=int(time),
            inputs=tuple(tensors[name][i] for name in inputs),
            outputs=tuple(tensors[name][i] for name in outputs)
            or (Tensor(name="prediction", shape=(1,), datatype="BYTES", items=("",)),),
            captured_by="file",
        )
        for i, (identity, time) in enumerate(zip(rows.prediction_ids(), rows.time_ns, strict=True))
    ]


_DATATYPES = {"f": "FP64", "i": "INT64", "b": "BOOL"}


def _tensors(name: str, column: Column) -> list[Tensor]:
    missing = np.zeros(len(column), np.bool_) if column.missing is None else column.missing
    if column.values.dtype.kind == "O":
        return [
            Tensor(
                name=name,
                shape=(1,),
                datatype="BYTES",
                items=("" if gone else str(value),),
                missing=(0,) if gone else (),
            )
            for value, gone in zip(column.values.tolist(), missing.tolist(), strict=True)
        ]
    if column.values.ndim > 1:
        return [
            Tensor(name=name, shape=(1, len(v)), datatype="FP32", data=v.astype("<f4").tobytes()) for v in column.values
        ]
    datatype = _DATATYPES[column.values.dtype.kind]
    return [
        Tensor(name=name, shape=(1,), datatype=datatype, data=value.tobytes(), missing=(0,) if gone else ())  # type: ignore[arg-type]  # one of the three
        for value, gone in zip(column.values, missing.tolist(), strict=True)
    ]
