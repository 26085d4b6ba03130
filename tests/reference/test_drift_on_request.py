"""The drift metrics that are measured on request, against SciPy or their closed form at many prefixes of random windows."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from monitor.findings import Status, Value
from monitor.metrics.drift.anderson_darling import anderson_darling
from monitor.metrics.drift.chi2_statistic import chi2_statistic
from monitor.metrics.drift.cramer_von_mises import cramer_von_mises
from monitor.metrics.drift.cramers_v import cramers_v
from monitor.metrics.drift.energy_distance import energy_distance
from monitor.metrics.drift.g_statistic import g_statistic
from monitor.metrics.drift.hellinger_distance import hellinger_distance
from monitor.metrics.drift.js_distance import js_distance
from monitor.metrics.drift.kl_divergence import kl_divergence
from monitor.metrics.drift.l_infinity import l_infinity
from monitor.metrics.drift.mean_shift import mean_shift
from monitor.metrics.drift.new_categories import new_categories
from monitor.metrics.drift.psi import psi
from monitor.metrics.drift.total_variation import total_variation
from monitor.metrics.drift.vanished_categories import vanished_categories
from monitor.metrics.drift.wasserstein_normalized import wasserstein_normalized
from monitor.metrics.drift.wasserstein_robust import NORMAL_IQR, wasserstein_robust
from monitor.tiles.categorical import UNSEEN_NAMES_MAX, CategoricalGrid, CategoricalTile
from tests.monitor.metrics.samples import of_names, of_numbers
from tests.reference.test_drift import (
    SHARES,
    both,
    category_prefixes,
    continuous,
    decile_shares,
    held,
    null_rate,
    prefixes,
)

Metric = Callable[..., Value]
NULL_WINDOWS_MAX = 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)
OF_CELLS: list[Metric] = [
    kl_divergence,
    hellinger_distance,
    total_variation,
    l_infinity,
    g_statistic,
    cramers_v,
]
OF_FUNCTIONS: list[Metric] = [energy_distance, cramer_von_mises, anderson_darling, wasserstein_robust]


def closed_forms(table: np.ndarray) -> dict[Metric, float]:
    """From the counts of two rows, by SciPy where it has them."""
    p, q = table / table.sum(1, keepdims=True)
    total, cells = table.sum(), table.shape[1]
    smoothed = (table + 0.5) / (table.sum(1, keepdims=True) + 0.5 * cells)
    found: dict[Metric, float] = {
        kl_divergence: stats.entropy(smoothed[1], smoothed[0]),
        hellinger_distance: np.sqrt(max(0.0, 1 - np.sqrt(p * q).sum())),
        total_variation: np.abs(p - q).sum() / 2,
        l_infinity: np.abs(p - q).max(),
        g_statistic: 0.0,
        cramers_v: 0.0,
    }
    if cells > 1:
        found[g_statistic] = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
        chi2 = stats.chi2_contingency(table, correction=False).statistic
        phi2 = max(0.0, chi2 / total - (cells - 1) / (total - 1))
        most = min(cells - (cells - 1) ** 2 / (total - 1) - 1, 2 - 1 / (total - 1) - 1)
        found[cramers_v] = np.sqrt(phi2 / most)
    return found


@pytest.mark.parametrize("name", SHARES)
def test_of_categories_they_are_their_closed_forms(name: str) -> None:
    """To nine digits at every prefix."""
    for baseline, window, table in category_prefixes(name):
        for metric, true in closed_forms(table).items():
            assert held(of_names(metric, baseline, window)) == pytest.approx(true, rel=1e-9, abs=1e-7)


@continuous
def test_of_numbers_they_are_their_closed_forms_on_deciles(name: str) -> None:
    """At every prefix."""
    for baseline, window in prefixes(name, 5_001):
        table = np.array(decile_shares(baseline, window))
        for metric, true in closed_forms(table[:, table.sum(0) > 0]).items():
            assert held(of_numbers(metric, baseline, window)) == pytest.approx(true, abs=5e-3, rel=1e-2)


def test_cramers_v_is_the_uncorrected_one_less_its_bias() -> None:
    """With many rows SciPy's association; the reference's own figure of a two-row table."""
    rng = np.random.default_rng(1)
    table = np.array([rng.multinomial(200_000, [0.5, 0.3, 0.2]), rng.multinomial(100_000, [0.4, 0.3, 0.3])])
    names = [[c for c, k in zip("abc", row, strict=True) for _ in range(k)] for row in table]
    true = stats.contingency.association(table, method="cramer")
    assert held(of_names(cramers_v, *names)) == pytest.approx(true, abs=1e-4)


@both
def test_energy_distance_is_scipys(name: str) -> None:
    """Within a hundredth of a standard deviation, or the interval that says what is not known beyond the range."""
    for baseline, window in prefixes(name):
        if baseline.std() == 0:
            continue
        s = baseline.std(ddof=1)
        true = stats.energy_distance(baseline / s, window / s)
        found = of_numbers(energy_distance, baseline, window)
        assert held(found) == pytest.approx(true, abs=0.01, rel=0.02 if name == "far away" else 0.005)
        assert found.low is not None and found.high is not None and found.low <= true <= found.high


@continuous
def test_cramer_von_mises_is_scipys_statistic_over_the_rows(name: str) -> None:
    """T (n + m)/(nm), within what a cell of 1/260 holds."""
    for baseline, window in prefixes(name):
        n, m = len(baseline), len(window)
        with np.errstate(all="ignore"):
            true = stats.cramervonmises_2samp(baseline, window, method="asymptotic").statistic if m > 1 else None
        if true is not None:
            true *= (n + m) / (n * m)
            error = max(3e-4, 0.5 / min(n, m) ** 2)
            assert held(of_numbers(cramer_von_mises, baseline, window)) == pytest.approx(true, rel=0.02, abs=error)


@continuous
def test_anderson_darling_is_pettitts_statistic_over_the_rows(name: str) -> None:
    """A² (n + m)/(nm) from the ranks, within what tail cells hold."""
    for baseline, window in prefixes(name):
        n, m = len(baseline), len(window)
        order = np.argsort(np.concatenate((baseline, window)), kind="stable")
        i = np.arange(1, n + m)
        of_baseline = np.cumsum(order < n)[:-1]
        true = (((of_baseline * (n + m) - n * i) ** 2) / (i * (n + m - i))).sum() / (n * m) * (n + m) / (n * m)
        found = held(of_numbers(anderson_darling, baseline, window))
        assert found == pytest.approx(true, rel=0.03, abs=max(4e-3, 0.6 / m))


def test_anderson_darling_moves_as_scipys_statistic() -> None:
    """SciPy's is (A² - 1) over a spread that the numbers of rows alone decide: a straight line through all windows."""
    rng = np.random.default_rng(2)
    baseline = rng.normal(size=4_000)
    points = []
    for shift in np.linspace(0.05, 0.6, 8):
        window = rng.normal(shift, 1, 1_000)
        ours = held(of_numbers(anderson_darling, baseline, window)) * 4_000 * 1_000 / 5_000
        with warnings.catch_warnings():
            # It warns that p-values end at 0.001 and 0.25; the statistic is meant.
            warnings.simplefilter("ignore")
            points.append((ours, stats.anderson_ksamp([baseline, window]).statistic))
    ours_, theirs = np.array(points).T
    line = np.polyfit(theirs, ours_, 1)
    assert np.abs(np.polyval(line, theirs) - ours_).max() < 0.1
    assert line[1] == pytest.approx(1.0, abs=0.05)


