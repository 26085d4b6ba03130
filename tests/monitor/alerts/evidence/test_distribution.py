"""Univariate tests of distributions: what the views see, and what they do not mistake for evidence."""

import numpy as np
import pytest

from benchmarks.null_calibration.streams import baseline_of, tile_of
from monitor.findings import AlertKind
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.tileset import Baseline, Grids, TileSet
from tests.monitor.alerts.evidence.looks import CALM, SURE, categorical, seen


class Numbers:
    """One normal feature `x` of 10,000 baseline rows."""

    def __init__(self, seed=1):
        self.rng = np.random.default_rng(seed)
        self.baseline = baseline_of({"x": self.rng.normal(size=10_000)})

    def log_p(self, values):
        tile = tile_of(self.baseline.grids.features["x"], values)
        trials = seen(AlertKind.DRIFT, TileSet(len(values), {"x": tile}), self.baseline)
        return float(trials["js_distance"].log_p[0])


def test_the_same_distribution_is_no_evidence():
    """A fresh draw of 1,000."""
    numbers = Numbers()
    assert numbers.log_p(numbers.rng.normal(size=1_000)) > CALM


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + 0.3,
        lambda x: x * 1.5,
        lambda x: x * 0.7,
        lambda x: np.where(np.arange(len(x)) < 25, 50.0, x),
        lambda x: np.where(np.arange(len(x)) < 25, -50.0, x),
    ],
    ids=["shift", "wider", "narrower", "2.5 % far above", "2.5 % far below"],
)
def test_shift_spread_and_tails_are_all_seen(change):
    """Each changes what another view is blind to."""
    numbers = Numbers()
    assert numbers.log_p(change(numbers.rng.normal(size=1_000))) < SURE


def test_a_value_that_was_constant_and_changes_is_seen():
    """A baseline of one value: another value is outside its range, on either side."""
    grid = NumericGrid(np.array([1.0]), (0,), 1.0, 1.0, 1.0, discrete=True)
    baseline = Baseline(
        "b", 1_000, Grids({"x": grid}), TileSet(1_000, {"x": NumericTile(np.array([1_000, 0]), np.zeros(2))})
    )
    for tile in (
        NumericTile(np.array([200, 0]), np.zeros(2), below=200),
        NumericTile(np.array([0, 200]), np.zeros(2), above=200),
    ):
        trials = seen(AlertKind.DRIFT, TileSet(200, {"x": tile}), baseline)["js_distance"]
        assert trials.log_p[0] < SURE
        assert trials.gauge(0).low > 0.5


def test_a_category_that_vanished_is_named():
    """5.2 % of the baseline, nothing in 1,000 rows."""
    window, baseline = categorical([948, 52, 9_000], [95, 0, 905])
    trials = seen(AlertKind.DRIFT, window, baseline)["js_distance"]
    assert "z = c1: 0.0 % against 0.5 %" in trials.gauge(0).detail
    window, baseline = categorical([9_480, 520], [1_000, 0])
    trials = seen(AlertKind.DRIFT, window, baseline)["js_distance"]
    assert trials.log_p[0] < SURE
    assert trials.gauge(0).detail == "z = c1: 0.0 % against 5.2 %"


def test_new_categories_together_are_one_more():
    """They are drift, and a matter of quality, and are shown by name."""
    window, baseline = categorical([500, 500], [80, 80], unseen=40, unseen_names={"new": 40})
    drift = seen(AlertKind.DRIFT, window, baseline)["js_distance"]
    assert drift.log_p[0] < SURE
    assert "(new categories: new)" in drift.gauge(0).detail
    quality = seen(AlertKind.QUALITY, window, baseline)["unseen_ratio"]
    assert quality.log_p[0] < SURE
    assert quality.gauge(0).low > 0.1


def test_a_thousand_even_categories_are_no_evidence_in_a_small_window():
    """Most are absent from 50 rows, as they must be."""
    rng = np.random.default_rng(2)
    p = np.full(1_000, 1e-3)
    window, baseline = categorical(rng.multinomial(20_000, p), rng.multinomial(50, p))
    assert seen(AlertKind.DRIFT, window, baseline)["js_distance"].log_p[0] > CALM
