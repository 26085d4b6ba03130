"""Design effects, from blocks of the baseline and from the first windows."""

import numpy as np
import pytest

from benchmarks.null_calibration.streams import autoregressive, baseline_of, tile_of
from monitor.alerts.calibration import design_effects, effect_for, learn
from monitor.tiles.tileset import DesignEffects, TileSet


def codes(columns):
    cells = {f"f{i}": np.searchsorted(np.quantile(x, np.arange(0.05, 1, 0.05)), x) for i, x in enumerate(columns.T)}
    return {name: x.astype(np.int32) for name, x in cells.items()}


def windows(baseline, rows, n):
    return [
        TileSet(
            n, {name: tile_of(g, rows[k : k + n, i]) for i, (name, g) in enumerate(baseline.grids.features.items())}
        )
        for k in range(0, len(rows), n)
    ]


def test_independent_rows_have_an_effect_near_one():
    """The upper bound costs little, and never falls under 1."""
    found = design_effects(codes(np.random.default_rng(1).normal(size=(20_000, 10))))
    assert found is not None
    assert min(found.effects) >= 1.0
    assert max(found.effects) < 1.8


def test_autocorrelated_rows_vary_more():
    """AR(1) with 0.9: the variance of a long block's share is about 14 times as large as that of independent rows."""
    found = design_effects(codes(autoregressive(np.random.default_rng(2), 50_000, 10, 0.9)))
    assert found is not None
    assert 10 < effect_for(found, 1_000) < 22


def test_effects_never_fall_with_size():
    """Sizes double while ten blocks remain, and effects are non-decreasing."""
    found = design_effects(codes(autoregressive(np.random.default_rng(3), 5_000, 3, 0.5)))
    assert found is not None
    assert found.sizes == (16, 32, 64, 128, 256)
    assert list(found.effects) == sorted(found.effects)


def test_one_dependent_feature_is_not_averaged_away():
    """Nineteen independent features beside one with 0.97: the effect is that one's, not the mean."""
    rng = np.random.default_rng(4)
    columns = np.hstack([rng.normal(size=(30_000, 19)), autoregressive(rng, 30_000, 1, 0.97)])
    found = design_effects(codes(columns))
    assert found is not None
    assert effect_for(found, 500) > 10


def test_a_short_or_constant_baseline_tells_nothing():
    """Fewer than ten blocks of sixteen rows, or one value only: no effect, not a wrong one."""
    assert design_effects({"a": np.arange(100, dtype=np.int32)}) is None
    assert design_effects({"a": np.zeros(10_000, np.int32)}) is None


def test_the_effect_of_a_size_is_that_of_the_next_larger_block():
    """Between two sizes the larger effect, beyond the last the last."""
    effects = DesignEffects((16, 32), (2.0, 3.0))
    assert [effect_for(effects, n) for n in (10, 16, 17, 1_000)] == [2.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(("phi", "least", "most"), [(0.0, 1.0, 1.6), (0.9, 8.0, 30.0)])
def test_the_first_windows_teach_the_effect(phi, least, most):
    """Twenty windows of a stream tell independent rows from dependent ones."""
    rows = autoregressive(np.random.default_rng(5), 4_000, 10, phi)
    baseline = baseline_of({f"f{i}": rows[:2_000, i] for i in range(10)})
    found = learn(windows(baseline, rows[2_000:], 100), baseline)
    assert found is not None
    assert least <= found.effects[0] <= most


def test_a_jump_among_the_first_windows_teaches_no_dependence():
    """A shift of half a standard deviation half-way leaves the effect near 1."""
    rng = np.random.default_rng(6)
    rows = rng.normal(size=(4_000, 10))
    baseline = baseline_of({f"f{i}": rng.normal(size=2_000) for i in range(10)})
    rows[2_000:] += 0.5
    found = learn(windows(baseline, rows, 200), baseline)
    assert found is not None
    assert found.effects[0] < 1.6


def test_too_few_windows_teach_nothing():
    """Two windows are no variance, nor are nine of a single feature."""
    rng = np.random.default_rng(7)
    one = baseline_of({"f0": rng.normal(size=500)})
    many = baseline_of({f"f{i}": rng.normal(size=500) for i in range(20)})
    assert learn(windows(one, rng.normal(size=(900, 1)), 100), one) is None
    assert learn(windows(many, rng.normal(size=(200, 20)), 100), many) is None


def test_three_windows_of_many_features_teach_caution():
    """Dependence is seen early where many features show it, and a shift from the start is not taken for it."""
    rng = np.random.default_rng(8)
    rows = autoregressive(rng, 300, 20, 0.9)
    many = baseline_of({f"f{i}": rng.normal(size=2_000) for i in range(20)})
    dependent, shifted = (learn(windows(many, x, 100), many) for x in (rows, rng.normal(size=(300, 20)) + 0.5))
    assert dependent is not None
    assert shifted is not None
    assert dependent.effects[0] > 6
    assert shifted.effects[0] < 2.5
