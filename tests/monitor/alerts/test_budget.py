"""The budget's split."""

import math

import numpy as np
import pytest

from monitor.alerts.budget import (
    COMPARE_FALSE_ALARMS,
    SCALES,
    UNKNOWN_EFFECT,
    Plan,
    evaluated_every,
    families_present,
    looks_per_month,
)
from monitor.definitions import Check, MonitoredModel, WindowRule
from monitor.errors import InvalidInput
from monitor.findings import AlertKind
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.tileset import Baseline, DesignEffects, Grids, TileSet

MINUTE = 60 * 10**9
ALL = frozenset(AlertKind) - {AlertKind.CAPTURE, AlertKind.ATTRIBUTION}


MODEL = MonitoredModel("m")


def plan(model=MODEL, families=ALL, looks=8_640.0):
    return Plan.of(model, families, looks_per_month=looks)


def test_a_month_of_looks_spends_the_budget_and_no_more():
    """Over all families, scales and looks the expected false alarms are what the user allowed."""
    found = plan()
    spent = sum(math.exp(found.log_alpha(kind, s)) / evaluated_every(s) for kind in ALL for s in found.scales)
    assert spent * 8_640 == pytest.approx(1.0)


def test_families_that_cannot_fire_leave_their_share_to_the_others_in_proportion():
    """Drift and quality alone keep their ratio of 4 to 1."""
    shares = plan(families={AlertKind.DRIFT, AlertKind.QUALITY}).shares
    assert shares == pytest.approx({AlertKind.DRIFT: 0.8, AlertKind.QUALITY: 0.2})


def test_prediction_and_label_drift_share_one_part():
    """Without labels predictions have the whole of it."""
    both, one = plan().shares, plan(families=ALL - {AlertKind.LABEL_DRIFT}).shares
    assert both[AlertKind.PREDICTION_DRIFT] == pytest.approx(both[AlertKind.LABEL_DRIFT])
    assert one[AlertKind.PREDICTION_DRIFT] == pytest.approx(2 * both[AlertKind.PREDICTION_DRIFT])


def test_a_declared_share_replaces_the_default():
    """A user who wants half of the budget on drift beside quality's tenth gets five to one."""
    model = MonitoredModel("m", checks={"drift": Check(budget_share=0.5)})
    assert plan(model, {AlertKind.DRIFT, AlertKind.QUALITY}).shares[AlertKind.DRIFT] == pytest.approx(5 / 6)


def test_window_rules_share_the_budget():
    """Two rules have half each."""
    two = MonitoredModel("m", windows=(WindowRule(every_ns=MINUTE), WindowRule(every_ns=5 * MINUTE)))
    assert plan(two).alpha == pytest.approx(plan().alpha / 2)


def test_compare_is_one_look_at_one_scale():
    """One false alarm in a thousand runs."""
    found = Plan.for_compare(MonitoredModel("m"), ALL)
    assert found.scales == (1,)
    assert sum(math.exp(found.log_alpha(kind, 1)) for kind in ALL) == pytest.approx(COMPARE_FALSE_ALARMS)
    assert found.log_alpha(AlertKind.DRIFT, 2) == -math.inf


def test_longer_merges_are_looked_at_less_often():
    """Scale 8 at every fourth window, and then it may spend as much as four looks together."""
    assert [evaluated_every(scale) for scale in SCALES] == [1, 1, 2, 4, 8, 16, 32]
    whole = plan()
    each = [math.exp(whole.log_alpha(AlertKind.DRIFT, scale)) / evaluated_every(scale) for scale in SCALES]
    assert each == pytest.approx([each[0]] * len(SCALES))


def test_looks_come_from_the_length_or_from_the_arrivals():
    """Five minutes are 8,640 looks; windows by rows need a rate and say so."""
    assert looks_per_month(WindowRule(every_ns=5 * MINUTE)) == 8_640
    assert looks_per_month(WindowRule(sliding_ns=60 * MINUTE, step_ns=5 * MINUTE)) == 8_640
    assert looks_per_month(WindowRule(rows=1_000), rows_per_ns=1e-9) == pytest.approx(2_592)
    with pytest.raises(InvalidInput, match="no rate of arrivals"):
        looks_per_month(WindowRule(rows=1_000))


def test_unknown_dependence_is_met_with_caution_but_not_in_compare():
    """Until the first windows tell, a stream's look assumes dependent rows; the one look of `compare` does not."""
    unknown = Baseline("b", 10, Grids(), TileSet(10))
    known = Baseline("b", 10, Grids(), TileSet(10), DesignEffects((16,), (2.0,)))
    assert [plan().effect(b, 16) for b in (unknown, known)] == [UNKNOWN_EFFECT, 2.0]
    assert Plan.for_compare(MODEL, ALL).effect(unknown, 16) == 1.0


def test_tolerances_say_where_they_come_from():
    """Declared before default; unknown metrics have none."""
    found = plan(MonitoredModel("m", checks={"drift": Check(tolerance={"js_distance": 0.0, "psi": 0.2})}))
    assert found.tolerance(AlertKind.DRIFT, "js_distance") == (0.0, "declared")
    assert found.tolerance(AlertKind.PREDICTION_DRIFT, "js_distance") == (0.05, "default")
    assert found.tolerance(AlertKind.DRIFT, "psi") == (0.2, "declared")
    assert found.tolerance(AlertKind.DRIFT, "ks_statistic") is None


def test_only_enabled_families_with_something_to_compare_are_present():
    """A baseline of inputs alone can drift and lose quality; a disabled check is absent."""
    grid = NumericGrid(np.array([0.0]), (0,), 0.0, -1.0, 1.0)
    tile = NumericTile(np.array([5, 5]), np.zeros(2))
    baseline = Baseline("b", 10, Grids({"a": grid}), TileSet(10, {"a": tile}))
    assert families_present(MonitoredModel("m"), baseline) == {AlertKind.DRIFT, AlertKind.QUALITY}
    quiet = MonitoredModel("m", checks={"drift": Check(enabled=False)})
    assert families_present(quiet, baseline) == {AlertKind.QUALITY}