@both
def test_wasserstein_robust_is_scipys_over_the_middle_half(name: str) -> None:
    """With the standard deviation where the quartiles are one value."""
    for baseline, window in prefixes(name):
        if baseline.std() == 0:
            assert of_numbers(wasserstein_robust, baseline, window).status is Status.UNDEFINED
            continue
        low, high = np.quantile(baseline, [0.25, 0.75], method="inverted_cdf")
        s = (high - low) / NORMAL_IQR or baseline.std(ddof=1)
        true = stats.wasserstein_distance(baseline, window) / s
        assert held(of_numbers(wasserstein_robust, baseline, window)) == pytest.approx(true, abs=0.01, rel=0.01)


def test_a_wild_value_in_the_baseline_does_not_shrink_the_robust_distance() -> None:
    """It makes the standard deviation 15 times as large; and a middle half of one value is said in the reason."""
    rng = np.random.default_rng(3)
    baseline, window = rng.normal(size=5_000), rng.normal(0.5, 1, 1_000)
    clean = held(of_numbers(wasserstein_robust, baseline, window))
    baseline[0] = 1_000.0
    assert held(of_numbers(wasserstein_robust, baseline, window)) == pytest.approx(clean + 0.2, abs=0.05)
    assert held(of_numbers(wasserstein_normalized, baseline, window)) < 0.1
    found = of_numbers(wasserstein_robust, [0] * 90 + [1] * 10, [0, 1])
    assert found.value is not None and "standard deviation" in (found.reason or "")


