"""Whole streams through judging and life cycle: what people would be told."""

import numpy as np

from benchmarks.null_calibration.streams import (
    Setting,
    autoregressive,
    baseline_of,
    firing,
    live,
    model_of,
    normal_windows,
    tile_of,
)
from monitor.findings import AlertKind
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.tileset import Baseline, DesignEffects, Grids, TileSet


def normal(rng, setting, windows):
    baseline = baseline_of({f"f{i}": rng.normal(size=setting.m) for i in range(setting.features)})
    stream = normal_windows(rng, setting, baseline, windows)
    return list(live(model_of(setting.tolerance, setting.budget), baseline, stream))


def categories(rng, shares, rows, features):
    """A baseline of independent categories."""
    names = tuple(f"c{k}" for k in range(len(shares)))
    grids = {f"f{i}": CategoricalGrid(names) for i in range(features)}
    tiles = {name: CategoricalTile(np.append(rng.multinomial(rows, shares), 0)) for name in grids}
    return Baseline("b", rows, Grids(grids), TileSet(rows, tiles), DesignEffects((16,), (1.0,)))


def category_windows(rng, shares, n, features, windows):
    for _ in range(windows):
        yield TileSet(n, {f"f{i}": CategoricalTile(np.append(rng.multinomial(n, shares), 0)) for i in range(features)})


def test_a_stream_where_nothing_happens_stays_within_its_budget():
    """800 windows at 30 a month allow 2.8 alarms; more than 8 has probability under 0.01. Tolerance is 0."""
    rng = np.random.default_rng(1)
    told = [len(firing(iter(normal(rng, Setting(200, 5_000, 10), 400)))) for _ in range(2)]
    assert sum(told) <= 8


def test_categories_stay_within_the_budget():
    """Fifty skewed categories in 50 rows, where chi-square would alarm all day."""
    rng = np.random.default_rng(2)
    shares = np.r_[0.5, np.full(49, 0.5 / 49)]
    baseline = categories(rng, shares, 2_000, 5)
    assert len(firing(live(model_of(0.0, 30), baseline, category_windows(rng, shares, 50, 5, 400)))) <= 5


def test_a_shift_is_told_once_named_and_resolved():
    """Half a standard deviation for forty windows: one page within four windows, one resolve after it ended."""
    rng = np.random.default_rng(3)
    setting = Setting(500, 5_000, 20, 0.05, 1, shift=0.5, shift_from=60, shift_until=100)
    told = normal(rng, setting, 160)
    assert [t.state.value for _, t in told] == ["firing", "resolved"]
    (first, opened), (last, ended) = told
    assert 60 <= first < 64
    assert opened.features[0].feature == "f0"
    assert opened.kind is AlertKind.DRIFT
    assert 100 <= last <= 110
    assert ended.fingerprint == opened.fingerprint


def test_a_faint_shift_is_found_by_merges_and_does_not_flap():
    """A quarter of a standard deviation in 50 rows: no single window shows it; one page, and it stays open."""
    rng = np.random.default_rng(4)
    told = normal(rng, Setting(50, 5_000, 10, 0.0, 1, shift=0.25, shift_from=20), 250)
    assert [t.state.value for _, t in told] == ["firing"]


def test_dependent_rows_of_a_baseline_without_times_are_learned_in_time():
    """AR(1) with 0.9: neither the first windows, of which nothing is known, nor the later ones alarm."""
    rng = np.random.default_rng(5)
    rows = autoregressive(rng, 20_000 + 150 * 100, 10, 0.9)
    baseline = baseline_of({f"f{i}": rows[:20_000, i] for i in range(10)}, time_ordered=False)
    grids = baseline.grids.features
    stream = (
        TileSet(100, {f"f{i}": tile_of(grids[f"f{i}"], rows[k : k + 100, i]) for i in range(10)})
        for k in range(20_000, len(rows), 100)
    )
    assert firing(live(model_of(0.0, 30), baseline, stream, learning=True)) == []
