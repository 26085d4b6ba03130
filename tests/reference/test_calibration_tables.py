"""Reliability and gains against scikit-learn and a count of the sorted rows, at many prefixes of random data."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from monitor.metrics.accuracy.gains import gains
from monitor.metrics.accuracy.reliability import BINS, reliability
from monitor.tiles.numeric import SCORE_CELLS
from tests.reference.test_performance import PREFIXES, binary, drawn


@pytest.mark.parametrize("seed", range(3))
def test_bins_of_equal_size_are_scikit_learns(seed: int) -> None:
    """Where each bin is one score, on the centre of its cell: the same means and shares."""
    rng = np.random.default_rng(seed)
    centres = (rng.choice(SCORE_CELLS, BINS, replace=False) + 0.5) / SCORE_CELLS
    p = np.repeat(np.sort(centres), 200)
    y = (rng.random(len(p)) < p).astype(int)
    share, score = calibration_curve(y, p, n_bins=BINS, strategy="quantile")
    found = reliability(binary(p, y))
    assert [one.n for one in found] == [200] * BINS
    assert [one.share for one in found] == pytest.approx(share.tolist())
    assert [one.score for one in found] == pytest.approx(score.tolist())
    assert all(one.low <= one.share <= one.high for one in found)


@pytest.mark.parametrize("seed", range(3))
def test_every_labelled_row_is_in_one_bin(seed: int) -> None:
    """Rows and positives add up, and the bins ascend."""
    p, y = drawn(np.random.default_rng(seed), PREFIXES[-1])
    for n in PREFIXES:
        found = reliability(binary(p[:n], y[:n]))
        assert sum(one.n for one in found) == n and sum(one.positives for one in found) == y[:n].sum()
        assert [one.score for one in found] == sorted(one.score for one in found) and len(found) <= BINS


@pytest.mark.parametrize("seed", range(3))
def test_gains_are_counts_of_the_highest_scores(seed: int) -> None:
    """The interval holds the count of the sorted rows, whatever a cell hides; all rows hold all positives."""
    p, y = drawn(np.random.default_rng(seed), PREFIXES[-1])
    for n in PREFIXES:
        s, t = p[:n], y[:n]
        found = gains(binary(s, t))
        if not t.any() or n < BINS:
            assert found == []
            continue
        order = np.argsort(-s, kind="stable")
        for one in found:
            top = round(one.of * n)
            assert one.low - 1e-9 <= t[order][:top].sum() / t.sum() <= one.high + 1 / t.sum()
        assert found[-1].gain == pytest.approx(1.0) and found[-1].lift == pytest.approx(1.0)
