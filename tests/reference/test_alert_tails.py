"""The tails that alerts rest on, against exact laws."""

import numpy as np
import pytest
from scipy import optimize, special, stats

from monitor.alerts.effects import js_effect, newcombe, wilson
from monitor.alerts.evidence import FAMILIES, Look
from monitor.alerts.tails import bernstein_log_p, ks_log_p, proportion_log_p, score_log_p, student_log_p
from monitor.findings import AlertKind
from monitor.tiles.outcome import RegressionOutcome
from monitor.tiles.tileset import Baseline, Grids, TileSet


def test_the_ks_tail_is_never_under_kolmogorovs_law():
    """2 exp(-2 x²) bounds the asymptotic law from above, closely in the tail."""
    x = np.linspace(0.3, 4.0, 60)
    ours = ks_log_p(x / 10, np.full(60, 200.0), np.full(60, 200.0))
    exact = stats.kstwobign.logsf(x)
    assert (ours >= exact - 1e-9).all()
    assert np.allclose(ours[x > 1.5], exact[x > 1.5], atol=1e-3)


def test_the_ks_tail_holds_for_two_finite_samples():
    """Exact two-sample tails lie under ours, also for small and unequal samples."""
    for n, m in ((20, 30), (50, 50), (50, 400)):
        for d in (0.35, 0.45, 0.6):
            exact = np.log(stats.distributions.kstwo.sf(d, np.round(n * m / (n + m))))
            assert ks_log_p(np.array([d]), np.array([float(n)]), np.array([float(m)]))[0] >= exact - 0.05


@pytest.mark.parametrize(("n", "m"), [(50, 500), (50, 5_000), (500, 500), (2_000, 700), (1_000, 50_000)])
def test_tails_of_proportions_are_above_the_exact_hypergeometric_ones(n, m):
    """For every split of the hits, the bound is at least the conditional tail, and close where one side is small."""
    for hits in (3, 20, 0.1 * (n + m), 0.5 * (n + m), 0.95 * (n + m)):
        total = int(hits)
        least, most = max(0, total - m), min(n, total)
        k = np.unique(np.linspace(least, most, 200).astype(int))
        up, down = proportion_log_p(k, n, total - k, m, sides=1)
        high = stats.hypergeom.logsf(k - 1, n + m, total, n)
        low = stats.hypergeom.logcdf(k, n + m, total, n)
        for ours, exact in ((up, high), (down, low)):
            tail = exact < np.log(1e-3)
            assert (ours[tail] >= exact[tail] - 1e-6).all()


def test_tails_of_proportions_follow_the_exact_ones_closely_for_a_small_window():
    """1,000 rows beside 50,000: at a p-value near 1e-7 less than 15 % is lost in the exponent."""
    k = np.array([150])
    up, _ = proportion_log_p(k, 1_000, 4_900, 50_000, sides=1)
    exact = stats.hypergeom.logsf(k - 1, 51_000, 5_050, 1_000)
    assert exact[0] <= up[0] <= 0.85 * exact[0]


def test_bernsteins_tail_is_as_heavy_as_the_binomial():
    """From 1e-3 to 1e-12, over sizes and shares, exact binomial tails exceed it by a tenth at most."""
    for n in (20, 100, 1_000, 5_000):
        for p in (0.001, 0.01, 0.05, 0.2, 0.5, 0.9, 0.99):
            k = np.arange(n + 1)
            exact = stats.binom.logsf(k - 1, n, p)
            ours = bernstein_log_p(k / n - p, p * (1 - p) / n, max(p, 1 - p) / n, sides=1)
            tail = (k / n > p) & (exact < np.log(1e-3)) & (exact > np.log(1e-12))
            assert (ours[tail] >= exact[tail] - 0.1).all()


def exact_mean_tail(shares, scores, n, z):
    """(threshold, log P(mean >= threshold)) of n independent scores near z standard errors above their mean.

    The law is tilted to the threshold and convolved by FFT, which keeps its digits however far out.
    """
    low, steps = scores.min(), len(shares) - 1
    mean = shares @ scores
    at = mean + z * np.sqrt(shares @ (scores - mean) ** 2 / n)

    def tilted(tilt):
        weights = shares * np.exp(tilt * (scores - scores.max()))
        return weights / weights.sum()

    tilt = optimize.brentq(lambda x: tilted(x) @ scores - at, 0.0, 1e4)
    size = 1 << (n * steps + 1).bit_length()
    law = np.fft.irfft(np.fft.rfft(tilted(tilt), size) ** n, size)[: n * steps + 1].clip(0)
    sums = n * low + np.arange(n * steps + 1) * (scores[1] - scores[0])
    beyond = (sums >= n * at - 1e-9) & (law > 1e-13 * law.max())
    scale = n * np.log(shares @ np.exp(tilt * (scores - scores.max())))
    tail = special.logsumexp(-tilt * (sums[beyond] - n * scores.max()), b=law[beyond])
    return sums[beyond][0] / n, scale + tail