@pytest.mark.parametrize("n", [7, 50, 1_700])
def test_the_interval_of_the_energy_distance_holds_what_wide_cells_leave_open(n: int) -> None:
    """Of Cauchy's law and of few rows: its lower end is no higher than SciPy's distance less what chance gives."""
    rng = np.random.default_rng(n)
    for m in (30, 300, 3_000):
        baseline, window = rng.standard_cauchy(n), 1.1 * rng.standard_cauchy(m)
        found, s = of_numbers(energy_distance, baseline, window), baseline.std(ddof=1)
        assert (found.low or 0.0) <= max(0.0, stats.energy_distance(baseline / s, window / s) - _chance(found)) + 1e-9


def _chance(found: Value) -> float:
    return (found.high or 0.0) - held(found)


@pytest.mark.parametrize("metric", [wasserstein_normalized, wasserstein_robust])
@pytest.mark.parametrize("n", [7, 50, 1_700])
def test_what_wide_cells_leave_open_is_taken_off_the_lower_end(metric: Metric, n: int) -> None:
    """Of Cauchy's law and of few rows: the rows of a cell at their mean may give more than SciPy's distance, but the lower end
    lies below SciPy's less what chance gives, as it does where nothing is hidden."""
    rng = np.random.default_rng(n)
    for m in (30, 300, 3_000):
        baseline, window = rng.standard_cauchy(n), 1.1 * rng.standard_cauchy(m)
        found = of_numbers(metric, baseline, window)
        low, high = np.quantile(baseline, [0.25, 0.75], method="inverted_cdf")
        s = baseline.std(ddof=1) if metric is wasserstein_normalized else (high - low) / NORMAL_IQR
        true, half = stats.wasserstein_distance(baseline, window) / s, (found.high or 0.0) - held(found)
        assert (found.low or 0.0) <= max(0.0, true - half) + 1e-9


@both
def test_mean_shift_is_the_difference_of_means(name: str) -> None:
    """To nine digits, with its sign."""
    for baseline, window in prefixes(name):
        if baseline.std() == 0:
            assert of_numbers(mean_shift, baseline, window).status is Status.UNDEFINED
            continue
        true = (window.mean() - baseline.mean()) / baseline.std(ddof=1)
        assert held(of_numbers(mean_shift, baseline, window)) == pytest.approx(true, rel=1e-9, abs=1e-9)


