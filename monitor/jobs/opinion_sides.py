"""The rows of a span and of the baseline that another library is asked about on demand: bounded, and sampled here."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.definitions import MonitoredModel
from monitor.errors import NotFound
from monitor.findings import Span
from monitor.jobs.second_opinion import ROWS_MAX, asked_rows
from monitor.jobs.stored_records import bounded
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.rows import Rows
from monitor.tiles.sample import sample


@dataclass(frozen=True, slots=True)
class Sides:
    """What is asked about on demand: samples of both sides, with how many rows there are, and the baseline's id."""

    reference: Rows
    current: Rows
    rows: tuple[int, int]
    baseline: str


def sides(catalog: Catalog, store: SegmentStore, model: MonitoredModel, version: str | None, span: Span) -> Sides:
    """Raises NotFound where there is no baseline or no row, InvalidInput where the span holds more than one request may read."""
    baseline = catalog.baseline(model.model)
    if baseline is None:
        raise NotFound("baseline of model", model.model)
    bounded(catalog, model.model, version, span)
    current = asked_rows(catalog, store, model, version, span)
    if len(current) == 0:
        raise NotFound("row of model in that span", model.model)
    reference = store.read_baseline(baseline.path)
    counts = len(reference), len(current)
    return Sides(sample(reference, ROWS_MAX), sample(current, ROWS_MAX), counts, baseline.id)
