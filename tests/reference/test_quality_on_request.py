"""Shares of NaN, of infinities and of values outside the baseline's range, against plain counts at every prefix."""

import numpy as np
import pytest

from monitor.definitions import Feature, MonitoredModel
from monitor.findings import Status
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

NAMES = ("out_of_range_ratio", "nan_ratio", "infinite_ratio")
MODEL = MonitoredModel("m", features=(Feature("x", "numeric"), Feature("c", "categorical")), metrics=NAMES)


def test_shares_are_counts() -> None:
    """Of finite values for the range, of rows for the others; nothing is said of categories."""
    rng = np.random.default_rng(1)
    baseline_x = rng.normal(size=500)
    baseline = build_baseline(rows({"x": baseline_x, "c": ["a", "b"] * 250}), MODEL, time_ordered=False)
    x = np.where(rng.random(400) < 0.2, rng.choice([np.nan, np.inf, -np.inf], 400), 2 * rng.normal(size=400))
    for n in (1, 2, 5, 30, 100, 400):
        tiles = profile(rows({"x": x[:n], "c": ["a"] * n}), baseline.grids, MODEL)
        found = {m.metric: m.value for m in measure(baseline, tiles, MODEL) if m.metric in NAMES}
        assert {m.feature for m in measure(baseline, tiles, MODEL) if m.metric in NAMES} == {"x"}
        assert found["nan_ratio"].value == pytest.approx(np.isnan(x[:n]).mean())
        assert found["infinite_ratio"].value == pytest.approx(np.isinf(x[:n]).mean())
        finite = x[:n][np.isfinite(x[:n])]
        outside = found["out_of_range_ratio"]
        if len(finite):
            wanted = ((finite < baseline_x.min()) | (finite > baseline_x.max())).mean()
            assert outside.value == pytest.approx(wanted) and outside.n_window == len(finite)
        else:
            assert (outside.value, outside.status) == (None, Status.UNDEFINED)
        for value in found.values():
            if value.value is not None:
                assert value.low is not None and value.high is not None and value.low <= value.value <= value.high


def test_a_column_the_window_lacks_is_spoken_of() -> None:
    """No data, with the column's name."""
    baseline = build_baseline(rows({"x": np.arange(50.0), "c": ["a"] * 50}), MODEL, time_ordered=False)
    tiles = profile(rows({"c": ["a"] * 5}), baseline.grids, MODEL)
    found = [m.value for m in measure(baseline, tiles, MODEL) if m.metric in NAMES]
    assert len(found) == 3 and all(v.status is Status.NO_DATA and "'x'" in (v.reason or "") for v in found)


def test_a_fresh_sample_is_outside_as_often_as_the_law_says() -> None:
    """2 / (n + 1) of the values on average."""
    rng = np.random.default_rng(2)
    shares = []
    for _ in range(100):
        baseline = build_baseline(rows({"x": rng.normal(size=99), "c": ["a"] * 99}), MODEL, time_ordered=False)
        tiles = profile(rows({"x": rng.normal(size=500), "c": ["a"] * 500}), baseline.grids, MODEL)
        shares += [m.value.value for m in measure(baseline, tiles, MODEL) if m.metric == "out_of_range_ratio"]
    assert np.mean(np.array(shares, float)) == pytest.approx(0.02, rel=0.25)
