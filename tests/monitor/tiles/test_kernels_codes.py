"""Counting codes of a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.tiles.kernels import count_codes, look_up


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 1_001])
def test_codes_are_counted_as_bincount_does(rows: int) -> None:
    """Every length, whole fours or not, gives each code's rows."""
    codes = np.random.default_rng(rows).integers(0, 7, rows).astype(np.int32)
    assert count_codes(codes, 9).tolist() == np.bincount(codes, minlength=9).tolist()


@pytest.mark.parametrize("code", [-1, 9, 2**31 - 1])
def test_a_code_without_a_name_is_refused(code: int) -> None:
    """A file whose codes point behind its dictionary is damaged, and nothing is written beside the counters."""
    with pytest.raises(ValueError, match="1 codes are outside 0 to 8"):
        count_codes(np.array([0, code, 1], np.int32), 9)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_codes_are_counted_from_the_least(kind: type[np.signedinteger]) -> None:
    """Whole numbers of any sign that span little are counted as they are."""
    values = np.random.default_rng(3).integers(-5, 4, 1_000).astype(kind)
    assert count_codes(values, 9, -5).tolist() == np.bincount(values + 5, minlength=9).tolist()


def test_values_are_looked_up_as_numpy_does() -> None:
    """Each from its own place of the table, the least first."""
    values, table = np.random.default_rng(4).integers(-5, 4, 1_001), np.arange(9) * 7
    assert look_up(values, -5, table).tolist() == table[values + 5].tolist()
