"""Quantiles as NumPy takes them, and of numbers whose differences no double holds."""

import numpy as np
import pytest

from monitor.tiles.quantiles import quantiles

AT = np.arange(1, 20) / 20


def test_they_are_numpy_s_own() -> None:
    """To the bit, for numbers of usual sizes."""
    values = np.random.default_rng(0).normal(size=999) * 1e30
    assert (quantiles(values, AT) == np.quantile(values, AT)).all()


def test_of_the_largest_doubles_they_are_finite_and_scale() -> None:
    """A power of two changes no digit: they are those of numbers an eighth as large."""
    small = np.random.default_rng(1).uniform(-1.7, 1.7, 999) * 2.0**1020
    assert (quantiles(small * 8, AT) == np.quantile(small, AT) * 8).all()


@pytest.mark.parametrize("value", [5e-324, -1.7e308, 0.0])
def test_one_value_is_its_own_quantile(value: float) -> None:
    """Also the smallest there is, which has no half."""
    assert (quantiles(np.array([value]), AT) == value).all()
