"""Multivariate drift: the reconstruction against scikit-learn's PCA, the null law, and changes that no single feature shows."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from monitor.alerts.evidence.drift import drift_tests
from monitor.alerts.evidence.trials import Look
from monitor.definitions import MonitoredModel
from monitor.findings import Status
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.joint import encoded
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline
from tests.monitor.tiles.samples import rows

MODEL = MonitoredModel("m", metrics=("reconstruction_error", "joint_mmd"))
COLOURS = np.array(["red", "green", "blue"], object)


def correlated(rng: np.random.Generator, n: int, r: float, d: int = 6) -> Rows:
    """d numbers with one common cause, the last cut into three colours of changing share; marginals do not depend on r."""
    x = np.sqrt(abs(r)) * rng.normal(size=(n, 1)) * np.where(np.arange(d) % 2, np.sign(r), 1) + np.sqrt(
        1 - abs(r)
    ) * rng.normal(size=(n, d))
    colour = COLOURS[np.digitize(x[:, -1], [0.2, 1.0])]
    return rows({**{f"x{i}": np.exp(x[:, i]) for i in range(d - 1)}, "colour": colour})


def knotted(rng: np.random.Generator, n: int, *, tied: bool) -> Rows:
    """Three independent numbers; tied, the sign of the third is that of the product of the others: no pair shows it."""
    x = rng.normal(size=(n, 3))
    if tied:
        x[:, 2] = np.abs(x[:, 2]) * np.sign(x[:, 0] * x[:, 1])
    return rows({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]})


def evidence(window: Rows, baseline: Baseline) -> dict[str, float]:
    look = Look(profile(window, baseline.grids, MODEL), baseline)
    return {trials.metric: float(trials.log_p.min()) for trials in drift_tests(look)}


def test_the_error_is_that_of_scikit_learns_pca() -> None:
    """Fitted on the same rows with as many components; the rest of the rows and a window reconstructed by it."""
    rng = np.random.default_rng(1)
    before, now = correlated(rng, 2_400, 0.7), correlated(rng, 500, 0.4)
    baseline = build_baseline(before, MODEL, time_ordered=False)
    joint = baseline.grids.joint
    assert joint is not None
    x, y = (encoded(part, joint.scores, baseline.grids.features).values for part in (before, now))
    chosen = np.linspace(0, len(x) - 1, len(x) // 3).astype(int)
    pca = PCA(joint.grid.principal).fit(x[chosen])

    def error(values: np.ndarray) -> float:
        return float(np.linalg.norm(values - pca.inverse_transform(pca.transform(values)), axis=1).mean())

    found = {m.metric: m.value for m in measure(baseline, profile(now, baseline.grids, MODEL), MODEL)}
    value = found["reconstruction_error"]
    assert value.value == pytest.approx(error(y) / error(np.delete(x, chosen, axis=0)), rel=1e-4)
    assert value.low is not None and value.low > 1.05


@pytest.mark.parametrize("cloud", ["correlated", "knotted"])
def test_the_same_rows_are_no_evidence(cloud: str) -> None:
    """Three baselines of 900, 30 windows of 60 each: of 90 p-values at most 12 are under 0.05.

    Of a true null, one draw in 1,300 has more (binomial; four tests).
    """
    rng = np.random.default_rng(2)

    def draw(n: int) -> Rows:
        return correlated(rng, n, 0.5) if cloud == "correlated" else knotted(rng, n, tied=False)

    small = {"reconstruction_error": 0, "joint_mmd": 0}
    for _ in range(3):
        baseline = build_baseline(draw(900), MODEL, time_ordered=False)
        for _ in range(30):
            found = evidence(draw(60), baseline)
            for name in small:
                small[name] += found[name] < np.log(0.05)
    assert max(small.values()) <= 12, small


def test_a_change_of_all_correlations_is_seen_though_no_feature_moved() -> None:
    """One common cause that half of the features now follow with the other sign."""
    rng = np.random.default_rng(3)
    baseline = build_baseline(correlated(rng, 3_000, 0.6), MODEL, time_ordered=False)
    found = evidence(correlated(rng, 300, -0.6), baseline)
    assert found["reconstruction_error"] < np.log(1e-9)
    assert found["js_distance"] > np.log(1e-3)


def test_a_knot_of_three_features_is_seen_though_no_pair_changed() -> None:
    """By the discrepancy of whole rows, in 2,000 of them; neither features nor correlations show it."""
    rng = np.random.default_rng(4)
    baseline = build_baseline(knotted(rng, 5_000, tied=False), MODEL, time_ordered=False)
    found = evidence(knotted(rng, 2_000, tied=True), baseline)
    assert found["joint_mmd"] < np.log(1e-6)
    assert found["js_distance"] > np.log(1e-3) and found["correlation_distance"] > np.log(1e-3)


def test_nothing_is_frozen_where_nobody_asks() -> None:
    """And a metric that is asked for later says what to do."""
    plain = build_baseline(correlated(np.random.default_rng(5), 300, 0.5), MonitoredModel("m"), time_ordered=False)
    assert plain.grids.joint is None
    window = profile(correlated(np.random.default_rng(6), 300, 0.5), plain.grids, MODEL)
    value = next(m.value for m in measure(plain, window, MODEL) if m.metric == "joint_mmd")
    assert value.status is Status.NO_DATA and "set it again" in (value.reason or "")


def test_bytes_round_trip() -> None:
    """Of the grid and of the tile."""
    rng = np.random.default_rng(7)
    baseline = build_baseline(correlated(rng, 400, 0.5), MODEL, time_ordered=False)
    data = encode_baseline(baseline)
    assert encode_baseline(decode_baseline(data)) == data
    tiles = encode_tileset(profile(correlated(rng, 90, 0.5), baseline.grids, MODEL))
    assert encode_tileset(decode_tileset(tiles)) == tiles


def test_missing_values_and_new_categories_have_a_place() -> None:
    """The middle, and beside the rarest: a row counts as a whole."""
    rng = np.random.default_rng(8)
    baseline = build_baseline(correlated(rng, 600, 0.5), MODEL, time_ordered=False)
    now = correlated(rng, 50, 0.5)
    values = now.columns["x0"].values.astype(float)
    values[:20] = np.nan
    names = now.columns["colour"].values.copy()
    names[:10] = "never seen"
    columns = {**now.columns, "x0": type(now.columns["x0"])(values), "colour": type(now.columns["x0"])(names)}
    tile = profile(Rows(now.time_ns, now.id, now.row, now.of, columns), baseline.grids, MODEL).joint
    assert tile is not None and (tile.n, tile.n_missing) == (50, 0)
