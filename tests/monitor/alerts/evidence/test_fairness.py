"""Change of the differences between groups."""

import numpy as np
import pytest

from monitor.findings import AlertKind
from monitor.tiles.group import GroupTile
from monitor.tiles.tileset import Baseline, Grids, TileSet
from tests.monitor.alerts.evidence.looks import CALM, SURE, names, seen


def groups(*rows):
    tile = GroupTile(("M", "F", "X"), np.array(rows, np.int64))
    return TileSet(1_000, groups={"sex": tile})


def grouped(window, **more):
    before = groups([3_000, 1_500, 900, 100, 1_400, 100], [2_000, 1_000, 600, 100, 900, 100], [20, 10, 5, 1, 8, 1])
    baseline = Baseline("b", 5_020, Grids(), before)
    return seen(AlertKind.FAIRNESS, window, baseline, **more)


def test_a_group_that_is_treated_differently_than_before_is_named():
    """Selection of F falls from a half to a fifth while M stays; the largest group is the base."""
    now = groups([600, 300, 180, 20, 280, 20], [400, 80, 60, 20, 320, 60], [10, 5, 2, 1, 4, 1])
    trials = grouped(now)
    parity = trials["parity_difference"]
    assert names(parity) == ["sex=F", "sex=X"]
    assert parity.log_p[0] < SURE
    assert parity.gauge(0).shown == pytest.approx(-0.3)
    assert list(parity.enough) == [True, False]
    assert trials["equal_opportunity_difference"].gauge(0).low > 0.05


def test_a_declared_base_group_is_the_base():
    """The differences are against it."""
    now = groups([600, 300, 180, 20, 280, 20], [400, 200, 120, 20, 160, 20], [10, 5, 2, 1, 4, 1])
    parity = grouped(now, base_groups={"sex": "F"})["parity_difference"]
    assert names(parity) == ["sex=M", "sex=X"]
    assert parity.log_p[0] > CALM


def test_an_old_disparity_is_no_evidence():
    """The change is judged, not the difference: what the baseline had is what it was built with."""
    half = GroupTile(("M", "F"), np.array([[3_000, 2_400, 0, 0, 0, 0], [2_000, 200, 0, 0, 0, 0]]))
    less = GroupTile(("M", "F"), np.array([[600, 480, 0, 0, 0, 0], [400, 40, 0, 0, 0, 0]]))
    baseline = Baseline("b", 5_000, Grids(), TileSet(5_000, groups={"sex": half}))
    trials = seen(AlertKind.FAIRNESS, TileSet(1_000, groups={"sex": less}), baseline)
    assert set(trials) == {"parity_difference"}
    assert trials["parity_difference"].log_p[0] > np.log(0.9)
