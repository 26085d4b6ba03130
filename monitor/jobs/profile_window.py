"""Profile one window: its rows joined with their labels become tiles and records of anomalous rows. A pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.findings import Measurement
from monitor.jobs.label_delays import delays_of
from monitor.metrics.anomaly import codec, records
from monitor.metrics.estimation.freeze import with_estimates
from monitor.ports import Labels
from monitor.tiles.attribution import AttributionTile
from monitor.tiles.evened import evened
from monitor.tiles.profile import profile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.service import service_tile
from monitor.tiles.slices import members
from monitor.tiles.tileset import Baseline, TileSet


@dataclass(frozen=True, slots=True)
class Profiled:
    tiles: TileSet
    anomalies: tuple[Mapping[str, Any], ...]
    explanations: tuple[Mapping[str, Any], ...]
    labelled: int
    start_ns: int | None
    end_ns: int | None
    """Event time of the first and last row."""
    others: tuple[Measurement, ...] = ()
    """What another library says of the rows."""


Explainer = Callable[[Rows], tuple[Sequence[Mapping[str, Any]], AttributionTile]]
"""Explains (a sample of) rows: one record a prediction, and the tile of their attributions."""


def profile_window(
    rows: Rows,
    labels: Labels | None,
    baseline: Baseline,
    model: MonitoredModel,
    explainer: Explainer | None = None,
    failures: Rows | None = None,
    opinion: Callable[[Rows], tuple[Measurement, ...]] | None = None,
) -> Profiled:
    """The same rows and labels give the same tiles to the bit, in whatever order they come.

    `failures` are the exchanges of the window that the server refused. Tiles are of the rows with equal inclusion (`tiles.evened`); anomalies are looked for in all of them.
    """
    rows = rows.in_canonical_order()
    rows = with_labels(rows, labels) if labels is not None and len(labels) else with_label_column(rows, model)
    sample = evened(rows)
    tiles = with_estimates(profile(sample, baseline.grids, model), sample, baseline.estimator, baseline.grids, model)
    tiles = replace(tiles, service=service_tile(rows, failures))
    if labels is not None:
        tiles = replace(tiles, delays=delays_of(sample, labels, model, tiles))
    anomalies: tuple[Mapping[str, Any], ...] = ()
    if baseline.anomaly is not None and len(rows):
        detector = codec.decode(baseline.anomaly)
        tile, found = records.measure(rows, detector, model.anomaly_rate)
        if sample is not rows:  # every anomalous row is recorded; the share is of the sample
            tile, _ = records.measure(sample, detector, model.anomaly_rate)
        tiles = replace(tiles, anomaly=tile)
        anomalies = tuple(found)
    explanations: tuple[Mapping[str, Any], ...] = ()
    if explainer is not None and len(rows):
        explained, attribution = explainer(rows)
        tiles = replace(tiles, attribution=attribution)
        explanations = tuple(explained)
    slices = baseline.grids.slices
    anomalies, explanations = (_sliced(rows, records, slices) for records in (anomalies, explanations))
    labelled = (
        0 if rows.label is None else len(rows) - int(0 if rows.label.missing is None else rows.label.missing.sum())
    )
    first, last = (int(rows.time_ns[0]), int(rows.time_ns[-1])) if len(rows) else (None, None)
    others = opinion(sample) if opinion is not None else ()
    return Profiled(tiles, anomalies, explanations, labelled, first, last, others)


def _sliced(
    rows: Rows, found: tuple[Mapping[str, Any], ...], slices: Mapping[str, str]
) -> tuple[Mapping[str, Any], ...]:
    """Records that say which of the declared slices their row is in."""
    if not found or not slices:
        return found
    inside = {name: members(rows, where) for name, where in slices.items()}
    at = {prediction_id: i for i, prediction_id in enumerate(rows.prediction_ids())}
    known = [(name, mask) for name, mask in inside.items() if mask is not None]
    return tuple({**one, "slices": [name for name, mask in known if mask[at[one["prediction_id"]]]]} for one in found)


def with_labels(rows: Rows, labels: Labels) -> Rows:
    """Join by prediction id; a row without a label has it missing."""
    found = dict(zip(labels.id.tolist(), labels.value.tolist(), strict=True))
    joined = [found.get(i) for i in rows.prediction_ids()]
    missing = np.array([v is None for v in joined], np.bool_)
    values = np.empty(len(joined), dtype=object)
    values[:] = joined
    numeric = all(isinstance(v, int | float) for v in found.values())
    if numeric:
        numbers = np.array([np.nan if v is None else float(v) for v in joined], np.float64)
        return replace(rows, label=Column(np.where(missing, 0.0, numbers), missing if missing.any() else None))
    return replace(rows, label=Column(values, missing if missing.any() else None))


def with_label_column(rows: Rows, model: MonitoredModel) -> Rows:
    """Rows whose label, where a column of its name is there, stands in `label` instead."""
    if model.label is None or rows.label is not None or model.label.name not in rows.columns:
        return rows
    columns = {name: column for name, column in rows.columns.items() if name != model.label.name}
    return replace(rows, columns=columns, label=rows.columns[model.label.name])
