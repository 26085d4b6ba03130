"""Windows drawn as counts follow the multinomial law."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.null_calibration.draws import windows_of

LEVEL = 1e-5
"""Of each test: with sixty of them one draw of seeds in some 1,600 would fail."""
WINDOWS = 20_000
SHARES = np.array([0.0, 0.0005, 0.004, 0.02, 0.05, 0.1, 0.3, 0.5255])


def misfit(found, n, share):
    """p-value of drawn counts against SciPy's binomial, in bins of at least ten windows expected."""
    law = stats.binom(n, share)
    edges = np.unique(law.ppf(np.linspace(0, 1, 60)[1:-1]))
    bounds = np.concatenate([[-1], edges, [n]])
    expected = WINDOWS * np.diff(law.cdf(bounds))
    seen = np.histogram(found, bins=bounds + 0.5)[0]
    while len(expected) > 1 and expected.min() < 10:
        least = int(expected.argmin())
        at = least if least + 1 < len(expected) else least - 1
        expected = np.append(np.delete(expected, [at, at + 1]), expected[at] + expected[at + 1])
        seen = np.append(np.delete(seen, [at, at + 1]), seen[at] + seen[at + 1])
    assert seen.sum() == WINDOWS
    return stats.chisquare(seen, expected).pvalue if len(expected) > 1 else 1.0


@pytest.mark.parametrize("n", [10, 17, 200, 5_000, 50_000])
def test_every_cell_is_binomial(n):
    """Each cell, and several together (which negative correlations decide), by a chi-squared test."""
    counts = windows_of(np.random.default_rng(11), SHARES, n, WINDOWS)
    assert (counts.sum(1) == n).all()
    assert not counts[:, 0].any()
    for cell in range(1, len(SHARES)):
        assert misfit(counts[:, cell], n, SHARES[cell]) > LEVEL, cell
    for together in ([5, 6], [1, 2, 3, 4], [2, 4, 6]):
        assert misfit(counts[:, together].sum(1), n, SHARES[together].sum()) > LEVEL, together


def test_windows_do_not_depend_on_each_other():
    """The lag-one correlation of the largest cell is that of independent windows, within four standard errors."""
    found = windows_of(np.random.default_rng(12), SHARES, 5_000, WINDOWS)[:, -1].astype(float)
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 4 / WINDOWS**0.5
