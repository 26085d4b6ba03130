"""Missing and unseen shares against plain counts at every prefix."""

import numpy as np
import pytest

from monitor.definitions import Feature, MonitoredModel
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

MODEL = MonitoredModel("m", features=(Feature("x", "numeric"), Feature("c", "categorical")))


def test_shares_are_counts_over_rows() -> None:
    """NaN, null and infinity are missing; a category that is not in the baseline is unseen."""
    rng = np.random.default_rng(1)
    baseline = build_baseline(rows({"x": rng.normal(size=500), "c": ["a", "b"] * 250}), MODEL, time_ordered=False)
    x = np.where(rng.random(400) < 0.2, rng.choice([np.nan, np.inf, -np.inf], 400), rng.normal(size=400))
    c = [None if r < 0.1 else str(v) for r, v in zip(rng.random(400), rng.choice(list("abz"), 400), strict=True)]
    for n in (1, 2, 5, 30, 100, 400):
        tiles = profile(rows({"x": x[:n], "c": c[:n]}), baseline.grids, MODEL)
        found = {(m.metric, m.feature): m.value for m in measure(baseline, tiles, MODEL)}
        assert found["missing_ratio", "x"].value == pytest.approx((~np.isfinite(x[:n])).mean())
        assert found["missing_ratio", "c"].value == pytest.approx(np.mean([v is None for v in c[:n]]))
        held = [v for v in c[:n] if v is not None]
        unseen = found["unseen_ratio", "c"]
        if held:
            assert unseen.value == pytest.approx(np.mean([v == "z" for v in held])) and unseen.n_window == len(held)
        else:
            assert unseen.value is None
