"""Set a model's baseline: infer kinds, freeze the grids, profile, fit the anomaly model, calibrate."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from monitor.alerts.calibration import calibrate
from monitor.definitions import Feature, MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.metrics.anomaly import ecod
from monitor.ports import BaselineEntry, Catalog, SegmentStore
from monitor.tiles.encoding import encode_baseline
from monitor.tiles.freeze import freeze, infer_kinds
from monitor.tiles.profile import profile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Baseline, Grids

BASELINE_ROWS_MIN = 2
"""A spread needs two rows; what fewer than a few hundred can tell, the intervals say."""


def resolve_kinds(rows: Rows, model: MonitoredModel) -> MonitoredModel:
    """The declaration with every feature's kind known: the declared ones, the rest inferred from these rows.

    Where no feature is declared, every column that is not the id, the label or the prediction is one.
    """
    kinds = infer_kinds(rows, model)
    names = [f.name for f in model.features] or list(kinds)
    features = [
        next((f for f in model.features if f.name == n and f.kind is not None), None) or Feature(n, kinds.get(n))
        for n in names
    ]
    return model.with_features(features)


def build_baseline(rows: Rows, model: MonitoredModel, *, time_ordered: bool, source: str = "baseline") -> Baseline:
    """A baseline of these rows for a model whose kinds are resolved. Raises InvalidInput.

    `time_ordered`: the rows have real event times, so their order tells dependence and season.
    """
    rows = with_label_column(rows, model)
    if len(rows) < BASELINE_ROWS_MIN:
        raise InvalidInput(Fault(source, f"{len(rows)} rows", f"at least {BASELINE_ROWS_MIN} rows"))
    names = [f.name for f in model.features]
    if names and not any(name in rows.columns for name in names):
        raise InvalidInput(
            Fault(
                source, "columns " + ", ".join(list(rows.columns)[:10]), "a declared feature: " + ", ".join(names[:10])
            )
        )
    grids = freeze(rows, model)
    tiles = profile(rows, grids, model)
    detector = ecod.fit(rows, grids, model) if check_enabled(model, "anomaly") else None
    if detector is not None:
        tiles = replace(tiles, anomaly=ecod.tile(ecod.score(rows, detector), model.anomaly_rate))
    baseline = Baseline(
        id=_identity(rows, grids),
        rows=len(rows),
        grids=grids,
        tiles=tiles,
        design_effects=None,
        anomaly=None if detector is None else ecod.encode(detector),
        time_ordered=time_ordered,
        start_ns=int(rows.time_ns.min()) if time_ordered else None,
        end_ns=int(rows.time_ns.max()) if time_ordered else None,
    )
    return calibrate(rows, baseline) if time_ordered else baseline


def set_baseline(
    model: str,
    rows: Rows,
    declaration: MonitoredModel,
    catalog: Catalog,
    store: SegmentStore,
    now_ns: int,
    *,
    time_ordered: bool,
) -> BaselineEntry:
    """Build, store and put into force. The kinds that were inferred are written back as a proposal."""
    resolved = resolve_kinds(rows, declaration)
    baseline = build_baseline(rows, resolved, time_ordered=time_ordered)
    path = store.write_baseline(model, rows, baseline.id)
    entry = BaselineEntry(baseline.id, model, len(rows), path, now_ns, encode_baseline(baseline))
    catalog.put_baseline(entry)
    catalog.put_proposal(model, resolved)
    return entry


def with_label_column(rows: Rows, model: MonitoredModel) -> Rows:
    """Rows whose label, where a column of its name is there, stands in `label` instead."""
    if model.label is None or rows.label is not None or model.label.name not in rows.columns:
        return rows
    columns = {name: column for name, column in rows.columns.items() if name != model.label.name}
    return replace(rows, columns=columns, label=rows.columns[model.label.name])


def check_enabled(model: MonitoredModel, name: str) -> bool:
    check = next((c for n, c in model.checks.items() if n == name), None)
    return check is None or check.enabled


def _identity(rows: Rows, grids: Grids) -> str:
    """Hash of the rows' content and of what was frozen from them."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(rows.columns):
        digest.update(name.encode())
        _update(digest, rows.columns[name])
    if rows.label is not None:
        _update(digest, rows.label)
    digest.update(repr(sorted(grids.kinds.items())).encode())
    return digest.hexdigest()


def _update(digest: hashlib.blake2b, column: Column) -> None:
    values = column.values
    digest.update(
        "\x1f".join(map(str, values.tolist())).encode()
        if values.dtype.kind == "O"
        else np.ascontiguousarray(values).tobytes()
    )
    if column.missing is not None:
        digest.update(column.missing.tobytes())
