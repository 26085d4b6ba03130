"""Drift of the inputs: correlations."""

import numpy as np
import pytest

from benchmarks.null_calibration.streams import baseline_of
from monitor.findings import AlertKind
from monitor.tiles.pairs import PairsTile
from monitor.tiles.tileset import Baseline, TileSet
from tests.monitor.alerts.evidence.looks import CALM, SURE, names, seen


def pairs(x):
    x = x.astype(np.int64)
    ones = np.ones_like(x)
    return PairsTile(("a", "b"), ones.T @ ones, x.T @ ones, (x * x).T @ ones, x.T @ x)


def pair_look(rng, before, now):
    columns = {"a": before[:, 0], "b": before[:, 1]}
    base = baseline_of(columns)

    def cells(rows):
        grids = base.grids.features
        return np.column_stack([np.searchsorted(grids[n].edges, rows[:, i]) for i, n in enumerate("ab")])

    tiles = TileSet(base.rows, base.tiles.features, pairs=pairs(cells(before)))
    baseline = Baseline("b", base.rows, base.grids, tiles)
    return seen(AlertKind.DRIFT, TileSet(len(now), {}, pairs=pairs(cells(now))), baseline)["correlation_distance"]


def correlated(rng, n, r):
    x = rng.normal(size=(n, 2))
    x[:, 1] = r * x[:, 0] + np.sqrt(1 - r * r) * x[:, 1]
    return x


def test_a_correlation_that_is_lost_is_seen():
    """From 0.8 to 0 in 500 rows; the pair is named."""
    rng = np.random.default_rng(3)
    trials = pair_look(rng, correlated(rng, 5_000, 0.8), correlated(rng, 500, 0.0))
    assert names(trials) == ["a~b"]
    assert trials.log_p[0] < SURE
    assert trials.gauge(0).low > 0.5


@pytest.mark.parametrize("r", [0.0, 0.5, 0.95])
def test_a_correlation_that_stays_is_no_evidence(r):
    """At any strength, over a hundred draws."""
    rng = np.random.default_rng(4)
    before = correlated(rng, 5_000, r)
    worst = min(float(pair_look(rng, before, correlated(rng, 200, r)).log_p[0]) for _ in range(100))
    assert worst > np.log(1e-4)


def test_two_rare_values_that_meet_are_no_evidence():
    """One row in which both 1 % flags are set moves the correlation by a leap, and proves nothing."""
    rng = np.random.default_rng(5)
    before = (rng.random((5_000, 2)) < 0.01).astype(float) + rng.normal(size=(5_000, 2)) * 1e-9
    now = np.zeros((200, 2)) + rng.normal(size=(200, 2)) * 1e-9
    now[7] = 1.0
    assert pair_look(rng, np.round(before), np.round(now)).log_p[0] > CALM
