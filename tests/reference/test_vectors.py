"""Metrics of vectors against the kernel, SciPy and closed forms; their evidence against its null law, and what it must see."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist, cosine

from monitor.alerts.evidence.trials import Look
from monitor.alerts.evidence.vectors import mmd_log_p, vector_tests
from monitor.alerts.tails import weighted_squares_log_p
from monitor.definitions import Feature, MonitoredModel
from monitor.findings import Status, Value
from monitor.metrics.drift.centroid_cosine_distance import centroid_cosine_distance
from monitor.metrics.drift.centroid_distance import centroid_distance
from monitor.metrics.drift.mmd import mmd
from monitor.metrics.drift.projection_ks import projection_ks
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import numeric_tile, profile
from monitor.tiles.rows import Column
from monitor.tiles.tileset import Baseline, TileSet
from monitor.tiles.vectors import vector_tile
from tests.monitor.tiles.samples import rows

MODEL = MonitoredModel("m", features=(Feature("emb", "vector"),))


def table(values: np.ndarray):
    found = rows({"at": np.zeros(len(values))})
    return type(found)(found.time_ns, found.id, found.row, found.of, {"emb": Column(values.astype(np.float32))})


def baseline_of(values: np.ndarray) -> Baseline:
    return build_baseline(table(values), MODEL, time_ordered=False)


def window_of(values: np.ndarray, baseline: Baseline) -> TileSet:
    return profile(table(values), baseline.grids, MODEL)


def both(metric, baseline: Baseline, values: np.ndarray) -> Value:
    grid = baseline.grids.vectors["emb"]
    return metric(
        baseline.tiles.vectors["emb"], vector_tile(Column(values.astype(np.float32)), grid, numeric_tile), grid
    )


def held_out(values: np.ndarray, baseline: Baseline) -> np.ndarray:
    """The rows of the baseline that its tile is of."""
    chosen = np.linspace(0, len(values) - 1, min(1_024, len(values) // 3)).astype(int)
    kept = np.delete(values, chosen, axis=0)
    assert len(kept) == baseline.tiles.vectors["emb"].n
    return kept


@pytest.mark.parametrize("d", [2, 20, 200])
@pytest.mark.parametrize("shift", [0.25, 1.0])
def test_mmd_is_that_of_the_kernel(d: int, shift: float) -> None:
    """All pairs of rows under the mean of two Gaussian kernels, unbiased; 32 random frequencies are within a third of it."""
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(2_000, d)), rng.normal(size=(800, d)) + shift
    baseline = baseline_of(x)
    x = held_out(x, baseline)
    width = np.median(cdist(x[:500], x[500:1_000]))

    def kernel(a, b):
        squares = cdist(a, b, "sqeuclidean") / (2 * width**2)
        return (np.exp(-squares) + np.exp(-4 * squares)) / 2

    n, m = len(x), len(y)
    own = (kernel(x, x).sum() - n) / (n * (n - 1)) + (kernel(y, y).sum() - m) / (m * (m - 1))
    exact = np.sqrt(own - 2 * kernel(x, y).mean())
    assert both(mmd, baseline, y).value == pytest.approx(exact, rel=1 / 3)


def test_the_centroids_are_numpys_and_scipys() -> None:
    """Distance and cosine of the means of the rows themselves."""
    rng = np.random.default_rng(1)
    x = (rng.normal(size=(3_000, 10)) + 1).astype(np.float32).astype(float)
    y = (rng.normal(size=(700, 10)) + np.linspace(0, 2, 10)).astype(np.float32).astype(float)
    baseline = baseline_of(x)
    x = held_out(x, baseline)
    away, wide = x.mean(0) - y.mean(0), x.var(0).sum()
    square = away @ away - wide / len(x) - y.var(0).sum() / len(y)
    assert both(centroid_distance, baseline, y).value == pytest.approx(np.sqrt(square / wide), rel=1e-9)
    assert both(centroid_cosine_distance, baseline, y).value == pytest.approx(cosine(x.mean(0), y.mean(0)), abs=1e-9)


def test_the_directions_are_measured_as_scipy_does() -> None:
    """The largest two-sample KS along the frozen directions, short of it by at most the mass of a cell."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(3_000, 6)), rng.normal(size=(500, 6)) * np.array([1, 1, 2, 1, 1, 1])
    baseline = baseline_of(x)
    x, grid = held_out(x, baseline), baseline.grids.vectors["emb"]
    a, b = (
        np.column_stack([(p - grid.center) @ grid.directions.T, np.linalg.norm(p - grid.center, axis=1)])
        for p in (x, y)
    )
    true = max(stats.ks_2samp(a[:, i], b[:, i], method="asymp").statistic for i in range(a.shape[1]))
    found = both(projection_ks, baseline, y).value
    assert found is not None and true - 1 / 200 <= found <= true + 1e-9