def test_mean_shift_is_welchs_interval_where_the_shift_is_small() -> None:
    """SciPy's, over the baseline's standard deviation."""
    rng = np.random.default_rng(4)
    baseline, window = rng.normal(size=3_000), rng.normal(0.02, 2, 40)
    interval = stats.ttest_ind(window, baseline, equal_var=False).confidence_interval()
    found = of_numbers(mean_shift, baseline, window)
    s = baseline.std(ddof=1)
    assert (found.low, found.high) == pytest.approx((interval.low / s, interval.high / s), rel=1e-3)


@pytest.mark.parametrize("name", SHARES)
def test_new_and_vanished_categories_are_set_differences(name: str) -> None:
    """At every prefix."""
    for baseline, window, _ in category_prefixes(name):
        assert held(of_names(new_categories, baseline, window)) == len(set(window) - set(baseline))
        assert held(of_names(vanished_categories, baseline, window)) == len(set(baseline) - set(window))


def test_more_new_categories_than_a_tile_names_are_bounded() -> None:
    """At least 64, at most one for each row with another name."""
    found = of_names(new_categories, ["a"] * 100, [f"n{i}" for i in range(100)])
    assert (found.value, found.high) == (64.0, 100.0) and "at least" in (found.reason or "")


def test_chance_absence_is_no_vanishing() -> None:
    """Fifty rare categories in windows of 200 rows: the lower end is 0 in 95 of 100, and counts what is gone."""
    names = np.array([f"c{i}" for i in range(50)], object)
    shares = 1 / np.arange(1, 51)
    shares /= shares.sum()
    rate = null_rate(vanished_categories, lambda r, n: list(r.choice(names, n, p=shares)), 5_000, 200, of_names)
    assert rate <= 0.05
    rng = np.random.default_rng(5)
    baseline, window = rng.choice(names, 5_000, p=shares), rng.choice(names, 500, p=shares)
    found = of_names(vanished_categories, list(baseline), list(window[window != "c0"]))
    assert found.low == 1.0 and "c0" in (found.reason or "")


@pytest.mark.parametrize("categories", [5, 50])
@pytest.mark.parametrize("metric", OF_CELLS)
def test_chance_is_no_drift_however_many_categories(metric: Metric, categories: int) -> None:
    """The lower end is above 0 in at most 5 % of null windows."""
    names = np.array([f"c{i}" for i in range(categories)], object)
    assert null_rate(metric, lambda r, n: list(r.choice(names, n)), 1_000, 1_000, of_names) <= NULL_WINDOWS_MAX


@pytest.mark.parametrize(("n", "m"), [(500, 50), (5_000, 200), (300, 3_000), (5_000, 5_000), (50_000, 1_000)])
@pytest.mark.parametrize(("categories", "even"), [(50, False), (200, True), (1_000, False)])
def test_sparse_and_new_categories_are_no_drift(categories: int, even: bool, n: int, m: int) -> None:
    """Shares that are even or Zipf's, most cells nearly empty, and more categories than the baseline can know: of nine metrics
    the lower end is above 0 in at most 5 % of 300 null windows (and two standard errors), new categories or not."""
    rng = np.random.default_rng(categories + n + m)
    law = np.ones(categories) if even else 1 / np.arange(1, categories + 1)
    above = dict.fromkeys([*OF_CELLS, js_distance, psi, chi2_statistic], 0)
    for _ in range(300):
        before, now, grid = drawn_tiles(rng, law / law.sum(), n, m)
        for metric in above:
            above[metric] += (metric(before, now, grid).low or 0.0) > 0.0
    assert {metric: count for metric, count in above.items() if count > 300 * NULL_WINDOWS_MAX} == {}


