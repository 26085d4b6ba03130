"""Intervals against SciPy's laws and other makers' intervals."""

import itertools

import pytest
from scipy import stats

from monitor.metrics.intervals import newcombe, noncentral_chi2_z, noncentrality_interval, wilson


@pytest.mark.parametrize(("x", "n"), [(0, 1), (1, 1), (0, 500), (3, 500), (250, 500), (500, 500), (10**9 - 1, 10**9)])
def test_wilson_is_scipys(x: int, n: int) -> None:
    """And holds the share also where rounding would put it outside."""
    low, high = wilson(x, n)
    expected = stats.binomtest(x, n).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low <= x / n <= high


@pytest.mark.parametrize(
    ("x1", "n1", "x0", "n0", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_newcombe_is_his_own_table(x1: int, n1: int, x0: int, n0: int, low: float, high: float) -> None:
    """The contrasts of his Table II, method 10."""
    assert newcombe(x1, n1, x0, n0) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("df", "noncentrality"), list(itertools.product([1, 2.5, 9, 49, 999], [0.0, 0.5, 5.0, 50.0, 5e3, 1e6]))
)
def test_the_normal_quantile_is_near_the_exact_law(df: float, noncentrality: float) -> None:
    """Over the body of the law; with one or two degrees its left tail is left out, where no end of ours lies."""
    law = stats.ncx2(df, noncentrality) if noncentrality else stats.chi2(df)
    for p in (0.16, 0.5, 0.84, 0.975) if df < 5 else (0.025, 0.16, 0.5, 0.84, 0.975):
        assert stats.norm.cdf(noncentral_chi2_z(law.ppf(p), df, noncentrality)) == pytest.approx(
            p, abs=0.03 if df < 5 else 0.003
        )


@pytest.mark.parametrize(
    ("x", "df"), list(itertools.product([0.0, 0.1, 5.0, 17.0, 30.0, 500.0, 1e5], [1.0, 9.0, 49.0]))
)
def test_the_noncentrality_interval_inverts_the_law(x: float, df: float) -> None:
    """x is its 97.5 % point at the lower end and its 2.5 % point at the upper one."""
    low, high = noncentrality_interval(x, df)
    assert 0.0 <= low <= x and high > 0.0
    if low > 0.0:
        assert stats.ncx2.cdf(x, df, low) == pytest.approx(0.975, abs=0.003)
    else:
        assert stats.chi2.cdf(x, df) <= 0.976
    assert stats.ncx2.cdf(max(x, stats.chi2.median(df)), df, high) == pytest.approx(0.025, abs=0.006)