@pytest.mark.parametrize("shares", [[1.0], [1.0] * 7, [0.8**i for i in range(30)]])
def test_the_tail_of_weighted_squares_is_that_of_many_draws(shares: list[float]) -> None:
    """400,000 draws at three levels, four standard errors and an eighth; equal weights: chi-square."""
    weights = np.array(shares)
    draws = np.square(np.random.default_rng(3).standard_normal((400_000, len(weights)))) @ weights
    for level in (0.1, 0.01, 0.001):
        found = np.exp(weighted_squares_log_p(float(np.quantile(draws, 1 - level)), weights))
        assert found == pytest.approx(level, rel=0.125 + 4 / np.sqrt(400_000 * level))
    if len(set(shares)) == 1:
        far = float(stats.chi2.isf(1e-12, len(weights)))
        assert 1 <= np.exp(weighted_squares_log_p(far, weights)) / 1e-12 < 1.125


CLOUDS = {
    "round": lambda rng, n: rng.normal(size=(n, 8)),
    "wide": lambda rng, n: rng.normal(size=(n, 256)),
    "heavy": lambda rng, n: rng.standard_t(2, size=(n, 8)),
    "clusters": lambda rng, n: (
        np.eye(6)[rng.choice(6, n, p=[0.5, 0.3, 0.1, 0.06, 0.03, 0.01])] * 5 + rng.normal(size=(n, 6))
    ),
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_same_cloud_is_no_evidence(cloud: str) -> None:
    """Three baselines of 900, 40 windows of 60 each: of 120 p-values of each view at most 14 are under 0.05.

    Of a true null, one draw in 2,000 has more (binomial, eight tests: one in 250).
    """
    rng = np.random.default_rng(4)
    small = {"mmd": 0, "projection_ks": 0}
    for _ in range(3):
        baseline = baseline_of(CLOUDS[cloud](rng, 900))
        for _ in range(40):
            for trials in vector_tests(Look(window_of(CLOUDS[cloud](rng, 60), baseline), baseline), 1.0):
                small[trials.metric] += bool(trials.log_p[0] < np.log(0.05))
    assert max(small.values()) <= 14


def test_a_shift_of_every_coordinate_is_seen_by_mmd_and_one_of_the_widest_by_its_direction() -> None:
    """A quarter of a standard deviation in each of 64; one standard deviation of the widest of 64."""
    rng = np.random.default_rng(5)
    scale = np.array([3.0] + [1.0] * 63)
    baseline = baseline_of(rng.normal(size=(5_000, 64)) * scale)
    everywhere = window_of((rng.normal(size=(300, 64)) + 0.25) * scale, baseline)
    along = window_of((rng.normal(size=(300, 64)) + np.eye(64)[0]) * scale, baseline)
    found = [{t.metric: t for t in vector_tests(Look(w, baseline), 1.0)} for w in (everywhere, along)]
    assert found[0]["mmd"].log_p[0] < np.log(1e-9) and found[0]["mmd"].gauge(0).low > 0.05
    assert found[1]["projection_ks"].log_p[0] < np.log(1e-9) and found[1]["projection_ks"].gauge(0).low > 0.05
    assert found[1]["projection_ks"].gauge(0).detail.startswith("principal direction 1")


def test_dependence_takes_evidence_away() -> None:
    """Rows that weigh as a quarter of themselves."""
    rng = np.random.default_rng(6)
    baseline = baseline_of(rng.normal(size=(2_000, 8)))
    now = window_of(rng.normal(size=(200, 8)) + 0.3, baseline).vectors["emb"]
    own, grid = baseline.tiles.vectors["emb"], baseline.grids.vectors["emb"]
    assert mmd_log_p(own, now, grid, 4.0) > mmd_log_p(own, now, grid, 1.0) / 2


def test_vectors_of_another_length_and_broken_ones_are_counted() -> None:
    """No value, and the reason; the rest of the window goes on."""
    rng = np.random.default_rng(7)
    baseline = baseline_of(rng.normal(size=(100, 4)))
    broken = rng.normal(size=(30, 4))
    broken[:5, 2] = np.nan
    broken[5:7, 0] = np.inf
    tile = window_of(broken, baseline).vectors["emb"]
    assert (tile.n, tile.unusable, tile.mismatched) == (23, 7, 0)
    other = window_of(rng.normal(size=(30, 5)), baseline)
    assert other.vectors["emb"].mismatched == 30
    values = {m.metric: m.value for m in measure(baseline, other, MODEL) if m.feature == "emb"}
    assert values["mmd"].status is Status.UNDEFINED and "another number of coordinates" in (values["mmd"].reason or "")


def test_equal_vectors_have_no_spread_to_measure_by() -> None:
    """A constant: undefined where a spread is divided by, zero else."""
    baseline = baseline_of(np.ones((60, 3)))
    values = {m.metric: m.value for m in measure(baseline, window_of(np.ones((60, 3)), baseline), MODEL)}
    assert values["centroid_distance"].status is Status.UNDEFINED
    assert values["mmd"].value == 0.0 and values["projection_ks"].value == 0.0


def test_a_baseline_without_vectors_says_so() -> None:
    """Too few rows to learn from."""
    baseline = baseline_of(np.ones((5, 3)))
    assert not baseline.grids.vectors
    [value] = [m.value for m in measure(baseline, window_of(np.ones((5, 3)), baseline), MODEL) if m.metric == "mmd"]
    assert value.status is Status.NO_DATA