def drawn_tiles(
    rng: np.random.Generator, law: np.ndarray, n: int, m: int
) -> tuple[CategoricalTile, CategoricalTile, CategoricalGrid]:
    """Of two samples of one law; what the first has not is new in the second."""
    before, now = rng.multinomial(n, law), rng.multinomial(m, law)
    names = np.array([f"c{i:04}" for i in range(len(law))], object)
    known, new = before > 0, (before == 0) & (now > 0)
    ranked = sorted(zip(now[new].tolist(), names[new], strict=True), reverse=True)[:UNSEEN_NAMES_MAX]
    tile = CategoricalTile(
        np.append(now[known], 0), unseen=int(now[new].sum()), unseen_names={name: rows for rows, name in ranked}
    )
    return CategoricalTile(np.append(before[known], 0)), tile, CategoricalGrid(tuple(names[known]))


@pytest.mark.parametrize("metric", [*OF_CELLS, js_distance, psi, chi2_statistic])
def test_one_new_category_that_is_frequent_is_told_beside_many_rare_ones(metric: Metric) -> None:
    """A twentieth of the window, where a thousand known and new ones are rare."""
    rng = np.random.default_rng(8)
    law = 1 / np.arange(1, 1_001)
    before, now, grid = drawn_tiles(rng, law / law.sum(), 5_000, 5_000)
    names = {"teal": 600, **dict(list(now.unseen_names.items())[:-1])}
    assert metric(before, replace(now, unseen=now.unseen + 600, unseen_names=names), grid).low > 0.0  # type: ignore[operator]


@pytest.mark.parametrize("metric", [*OF_CELLS, *OF_FUNCTIONS])
@pytest.mark.parametrize("m", [50, 500])
def test_small_null_windows_are_no_drift(metric: Metric, m: int) -> None:
    """Numbers, in deciles and in distribution functions."""
    assert null_rate(metric, lambda r, n: r.normal(size=n), 5_000, m, of_numbers) <= NULL_WINDOWS_MAX


@pytest.mark.parametrize("m", [200, 2_000])
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "metric", [*OF_FUNCTIONS, mean_shift, kl_divergence, hellinger_distance, total_variation, l_infinity]
)
def test_intervals_cover_the_populations_value(metric: Metric, shift: float, m: int) -> None:
    """In at least 93 % of 200 windows, the population's value from 400,000 rows as the window's share of them."""
    rng = np.random.default_rng(int(100 * shift) + m)
    # The pooled law of two of the metrics depends on the share of the window's rows.
    true = of_numbers(metric, rng.normal(size=400_000), rng.normal(shift, 1, 100 * m)).value or 0.0
    covered = 0
    for _ in range(200):
        found = of_numbers(metric, rng.normal(size=4_000), rng.normal(shift, 1, m))
        assert found.low is not None and found.high is not None
        covered += found.low - 3e-3 <= true <= found.high + 3e-3
    assert covered >= 186


def test_cramers_v_covers_the_populations_value() -> None:
    """In at least 93 % of 200 windows, from weak to strong association, at one ratio of rows."""
    rng = np.random.default_rng(6)
    grid = CategoricalGrid(("a", "b", "c"))
    for now in ([0.5, 0.3, 0.2], [0.4, 0.35, 0.25], [0.1, 0.3, 0.6]):
        before = np.array([0.5, 0.3, 0.2])
        middle = (2_000 * before + 500 * np.array(now)) / 2_500
        true = np.sqrt(0.8 * 0.2 * ((before - now) ** 2 / middle).sum())
        covered = 0
        for _ in range(200):
            here, there = (np.append(rng.multinomial(n, law), 0) for n, law in ((2_000, before), (500, now)))
            found = cramers_v(CategoricalTile(here), CategoricalTile(there), grid)
            assert found.low is not None and found.high is not None
            covered += found.low - 1e-9 <= true <= found.high + 1e-9
        assert covered >= 186, now


def test_values_beyond_arithmetic_are_undefined() -> None:
    """With a reason, not infinite."""
    rng = np.random.default_rng(7)
    baseline, window = rng.normal(size=500) * 1e300, rng.normal(size=100) * 1e306
    for metric in (energy_distance, mean_shift):
        found = of_numbers(metric, baseline, window)
        assert found.value is None and found.reason, metric
