"""Set a model's baseline: infer kinds, freeze the grids, profile, fit the anomaly model, calibrate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from monitor.alerts.calibration import calibrated
from monitor.definitions import Feature, MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.jobs.profile_window import Explainer, with_label_column
from monitor.metrics.anomaly import codec, ecod, records
from monitor.metrics.estimation import freeze
from monitor.ports import BaselineEntry, Catalog, SegmentStore
from monitor.tiles import baseline as baselines
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.coding import encode, numbers
from monitor.tiles.encoding import encode_baseline
from monitor.tiles.freeze import KINDS_OF_PRESENCE, infer_kinds
from monitor.tiles.rows import Rows
from monitor.tiles.schema import learned
from monitor.tiles.tileset import Baseline, Grids
from monitor.tiles.vectors import cells_along

BASELINE_ROWS_MIN = 2
"""A spread needs two rows; what fewer than a few hundred can tell, the intervals say."""


def resolve_kinds(rows: Rows, model: MonitoredModel) -> MonitoredModel:
    """The declaration with every feature's kind known: the declared ones, the rest inferred from these rows.

    Where no feature is declared, every column that is not the id, the label or the prediction is one.
    """
    kinds = infer_kinds(with_label_column(rows, model), model)
    declared = {f.name: f for f in model.features}
    names = list(declared) or list(kinds)
    known = (declared.get(name, Feature(name)) for name in names)
    return model.with_features([f if f.kind is not None else Feature(f.name, kinds.get(f.name)) for f in known])


def build_baseline(
    rows: Rows,
    model: MonitoredModel,
    *,
    time_ordered: bool,
    source: str = "baseline",
    explainer: Explainer | None = None,
) -> Baseline:
    """A baseline of these rows for a model whose kinds are resolved. Raises InvalidInput that names `source`.

    `time_ordered`: the rows have real event times, so their order tells dependence and season.
    """
    rows = with_label_column(rows, model).in_canonical_order()
    if len(rows) < BASELINE_ROWS_MIN:
        raise InvalidInput(Fault(source, f"{len(rows)} rows", f"at least {BASELINE_ROWS_MIN} rows"))
    names = [f.name for f in model.features]
    if names and not any(name in rows.columns for name in names):
        found = ", ".join(list(rows.columns)[:10])
        raise InvalidInput(Fault(source, f"columns {found}", "a declared feature: " + ", ".join(names[:10])))
    baseline = baselines.build_baseline(rows, model, time_ordered=time_ordered)
    if check_enabled(model, "anomaly") and (detector := ecod.fit(rows, baseline.grids, model)) is not None:
        tile, _ = records.measure(rows, detector, model.anomaly_rate, most=0)
        baseline = replace(baseline, anomaly=codec.encode(detector), tiles=replace(baseline.tiles, anomaly=tile))
    estimator = freeze.fit(rows, baseline.grids, model)
    tiles = freeze.with_estimates(baseline.tiles, rows, estimator, baseline.grids, model)
    baseline = replace(baseline, estimator=estimator, tiles=tiles)
    if explainer is not None:
        _, attribution = explainer(rows)
        baseline = replace(baseline, tiles=replace(baseline.tiles, attribution=attribution))
    return calibrated(baseline, cell_codes(rows, baseline.grids)) if time_ordered else baseline


def cell_codes(rows: Rows, grids: Grids) -> dict[str, npt.NDArray[np.int32]]:
    """Number of every row's cell by feature, negative where it has none; of a vector, along its first direction.

    Texts and timestamps have none: that there is a value says nothing of how rows depend on each other.
    """
    codes = {
        name: cells_along(rows.columns[name], grid) for name, grid in grids.vectors.items() if name in rows.columns
    }
    for name, grid in grids.features.items():
        if name not in rows.columns or grids.kinds.get(name) in KINDS_OF_PRESENCE:
            continue
        column = rows.columns[name]
        if isinstance(grid, CategoricalGrid):
            codes[name] = encode(column, grid.categories, grid.folded).codes.astype(np.int32)
            continue
        values, missing = numbers(column)
        cells = np.searchsorted(grid.edges, values, side="left")
        unusable = ~np.isfinite(values) if missing is None else missing | ~np.isfinite(values)
        codes[name] = np.where(unusable, -1, cells).astype(np.int32)
    return codes


def set_baseline(
    model: str,
    rows: Rows,
    declaration: MonitoredModel,
    catalog: Catalog,
    store: SegmentStore,
    now_ns: int,
    *,
    time_ordered: bool,
    explainer: Explainer | None = None,
) -> BaselineEntry:
    """Build, store and put into force. The kinds that were inferred are written back as a proposal."""
    resolved = resolve_kinds(rows, declaration)
    baseline = build_baseline(rows, resolved, time_ordered=time_ordered, explainer=explainer)
    path = store.write_baseline(model, rows, baseline.id)
    entry = BaselineEntry(baseline.id, model, len(rows), path, now_ns, encode_baseline(baseline))
    catalog.put_baseline(entry)
    catalog.put_proposal(model, with_schema(resolved, baseline))
    return entry


def with_schema(model: MonitoredModel, learned_from: Baseline) -> MonitoredModel:
    """A proposal: the declaration with the rules that these rows suggest for the columns that have none."""
    return replace(model, schema={**learned(learned_from.grids, learned_from.tiles), **model.schema})


def check_enabled(model: MonitoredModel, name: str) -> bool:
    check = next((c for n, c in model.checks.items() if n == name), None)
    return check is None or check.enabled
