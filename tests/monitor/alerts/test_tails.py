"""Laws of the tails; their exactness is held in tests/reference."""

import numpy as np

from monitor.alerts.tails import bernstein_log_p, proportion_log_p, units


def test_swapping_window_and_baseline_swaps_the_directions():
    """Too high on one side is too low on the other."""
    up, down = proportion_log_p(30, 100, 100, 1_000)
    down_swapped, up_swapped = proportion_log_p(100, 1_000, 30, 100)
    assert np.allclose(up, up_swapped)
    assert np.allclose(down, down_swapped)


def test_the_complement_swaps_the_directions():
    """Too many hits are too few misses."""
    up, down = proportion_log_p(30, 100, 100, 1_000)
    down_misses, up_misses = proportion_log_p(70, 100, 900, 1_000)
    assert np.allclose(up, up_misses)
    assert np.allclose(down, down_misses)


def test_a_tail_beyond_the_smallest_double_is_still_a_number():
    """A category of half the rows that vanishes from a million: far under 1e-308, finite and ordered."""
    _, low = proportion_log_p(np.array([0, 1_000]), 1_000_000, 500_000, 1_000_000)
    assert np.isfinite(low).all()
    assert low[0] < low[1] < -1e4


def test_a_design_effect_divides_the_rows():
    """Twenty times the variance is a twentieth of the rows."""
    whole, _ = proportion_log_p(10, 100, 10, 1_000)
    divided, _ = proportion_log_p(200, 2_000, 200, 20_000, 20.0)
    assert np.allclose(whole, divided)


def test_nothing_to_compare_is_no_evidence():
    """Empty sides and hits on neither side have a p-value of 1."""
    for k, n, j, m in ((0, 0, 5, 10), (0, 10, 0, 10), (0, 0, 0, 0)):
        up, down = proportion_log_p(k, n, j, m, sides=1)
        assert up == 0.0
        assert down == 0.0


def test_units_are_linear_in_the_deviation():
    """The unit of a normalised distance x is x again, so scores compare distances."""
    x = np.array([1.0, 2.0, 5.0])
    assert np.allclose(units(np.log(2) - 2 * x**2), x)


def test_one_heavy_row_is_no_evidence():
    """A deviation that a single row could have made is never surprising."""
    assert bernstein_log_p(0.5, 1e-6, 0.5) > np.log(0.05)


def test_all_rows_of_one_side_and_none_of_the_other_is_finite_whatever_the_design_effect() -> None:
    """Dividing counts by an effect may round a share to a hair above one; the evidence stays a number."""
    for effect in (1.0, 1.3, 1.6369616873214543, *np.random.default_rng(0).uniform(1, 2, 200)):
        for n in (300.0, 600.0, 1_200.0):
            up, down = proportion_log_p([n, 0.0], n, [0.0, 3_000.0], 3_000.0, effect)
            assert np.isfinite(up).all() and np.isfinite(down).all()