@pytest.mark.parametrize("squared", [False, True], ids=["ranks", "squared ranks"])
@pytest.mark.parametrize("shares", ["even", "half at the least value", "nine tenths at the least value"])
def test_score_tails_are_above_the_exact_ones_and_close_to_them(shares, squared):
    """Against a baseline without end: never under the exact tail by more than 0.05, and close where ranks are even."""
    cells = 101
    p = np.full(cells, 1 / cells)
    if shares != "even":
        p = np.full(cells, (0.5 if shares.startswith("half") else 0.1) / (cells - 1))
        p[0] = 1 - p[1:].sum()
    scores = np.linspace(0.0, 1.0, cells) if squared else np.linspace(-0.5, 0.5, cells)
    if squared:  # squares of the lattice's values, on a lattice of their own
        squares = np.rint(np.linspace(-0.5, 0.5, cells) ** 2 * 400).astype(int)
        p = np.bincount(squares, weights=p, minlength=cells)
        scores = np.arange(cells) / 400
        if shares != "even":  # the side of the longer tail
            p = p[::-1].copy()
    mean = p @ scores
    second, third = p @ (scores - mean) ** 2, p @ (scores - mean) ** 3
    fourth = p @ (scores - mean) ** 4 - 3 * second**2
    for n in (50, 200, 1_000):
        for z in (3.0, 4.0, 5.0, 6.0):
            at, exact = exact_mean_tail(p, scores, n, z)
            bound = max(scores.max() - mean, mean - scores.min()) / n
            ours = score_log_p(at - mean, second / n, third / n**2, fourth / n**3, bound, sides=1)
            assert ours >= exact - 0.05
            if shares == "even":
                assert ours <= 0.9 * exact


def test_a_score_of_two_values_has_the_tail_of_a_proportion():
    """The hardest case, for its steps are largest: log p is under the exact one by at most 0.36, from 1e-5 down by 0.2."""
    for n in (50, 200, 1_000):
        for p in (0.01, 0.1, 0.5):
            k = np.arange(n + 1)
            exact = stats.binom.logsf(k - 1, n, p)
            second = p * (1 - p)
            third, fourth = second * (1 - 2 * p), second * (1 - 6 * second)
            ours = score_log_p(k / n - p, second / n, third / n**2, fourth / n**3, max(p, 1 - p) / n, sides=1)
            tail = (k / n > p) & (exact < np.log(1e-2)) & (exact > -60)
            assert (ours[tail] >= exact[tail] - 0.36).all()
            far = tail & (exact < np.log(1e-5))
            assert (ours[far] >= exact[far] - 0.2).all()


def test_the_studentised_tail_is_students():
    """Student's t with n - 1 degrees of freedom, and a finite number far beyond it."""
    for n in (50, 200, 5_000):
        for z in (3.0, 4.5, 6.0):
            assert student_log_p(z, n) == pytest.approx(stats.t.logsf(z, n - 1), rel=1e-6)
    assert -1e5 < student_log_p(60.0, 1e5) < -1_500


@pytest.mark.parametrize("law", ["normal", "Student with 4 degrees", "exponential"])
def test_mean_losses_are_honest_whatever_their_law(law):
    """Under no change, p-values of squared and absolute errors under 0.01 come less often than 1 in 100."""
    rng = np.random.default_rng(6)
    draws = {
        "normal": lambda n: rng.normal(size=n),
        "Student with 4 degrees": lambda n: rng.standard_t(4, size=n),
        "exponential": lambda n: rng.exponential(size=n),
    }

    def tile(n):
        e = draws[law](n)
        return RegressionOutcome(n, e.sum(), np.abs(e).sum(), (e**2).sum(), (e**4).sum())

    found = []
    for _ in range(20):
        baseline = Baseline("b", 5_000, Grids(), TileSet(5_000, outcome=tile(5_000)))
        for _ in range(150):
            look = Look(TileSet(100, outcome=tile(100)), baseline)
            found += [t.log_p[0] for t in FAMILIES[AlertKind.PERFORMANCE](look)]
    assert (np.array(found) < np.log(0.01)).mean() <= 0.01


def test_wilson_and_newcombe_give_the_published_intervals():
    """Newcombe 1998: 81/263, and 56/70 against 48/80."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_the_lower_end_of_the_js_distance_covers():
    """The true distance of two known populations lies above the lower end in at least 96 of 100 draws."""
    rng = np.random.default_rng(3)
    p, q = np.full(10, 0.1), np.array([0.08, 0.08, 0.09, 0.09, 0.1, 0.1, 0.11, 0.11, 0.12, 0.12])
    middle = (p + q) / 2
    true = np.sqrt((stats.entropy(p, middle, 2) + stats.entropy(q, middle, 2)) / 2)
    lows, highs = np.array([js_effect(rng.multinomial(1_000, q), rng.multinomial(5_000, p))[1:] for _ in range(600)]).T
    assert (lows <= true).mean() >= 0.96
    assert (highs >= true).mean() >= 0.96
    assert (lows > 0).mean() > 0.5


def test_the_lower_end_stays_honest_with_sparse_cells():
    """A thousand categories and 50 rows: no more than 4 % of null windows have a lower end above 0."""
    rng = np.random.default_rng(4)
    shares = 1 / np.arange(1, 1_001)
    shares /= shares.sum()
    lows = [js_effect(rng.multinomial(50, shares), rng.multinomial(5_000, shares))[1] for _ in range(400)]
    assert np.mean(np.array(lows) > 0) <= 0.04
