"""Conformal p-values: exact in the tail, never too small anywhere."""

import numpy as np
import pytest

from monitor.metrics.anomaly.conformal import TAIL_KNOTS, Calibration


def by_definition(scores: np.ndarray, probe: np.ndarray) -> np.ndarray:
    return np.array([(1 + (scores >= s).sum()) / (len(scores) + 1) for s in probe])


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_few_scores_give_the_definition_exactly(decimals: int) -> None:
    """p = (1 + #{calibration >= s}) / (n + 1), ties and all."""
    rng = np.random.default_rng(1)
    scores, probe = rng.normal(size=500).round(decimals), rng.normal(size=300).round(decimals)
    np.testing.assert_array_equal(Calibration.of(scores).p_values(probe), by_definition(scores, probe))


def test_many_scores_are_exact_in_the_tail_and_rounded_up_in_the_body() -> None:
    """Compression costs nothing where rows are flagged and is on the safe side elsewhere."""
    rng = np.random.default_rng(2)
    scores, probe = rng.normal(size=60_000), rng.normal(size=2_000)
    found, exact = Calibration.of(scores).p_values(probe), by_definition(scores, probe)
    tail = exact <= TAIL_KNOTS / 60_001
    np.testing.assert_array_equal(found[tail], exact[tail])
    assert (found >= exact).all() and (found - exact).max() <= 1 / 4_000


def test_a_score_beyond_all_gets_the_finest_p() -> None:
    """Nothing is rarer than one in n + 1."""
    found = Calibration.of(np.arange(99.0))
    assert found.p_values(np.array([1e9, -1e9])).tolist() == [found.finest, 1.0] == [0.01, 1.0]


def test_without_calibration_every_p_is_one() -> None:
    """No evidence, no flag."""
    assert Calibration.of(np.zeros(0)).p_values(np.array([3.0])).tolist() == [1.0]
