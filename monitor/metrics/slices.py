"""The metrics of the declared slices: those of the whole, measured on the tiles of each slice beside the baseline's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.drift.association_distance import TablesMetric
from monitor.metrics.drift.domain_classifier_auc import SampleMetric
from monitor.metrics.drift.matrix_metric import MatrixMetric
from monitor.metrics.drift.vector_metric import JointMetric
from monitor.metrics.metric import Comparison, Metric
from monitor.metrics.quality.stamp_metric import StampMetric
from monitor.tiles.tileset import Baseline, TileSet

SLICED_KINDS = frozenset(
    {
        AlertKind.DRIFT,
        AlertKind.PREDICTION_DRIFT,
        AlertKind.LABEL_DRIFT,
        AlertKind.PERFORMANCE,
        AlertKind.QUALITY,
    }
)
"""Kinds that are measured slice by slice. Groups are slices already; anomalies, attributions and what is told of whole rows are told
of the whole."""


def baseline_of_slice(baseline: Baseline, name: str) -> Baseline:
    """The baseline's rows of one slice, on the grids of the whole."""
    own = baseline.tiles.slices[name]
    return replace(baseline, rows=own.rows, tiles=own, grids=baseline.grids.of_slices())


def measure_slices(
    baseline: Baseline, window: TileSet, model: MonitoredModel, metrics: Sequence[Metric]
) -> Iterator[Measurement]:
    """Every metric that slices have, on every slice of the baseline."""
    applied = [
        m
        for m in metrics
        if m.kind in SLICED_KINDS
        and not isinstance(m, JointMetric | SampleMetric | MatrixMetric | StampMetric | TablesMetric)
    ]
    plain = replace(model, groups=())
    for name in baseline.grids.slices:
        own, tiles = baseline.tiles.slices.get(name), window.slices.get(name)
        reason = _emptiness(own, tiles)
        # Without a slice of its own the whole baseline still says what there is to measure.
        against = (
            replace(baseline, grids=baseline.grids.of_slices()) if own is None else baseline_of_slice(baseline, name)
        )
        comparison = Comparison(against, TileSet(0) if own is None or tiles is None else tiles, plain)
        for metric in applied:
            for m in metric.measure(comparison):
                if m.kind not in SLICED_KINDS or m.slice is not None:
                    continue
                value = m.value if reason is None or m.value.value is not None else _explained(m, reason)
                yield replace(m, slice=name, value=value)


def _emptiness(own: TileSet | None, tiles: TileSet | None) -> str | None:
    """Why a slice has no values: a column or all its rows are not there."""
    if own is None:
        return "the baseline's rows lack a column of the slice's predicate"
    if tiles is None:
        return "the window's rows lack a column of the slice's predicate"
    if not tiles.rows:
        return "no row of the window is in this slice"
    return None if own.rows else "no row of the baseline is in this slice"


def _explained(m: Measurement, reason: str) -> Value:
    return Value(None, n_window=m.value.n_window, n_missing=m.value.n_missing, status=Status.NO_DATA, reason=reason)
