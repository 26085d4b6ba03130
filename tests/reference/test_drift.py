"""Drift metrics against SciPy, at many prefixes of random windows, and the known answers and defects of other tools."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from monitor.definitions import MonitoredModel
from monitor.findings import Value
from monitor.metrics.drift.chi2_statistic import chi2_statistic
from monitor.metrics.drift.correlation_distance import correlation_distance, correlations
from monitor.metrics.drift.js_distance import js_distance
from monitor.metrics.drift.ks_statistic import ks_statistic
from monitor.metrics.drift.psi import psi
from monitor.metrics.drift.wasserstein_normalized import wasserstein_normalized
from monitor.tiles.freeze import freeze
from monitor.tiles.profile import profile
from tests.monitor.metrics.samples import of_names, of_numbers
from tests.monitor.tiles.samples import rows

PREFIXES = [1, 2, 3, 5, 10, 30, 100, 300, 1_000, 3_000]
Draw = Callable[[np.random.Generator, int], np.ndarray]
CONTINUOUS: dict[str, tuple[Draw, Draw]] = {
    "nothing happens": (lambda r, n: r.normal(size=n), lambda r, n: r.normal(size=n)),
    "shift": (lambda r, n: r.normal(size=n), lambda r, n: r.normal(0.4, 1, n)),
    "spread": (lambda r, n: r.normal(size=n), lambda r, n: r.normal(0.1, 2, n)),
    "far away": (lambda r, n: r.normal(size=n), lambda r, n: r.normal(50, 1, n)),
    "skewed": (lambda r, n: r.exponential(size=n), lambda r, n: r.exponential(1.3, n)),
    "heavy": (lambda r, n: r.standard_t(3, n), lambda r, n: r.standard_t(3, n) + 0.2),
}
DISCRETE: dict[str, tuple[Draw, Draw]] = {
    "dice": (lambda r, n: r.integers(1, 7, n), lambda r, n: r.integers(1, 6, n)),
    "constant that moved down": (lambda r, n: np.full(n, 7), lambda r, n: np.full(n, 3)),
    "half zero": (lambda r, n: np.maximum(0, r.integers(-5, 6, n)), lambda r, n: np.maximum(0, r.integers(-4, 7, n))),
}
both = pytest.mark.parametrize("name", CONTINUOUS | DISCRETE)
continuous = pytest.mark.parametrize("name", CONTINUOUS)


def prefixes(name: str, n: int = 5_000) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(len(name))
    before, now = (CONTINUOUS | DISCRETE)[name]
    baseline, window = before(rng, n).astype(float), now(rng, PREFIXES[-1]).astype(float)
    return [(baseline, window[:m]) for m in PREFIXES]


def held(value: Value) -> float:
    assert value.value is not None and value.low is not None and value.high is not None, value.reason
    assert value.low <= value.value <= value.high
    return value.value


@both
def test_ks_is_scipys_up_to_the_mass_of_a_cell(name: str) -> None:
    """Exact for discrete columns; below the truth by no more than 1/260 else, which the upper end covers."""
    for baseline, window in prefixes(name):
        found = of_numbers(ks_statistic, baseline, window)
        true = stats.ks_2samp(baseline, window, method="asymp").statistic
        error = 1e-12 if name in DISCRETE else max(1 / 260, 1 / len(window)) + 1e-9
        assert true - error <= held(found) <= true + 1e-12
        assert found.high is not None and found.high >= true


@pytest.mark.parametrize("name", ["skewed", "heavy", "half zero"])
@pytest.mark.parametrize("n", [7, 50, 250])
def test_a_small_baseline_hides_nothing_from_the_interval_of_ks(name: str, n: int) -> None:
    """Its values are all the edges there are, between which the window has rows: the upper end lies as far above SciPy's
    as it does where every value is an edge."""
    rng = np.random.default_rng(n)
    before, now = CONTINUOUS.get(name) or DISCRETE[name]
    for m in (5, 30, 300, 3_000):
        baseline, window = before(rng, n).astype(float), now(rng, m).astype(float)
        found = of_numbers(ks_statistic, baseline, window)
        true = stats.ks_2samp(baseline, window, method="asymp").statistic
        assert held(found) <= true + 1e-12
        assert (found.high or 0.0) >= min(1.0, true + 1.358 * np.sqrt(1 / n + 1 / m)) - 1e-3


@both
def test_wasserstein_is_scipys(name: str) -> None:
    """Within 0.005 standard deviations, 0.01 where the tail is heavy (the contract allows 0.02), from one row on."""
    for baseline, window in prefixes(name):
        if baseline.std() == 0:
            continue
        true = stats.wasserstein_distance(baseline, window) / baseline.std(ddof=1)
        assert held(of_numbers(wasserstein_normalized, baseline, window)) == pytest.approx(
            true, abs=0.01 if name == "heavy" else 0.005, rel=1e-9
        )


def decile_shares(baseline: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges = np.concatenate(([-np.inf], np.quantile(baseline, np.arange(1, 10) / 10), [np.inf]))
    # np.histogram's cells are closed on the left; on continuous data no value is on an edge.
    return np.histogram(baseline, edges)[0], np.histogram(window, edges)[0]


@continuous
def test_js_of_numbers_is_scipys_on_the_baselines_deciles(name: str) -> None:
    """Base 2, to nine digits, at every prefix."""
    for baseline, window in prefixes(name, 5_001):
        b, w = decile_shares(baseline, window)
        true = jensenshannon(b / b.sum(), w / w.sum(), 2)
        assert held(of_numbers(js_distance, baseline, window)) == pytest.approx(true, abs=2e-3)


@continuous
def test_psi_of_numbers_is_its_closed_form_on_deciles(name: str) -> None:
    """Half a row added to every cell."""
    for baseline, window in prefixes(name, 5_001):
        b, w = decile_shares(baseline, window)
        p, q = (b + 0.5) / (b.sum() + 5), (w + 0.5) / (w.sum() + 5)
        assert held(of_numbers(psi, baseline, window)) == pytest.approx(
            ((q - p) * np.log(q / p)).sum(), abs=5e-3, rel=5e-3
        )


@pytest.mark.parametrize("share", [0.91, 0.95, 0.99])
@pytest.mark.parametrize("discrete", [True, False])
def test_rows_that_leave_the_value_of_nearly_all_are_seen(share: float, discrete: bool) -> None:
    """Where nearly all of the baseline is the largest value and half of the window is below it: SciPy's of the two shares, which
    one cell for both would hold for no drift at all, and PSI likewise."""
    rng = np.random.default_rng(int(100 * share))

    def drawn(n: int, part: float) -> np.ndarray:
        return np.where(rng.random(n) < part, 1.0, 0.0 if discrete else rng.random(n) * 0.9)

    baseline, window = drawn(5_000, share), drawn(1_000, 0.5)
    b, w = (np.array([(values < 1).mean(), (values == 1).mean()]) for values in (baseline, window))
    true = jensenshannon(b, w, 2)
    assert held(of_numbers(js_distance, baseline, window)) == pytest.approx(true, rel=1e-9 if discrete else 0.1)
    assert (of_numbers(psi, baseline, window).low or 0.0) > 0.4


CATEGORIES = np.array(list("abcdefgh"), object)
SHARES = {
    "nothing happens": ([0.3, 0.3, 0.2, 0.1, 0.05, 0.05, 0, 0], [0.3, 0.3, 0.2, 0.1, 0.05, 0.05, 0, 0]),
    "one doubled": ([0.3, 0.3, 0.2, 0.1, 0.05, 0.05, 0, 0], [0.3, 0.25, 0.2, 0.1, 0.1, 0.05, 0, 0]),
    "one vanished": ([0.3, 0.3, 0.2, 0.1, 0.05, 0.05, 0, 0], [0.3, 0.3, 0.25, 0.15, 0, 0, 0, 0]),
    "one new": ([0.5, 0.5, 0, 0, 0, 0, 0, 0], [0.4, 0.4, 0.2, 0, 0, 0, 0, 0]),
    "all new": ([0.5, 0.5, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0]),
}


def category_prefixes(name: str) -> list[tuple[list[str], list[str], np.ndarray]]:
    rng = np.random.default_rng(len(name))
    p, q = SHARES[name]
    baseline, window = rng.choice(CATEGORIES, 3_000, p=p), rng.choice(CATEGORIES, PREFIXES[-1], p=q)
    tables = [np.array([[(part == c).sum() for c in CATEGORIES] for part in (baseline, window[:m])]) for m in PREFIXES]
    return [(list(baseline), list(window[:m]), t[:, t.sum(0) > 0]) for m, t in zip(PREFIXES, tables, strict=True)]


@pytest.mark.parametrize("name", SHARES)
def test_category_metrics_are_scipys(name: str) -> None:
    """JS, chi-square and the closed form of PSI, at every prefix."""
    for baseline, window, table in category_prefixes(name):
        p, q = table / table.sum(1, keepdims=True)
        assert held(of_names(js_distance, baseline, window)) == pytest.approx(jensenshannon(p, q, 2), abs=1e-7)
        chi2 = stats.chi2_contingency(table, correction=False).statistic if table.shape[1] > 1 else 0.0
        assert held(of_names(chi2_statistic, baseline, window)) == pytest.approx(chi2, rel=1e-9, abs=1e-9)
        cells = table.shape[1]
        p, q = (table + 0.5) / (table.sum(1, keepdims=True) + 0.5 * cells)
        assert held(of_names(psi, baseline, window)) == pytest.approx(
            ((q - p) * np.log(q / p)).sum(), rel=1e-9, abs=1e-12
        )


@pytest.mark.parametrize("metric", [js_distance, psi])
def test_one_row_beside_one_row_is_a_value(metric: Callable[..., Value]) -> None:
    """Whose interval begins at 0: one row of either side says nothing, whether it is the same or another."""
    for now in "ab":
        found = of_names(metric, "a", now)
        assert held(found) >= 0.0 and found.low == 0.0
    assert of_numbers(metric, [1.0], [2.0]).low == 0.0


def test_correlations_are_those_of_ranks() -> None:
    """Near Spearman's of SciPy, since cells are baseline ranks; the distance is that of the two."""
    rng = np.random.default_rng(1)
    model = MonitoredModel("m")

    def pair(n: int, r: float) -> dict[str, np.ndarray]:
        a, b = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], n).T
        return {"a": a, "b": np.exp(b)}

    before, now = pair(5_000, 0.5), pair(2_000, 0.2)
    grids = freeze(rows(before), model)
    tiles = [profile(rows(part), grids, model).pairs for part in (before, now)]
    spearman = [stats.spearmanr(part["a"], part["b"]).statistic for part in (before, now)]
    for tile, true in zip(tiles, spearman, strict=True):
        assert tile is not None and correlations(tile)[0, 1] == pytest.approx(true, abs=5e-3)
    ((name, value),) = correlation_distance(tiles[0], tiles[1])  # type: ignore[arg-type]
    assert name == "a~b" and held(value) == pytest.approx(spearman[0] - spearman[1], abs=5e-3)
    assert value.low is not None and value.low > 0.15


