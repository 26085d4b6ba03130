"""A baseline from what was captured: the stored rows of a span, with the labels that have come.

For whoever has no file of rows as served: what a model saw while all was well is what later windows are compared with.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.errors import Fault, InvalidInput
from monitor.findings import Span
from monitor.jobs.stored_records import bounded, stored_rows
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.evened import evened
from monitor.tiles.rows import Rows


def captured_rows(catalog: Catalog, store: SegmentStore, model: str, version: str | None, span: Span) -> Rows:
    """The rows of a span as windows count them: with equal inclusion, in canonical order; `version` None: of every one.

    Raises InvalidInput where nothing is stored, or more than a request may ask for.
    """
    bounded(catalog, model, version, span)
    rows = stored_rows(catalog, store, model, version, span)
    if not len(rows):
        raise InvalidInput(Fault("from, to", "no stored rows", "a span in which predictions were captured"))
    return replace(evened(rows), inclusion=None)
