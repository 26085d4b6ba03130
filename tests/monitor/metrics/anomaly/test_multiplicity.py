"""Benjamini-Hochberg against SciPy, and its promise on mixed windows."""

import numpy as np
from scipy import stats

from monitor.metrics.anomaly.multiplicity import flagged


def test_the_discoveries_are_scipys() -> None:
    """At every prefix of random p-values the set is that of SciPy's adjusted p-values."""
    p = np.random.default_rng(1).random(300) ** 3
    for n in range(1, 301):
        adjusted = stats.false_discovery_control(p[:n])
        assert flagged(p[:n], 0.1).tolist() == (adjusted <= 0.1).tolist()


def test_no_rows_have_no_discoveries() -> None:
    """The empty window is answered."""
    assert flagged(np.zeros(0)).tolist() == []


def test_false_discoveries_stay_under_their_rate() -> None:
    """Of 5 % planted odd rows most are found, and on average at most 10 % of the found are clean."""
    rng = np.random.default_rng(2)
    shares = []
    for _ in range(200):
        p = rng.random(1_000)
        p[:50] *= 1e-5
        found = flagged(p, 0.1)
        shares.append(found[50:].sum() / max(1, found.sum()))
    assert np.mean(shares) <= 0.1