def test_known_answers() -> None:
    """Of SciPy's docstrings: Jensen-Shannon of disjoint shares, of one half; Wasserstein of three values."""
    assert of_names(js_distance, "aaa", "bbb").value == 1.0
    assert of_names(js_distance, "aa", "ab").value == pytest.approx(0.46450140402245893 / np.sqrt(np.log(2)))
    found = of_numbers(wasserstein_normalized, [0, 1, 3], [5, 6, 8])
    assert found.value == pytest.approx(5.0 / np.std([0, 1, 3], ddof=1))


def null_rate(
    metric: Callable[..., Value],
    draw: Callable[[np.random.Generator, int], object],
    n: int,
    m: int,
    of: Callable[..., Value],
) -> float:
    rng = np.random.default_rng(n + m)
    windows = 300
    return sum(of(metric, draw(rng, n), draw(rng, m)).low > 0.0 for _ in range(windows)) / windows  # type: ignore[operator]


@pytest.mark.parametrize(("n", "m"), [(5_000, 200), (5_000, 1_000), (500, 500)])
def test_the_null_law_of_psi_and_js_is_the_published_one(n: int, m: int) -> None:
    """Means over 300 null windows: (B - 1)(1/n + 1/m) for PSI, B - 1 for 8 D nm/(n + m) in nats."""
    rng = np.random.default_rng(n + m)
    values = []
    for _ in range(300):
        baseline, window = rng.normal(size=n), rng.normal(size=m)
        js = held(of_numbers(js_distance, baseline, window))
        values.append((held(of_numbers(psi, baseline, window)), 8 * js * js * np.log(2) * n * m / (n + m)))
    # Deciles are the sample's own, so the baseline's shares are exact tenths; the law's spread is sqrt(2 · 9).
    mean_psi, mean_js = np.mean(values, axis=0)
    assert mean_psi == pytest.approx(9 * (1 / n + 1 / m), rel=0.1)
    assert mean_js == pytest.approx(9, rel=0.1)


