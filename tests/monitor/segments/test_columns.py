"""Columns to Arrow and back, and the columns of several segments as one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monitor.segments.columns import from_arrow, joined, to_arrow
from monitor.tiles.rows import Column

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@st.composite
def columns(draw: st.DrawFn, n: st.SearchStrategy[int] = st.integers(0, 12)) -> Column:  # noqa: B008  (a strategy is a value)
    size = draw(n)
    values = draw(
        st.one_of(
            hnp.arrays(np.float64, size),
            hnp.arrays(np.int64, size),
            hnp.arrays(np.bool_, size),
            hnp.arrays(np.float32, (size, 3), elements=st.floats(width=32)),
            st.lists(TEXTS, min_size=size, max_size=size).map(lambda texts: np.array([*texts, None], object)[:-1]),
        )
    )
    missing = draw(st.none() | hnp.arrays(np.bool_, size))
    return Column(values, missing)


def seen(column: Column) -> list[Any]:
    """Each value as it reads, None where it is missing."""
    missing = np.zeros(len(column), np.bool_) if column.missing is None else column.missing
    return [None if gone else repr(value) for value, gone in zip(column.values.tolist(), missing, strict=True)]


@given(columns(), st.integers(1, 4))
def test_a_column_survives_arrow(column: Column, pieces: int) -> None:
    """Whatever its values and nulls, and in however many chunks it comes back."""
    array = to_arrow(column)
    bounds = np.linspace(0, len(array), pieces + 1).astype(int)
    chunks = [array.slice(a, b - a) for a, b in pairwise(bounds)]
    back = from_arrow(pa.chunked_array(chunks, array.type))
    assert seen(back) == seen(column)
    assert back.values.dtype == column.values.dtype
    assert back.values.shape == column.values.shape


@given(st.lists(columns(), min_size=1, max_size=4))
def test_joined_columns_keep_every_row(parts: list[Column]) -> None:
    """Whatever meets what, one row stays one row, of one type, and what was missing stays missing."""
    both = joined([(part, len(part)) for part in parts])
    was_missing = np.concatenate([np.zeros(len(p), bool) if p.missing is None else p.missing for p in parts])
    assert len(both) == len(was_missing)
    assert not np.any(was_missing & ~(np.zeros(len(both), bool) if both.missing is None else both.missing))
    to_arrow(both)


@given(columns())
def test_a_column_alone_is_joined_to_itself(column: Column) -> None:
    """One part changes nothing but the type of a column that is wholly missing."""
    assert seen(joined([(column, len(column))])) == seen(column)


def test_a_column_of_another_type_is_refused() -> None:
    """Complex numbers are nobody's feature."""
    with pytest.raises(TypeError, match="complex128"):
        to_arrow(Column(np.array([1j])))


def test_a_vector_without_elements_is_missing() -> None:
    """A client can send a tensor of shape [2, 3, 0]; Arrow has no list of no elements."""
    assert seen(from_arrow(pa.chunked_array([to_arrow(Column(np.zeros((2, 0), np.float32)))]))) == [None, None]


def test_what_no_part_has_is_missing() -> None:
    """A column that is missing in every segment."""
    both = joined([(None, 2), (None, 1)])
    assert seen(both) == [None, None, None]
