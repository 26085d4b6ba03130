"""Values as records show them are strict JSON."""

import json

import numpy as np
import pytest

from monitor.tiles.plain import TEXT_CHARS_MAX, plain
from monitor.tiles.rows import Column


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1.5]), 1.5),
        (np.array([3]), 3),
        (np.array([True]), True),
        (np.array([np.nan]), None),
        (np.array([np.inf]), "Infinity"),
        (np.array(["a"], object), "a"),
        (np.array([None], object), None),
        (np.array(["x" * 1_000], object), "x" * TEXT_CHARS_MAX),
        (np.array([[1.0, 2.0]], np.float32), "[1. 2.]"),
    ],
)
def test_a_value_is_written_as_strict_json(values: np.ndarray, expected: object) -> None:
    """Numbers, booleans and texts as they are, null for none, words for infinities."""
    found = plain(Column(values), 0)
    assert found == expected
    json.dumps(found, allow_nan=False)


def test_a_masked_value_is_null() -> None:
    """What stands under the mask is not shown."""
    assert plain(Column(np.array([7.0]), np.array([True])), 0) is None
