"""The worst slices of a window when somebody asks, alert or not: by error, score, share, or the values of a feature."""

from __future__ import annotations

from monitor.alerts.calibration import effect_for
from monitor.alerts.causes.attributes import attributes_of
from monitor.alerts.causes.cause import ROWS_MAX
from monitor.alerts.causes.numbers import Floats, errors_of, place_of, scores_of
from monitor.alerts.causes.search import Searched, Side, moved_slices, worst_slices
from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.tiles.profile import tile_of
from monitor.tiles.rows import Rows
from monitor.tiles.sample import sample
from monitor.tiles.tileset import Baseline

ORDERS = ("performance", "prediction", "share")
"""What slices are searched by, beside the names of features."""


def searched(by: str, rows: Rows, baseline_rows: Rows, baseline: Baseline, model: MonitoredModel) -> Searched:
    """Slices in which the error (only upwards), the score, the share or a feature's values moved most. Raises InvalidInput."""
    rows, baseline_rows = sample(rows, ROWS_MAX), sample(baseline_rows, ROWS_MAX)
    effects = baseline.design_effects
    effect = 1.0 if effects is None else effect_for(effects, max(len(rows), 1))
    attributes = attributes_of(baseline, without=() if by in ORDERS else (by,))
    here, there = _numbers(by, rows, baseline_rows, baseline, model)
    window = Side([one.codes(rows) for one in attributes], here)
    own = Side([one.codes(baseline_rows) for one in attributes], there)
    if by == "share":
        return moved_slices(attributes, window, own, effect=effect)
    return worst_slices(attributes, window, own, effect=effect, worse=1 if by == "performance" else 0)


def _numbers(
    by: str, rows: Rows, baseline_rows: Rows, baseline: Baseline, model: MonitoredModel
) -> tuple[Floats | None, Floats | None]:
    grids = baseline.grids
    if by == "performance":
        return errors_of(rows, grids, model), errors_of(baseline_rows, grids, model)
    if by == "prediction":
        return scores_of(rows, grids, model), scores_of(baseline_rows, grids, model)
    if by == "share":
        return None, None
    grid, tile = grids.features.get(by), baseline.tiles.features.get(by)
    if grid is None or tile is None:
        raise InvalidInput(Fault("by", repr(by[:40]), ", ".join(ORDERS) + ", or a feature of the baseline"))
    if by not in rows.columns or by not in baseline_rows.columns:
        return None, None
    here = tile_of(rows.columns[by], grid)
    return place_of(rows.columns[by], grid, tile, here), place_of(baseline_rows.columns[by], grid, tile, here)
