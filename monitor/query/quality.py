"""GET quality and schema: what is wrong with the values of each column, and what they should keep to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.definitions import ColumnRule
from monitor.definitions.schema import write_schema
from monitor.findings import rfc3339
from monitor.metrics.metric import Metric
from monitor.metrics.quality.commonest_ratio import COMMONEST_RATIO
from monitor.metrics.quality.duplicate_id_ratio import DUPLICATE_ID_RATIO
from monitor.metrics.quality.duplicate_row_ratio import DUPLICATE_ROW_RATIO
from monitor.metrics.quality.infinite_ratio import INFINITE_RATIO
from monitor.metrics.quality.longest_gap_seconds import LONGEST_GAP_SECONDS
from monitor.metrics.quality.missing_ratio import MISSING_RATIO
from monitor.metrics.quality.nan_ratio import NAN_RATIO
from monitor.metrics.quality.out_of_range_ratio import OUT_OF_RANGE_RATIO
from monitor.metrics.quality.schema_violation_ratio import SCHEMA_VIOLATION_RATIO
from monitor.metrics.quality.unseen_ratio import UNSEEN_RATIO
from monitor.ports import Catalog
from monitor.query.asked import Between, ThePage
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog, TheStore
from monitor.query.stretches import WINDOWS_MAX, badness, stretch_of, told
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.schema import learned

OF_COLUMNS: tuple[Metric, ...] = (
    MISSING_RATIO,
    UNSEEN_RATIO,
    OUT_OF_RANGE_RATIO,
    NAN_RATIO,
    INFINITE_RATIO,
    COMMONEST_RATIO,
    SCHEMA_VIOLATION_RATIO,
)
OF_ROWS: tuple[Metric, ...] = (DUPLICATE_ROW_RATIO, DUPLICATE_ID_RATIO, LONGEST_GAP_SECONDS)
YAML_WIDTH = 120


class QualityController(Controller):
    """Whether the data is sound."""

    path = "/models/{model:str}"
    tags = ("measurements",)

    @get("/quality", sync_to_thread=True, summary="What is wrong with each column's values, the worst first")
    def quality(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Of the windows that begin in the span, or of the newest. `whole` has what is told of rows and of their times."""
        stretch = stretch_of(catalog, model, between, version, rule, slice)
        cells = told(catalog, store, stretch, OF_COLUMNS)
        columns: dict[str, dict[str, dict[str, Any]]] = {}
        for (metric, feature, _), cell in cells.items():
            columns.setdefault(feature or "", {})[metric] = cell
        kinds = {f.name: f.kind for f in stretch.model.features} | dict(stretch.baseline.grids.kinds)
        ranked = sorted(columns.items(), key=lambda own: (*badness(_faults(own[1])), own[0]))
        items = [{"column": name, "kind": kinds.get(name, "output"), "metrics": own} for name, own in ranked]
        whole = {} if stretch.part else {m: c for (m, _, _), c in told(catalog, store, stretch, OF_ROWS).items()}
        return stretch.document() | {"whole": whole, "last_row": _last_row(catalog, model)} | page.of_all(items)

    @get("/schema", sync_to_thread=True, summary="What columns have to keep to, and what their baseline suggests")
    def schema(self, catalog: TheCatalog, model: FromPath[str]) -> dict[str, Any]:
        """`proposal` is the declaration as YAML with the suggested rules for the columns that have none, `section` its `schema`."""
        entry = model_of(catalog, model)
        baseline = catalog.baseline(model)
        rules: Mapping[str, ColumnRule] = {}
        if baseline is not None:
            frozen = decode_baseline(baseline.profile)
            rules = learned(frozen.grids, frozen.tiles)
        elif entry.proposal is not None:
            rules = entry.proposal.schema
        declared, suggested = _documents(entry.declaration.schema), _documents(rules)
        names = dict.fromkeys([*declared, *(f.name for f in entry.in_force().features), *suggested])
        items = [{"column": n, "declared": declared.get(n), "learned": suggested.get(n)} for n in names]
        proposal = entry.proposal
        return {
            "items": items,
            "next": None,
            "learned_from": None if baseline is None else {"baseline": baseline.id, "rows": baseline.rows},
            "section": None if proposal is None or not proposal.schema else _yaml(write_schema(proposal.schema)),
            "proposal": None if proposal is None else _yaml(proposal.to_document()),
        }


def _faults(cells: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What ranks a column: what its commonest value is, is no fault."""
    return [cell for name, cell in cells.items() if name != COMMONEST_RATIO.name]


def _documents(rules: Mapping[str, ColumnRule]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = write_schema(rules).get("schema", {})
    return found


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=YAML_WIDTH)


def _last_row(catalog: Catalog, model: str) -> str | None:
    """Event time of the newest row that is kept: it lies in the newest window with rows, or behind it."""
    newest = catalog.windows(model, limit=WINDOWS_MAX, newest_first=True)
    since = next((w.span.start_ns for w in newest if w.n_window), None)
    segments = catalog.segments("predictions", model, None, since)
    return rfc3339(max(s.end_ns for s in segments)) if segments else None
