"""Declare a model; where it has a baseline, that one is frozen anew from its rows as the new declaration reads them."""

from __future__ import annotations

from monitor.definitions import MonitoredModel
from monitor.jobs.set_baseline import set_baseline
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.encoding import decode_baseline


def declare_model(declaration: MonitoredModel, catalog: Catalog, store: SegmentStore, now_ns: int) -> None:
    """Raises InvalidInput, and changes nothing, where the baseline does not fit the new declaration."""
    known = catalog.baseline(declaration.model)
    if known is None:
        catalog.put_model(declaration, now_ns, declared=True)
        return
    ordered = decode_baseline(known.profile).time_ordered
    rows = store.read_baseline(known.path)
    set_baseline(declaration.model, rows, declaration, catalog, store, now_ns, time_ordered=ordered)
    catalog.put_model(declaration, now_ns, declared=True)
