"""A sample of rows depends on the prediction ids alone."""

import numpy as np
from scipy import stats

from monitor.tiles.rows import Rows
from monitor.tiles.sample import least, sample


def rows_of(ids: list[str], row: np.ndarray | None = None) -> Rows:
    n = len(ids)
    of = np.ones(n, np.int32) if row is None else np.full(n, n, np.int32)
    return Rows(np.arange(n), np.array(ids, object), np.zeros(n, np.int32) if row is None else row, of)


def test_all_rows_are_taken_where_they_are_few() -> None:
    """Asking for more, or for all, changes nothing."""
    rows = rows_of(["a", "b"])
    assert sample(rows, 2) is rows and sample(rows, None) is rows


def test_the_order_of_the_rows_does_not_matter() -> None:
    """The same ids are chosen from shuffled rows."""
    rows = rows_of([f"p{i}" for i in range(1_000)])
    shuffled = rows.take(np.random.default_rng(1).permutation(1_000))
    assert set(sample(rows, 50).id) == set(sample(shuffled, 50).id)


def test_the_choice_keeps_the_order_of_the_rows() -> None:
    """Canonical order stays canonical."""
    assert (np.diff(sample(rows_of([f"p{i}" for i in range(500)]), 40).time_ns) > 0).all()


def test_rows_of_one_exchange_are_chosen_one_by_one() -> None:
    """A request of a thousand rows is sampled within."""
    rows = rows_of(["batch"] * 1_000, np.arange(1_000, dtype=np.int32))
    chosen = sample(rows, 100).row
    assert len(set(chosen.tolist())) == 100 and chosen.min() < 150 and chosen.max() > 850


def test_consecutive_ids_are_chosen_evenly() -> None:
    """No part of a window is preferred: chi-square over ten parts."""
    chosen = sample(rows_of([f"id-{i:06d}" for i in range(20_000)]), 2_000).time_ns
    assert stats.chisquare(np.bincount(chosen // 2_000, minlength=10)).pvalue > 0.001


def test_the_least_keys_are_those_of_a_stable_sort() -> None:
    """Of equal ones at the limit the first, whatever the size."""
    keys = np.random.default_rng(6).integers(0, 50, 400).astype(np.uint64)
    for size in (1, 7, 200, 399, 400, 500):
        assert least(keys, size).tolist() == sorted(np.argsort(keys, kind="stable")[:size].tolist())
