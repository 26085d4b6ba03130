"""The canonical order of rows."""

from dataclasses import replace

import numpy as np

from tests.monitor.tiles.samples import rows


def test_rows_in_order_are_left_alone() -> None:
    """The common case costs nothing."""
    made = rows({"x": [1.0, 2.0, 3.0]})
    assert made.in_canonical_order() is made
    tied = replace(made, time_ns=np.zeros(3, np.int64))
    assert tied.in_canonical_order() is tied


def test_ties_in_time_are_ordered_by_id_and_row() -> None:
    """Every order of the same rows leads to one."""
    made = replace(
        rows({"x": [1.0, 2.0, 3.0, 4.0]}), time_ns=np.array([5, 5, 5, 1]), row=np.array([1, 0, 0, 0], np.int32)
    )
    made.id[:] = ["a", "b", "a", "z"]
    assert made.in_canonical_order().columns["x"].values.tolist() == [4.0, 3.0, 1.0, 2.0]


def test_a_prediction_is_named_by_its_exchange_and_row() -> None:
    """An exchange of one row has no number."""
    made = replace(rows({"x": [1.0, 2.0]}), of=np.array([1, 3], np.int32), row=np.array([0, 2], np.int32))
    made.id[:] = ["a", "b"]
    assert made.prediction_ids() == ["a", "b/2"]
