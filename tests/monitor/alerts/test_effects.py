"""Effects and their intervals."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from monitor.alerts.effects import beyond_zero, js_effect

P, Q = np.array([500, 300, 200]), np.array([700, 200, 100])


def test_the_value_is_the_distance_in_base_2():
    """SciPy gives the same number."""
    assert js_effect(P, Q)[0] == pytest.approx(jensenshannon(P, Q, 2))


def test_the_interval_holds_the_value_and_narrows_with_rows():
    """Ten times the rows, a narrower interval about the same value."""
    value, low, high = js_effect(P, Q)
    _, low_many, high_many = js_effect(10 * P, 10 * Q)
    assert low < value < high
    assert high_many - low_many < 0.5 * (high - low)


def test_equal_counts_have_no_effect():
    """Identical shares: distance and lower end are nought."""
    assert js_effect(P, P)[:2] == (0.0, 0.0)


def test_a_design_effect_widens_the_interval():
    """Dependent rows tell less, so the lower end falls."""
    assert js_effect(P, Q, 5.0)[1] < js_effect(P, Q)[1]


def test_an_empty_side_says_nothing():
    """Without rows the interval is everything."""
    assert js_effect(np.zeros(3, int), P) == (0.0, 0.0, 1.0)


def test_disjoint_populations_are_far_apart():
    """No cell in common: the distance is 1 and surely near it."""
    value, low, high = js_effect(np.array([100_000, 0]), np.array([0, 100_000]))
    assert value == pytest.approx(1.0)
    assert low > 0.8
    assert high == 1.0


def test_an_interval_across_zero_has_lower_end_zero():
    """The size of a change that may be none may be nought."""
    assert beyond_zero(-0.1, 0.2) == pytest.approx((0.1, 0.0, 0.3))
