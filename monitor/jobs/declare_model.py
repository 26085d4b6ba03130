"""Declare a model; where it has a baseline, that one is frozen anew from its rows as the new declaration reads them."""

from __future__ import annotations

from collections.abc import Callable

from monitor.definitions import MonitoredModel
from monitor.jobs.profile_window import Explainer
from monitor.jobs.set_baseline import resolve_kinds, set_baseline
from monitor.metrics.registry import check_names
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Rows


def declare_model(
    declaration: MonitoredModel,
    catalog: Catalog,
    store: SegmentStore,
    now_ns: int,
    explainer_for: Callable[[MonitoredModel, Rows], Explainer | None] = lambda _, __: None,
) -> None:
    """Raises InvalidInput, and changes nothing, where it asks for unknown metrics or the baseline does not fit it."""
    check_names(declaration)
    known = catalog.baseline(declaration.model)
    if known is None:
        catalog.put_model(declaration, now_ns, declared=True)
        return
    ordered = decode_baseline(known.profile).time_ordered
    rows = store.read_baseline(known.path)
    explainer = explainer_for(resolve_kinds(rows, declaration), rows)
    set_baseline(
        declaration.model, rows, declaration, catalog, store, now_ns, time_ordered=ordered, explainer=explainer
    )
    catalog.put_model(declaration, now_ns, declared=True)