@pytest.mark.parametrize("m", [200, 2_000])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("metric", [js_distance, ks_statistic, wasserstein_normalized, psi])
def test_intervals_cover_the_populations_value(metric: Callable[..., Value], shift: float, m: int) -> None:
    """In at least 93 % of 200 windows, the population's value from 400,000 rows of each side."""
    rng = np.random.default_rng(int(100 * shift) + m)
    true = of_numbers(metric, rng.normal(size=400_000), rng.normal(shift, 1, 400_000)).value or 0.0
    covered = 0
    for _ in range(200):
        found = of_numbers(metric, rng.normal(size=4_000), rng.normal(shift, 1, m))
        assert found.low is not None and found.high is not None
        covered += found.low - 2e-3 <= true <= found.high + 2e-3
    assert covered >= 186


def test_the_interval_narrows_with_rows() -> None:
    """At 8,000 rows less than 0.6 of its width at 500, for a shift of 0.3 standard deviations."""
    rng = np.random.default_rng(7)
    widths = []
    for m in (500, 8_000):
        found = of_numbers(js_distance, rng.normal(size=8_000), rng.normal(0.3, 1, m))
        assert found.low is not None and found.high is not None
        widths.append(found.high - found.low)
    assert widths[1] < 0.6 * widths[0]
