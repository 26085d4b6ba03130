"""Any window can be counted once more from its segments: the same bits, or what differs."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.errors import InvalidInput, NotFound
from monitor.jobs.recompute import Recomputed, recompute
from tests.monitor.jobs.house import MODEL, START, House, closed, labelled, minute, population, truth_of


def watched(house: House) -> None:
    """Three windows in four segments each, with slices, groups and labels that come late for some."""
    house.declare(groups=["sex"], slices=["sex=f"], metrics="all")
    house.baseline(labelled(population(2_000, seed=1, start_ns=START - 3_600 * 10**9), seed=2))
    for number in range(3):
        served = population(400, seed=10 + number, start_ns=minute(number), name=f"a{number}-", shift=9.0 * number)
        for part in np.array_split(np.random.default_rng(number).permutation(400), 4):
            house.serve(served.take(part))
        house.at(closed(number))
        ids, values = truth_of(served, seed=number)
        house.label(ids[:300], values[:300])
    house.at(closed(6))


def recomputed(house: House, number: int) -> Recomputed:
    entry = house.catalog.model(MODEL)
    assert entry is not None
    windows = [w for w in house.windows() if w.n_window]
    return recompute(house.catalog, house.store, entry.in_force(), windows[number])


@pytest.mark.parametrize("number", range(3))
def test_a_window_is_equal_to_the_bit(house: House, number: int) -> None:
    """Tiles and every value and interval, whatever order its rows came in, and with labels that came after it closed."""
    watched(house)
    found = recomputed(house, number)
    assert (found.rows, found.labels) == (400, 300)
    assert found.stored == found.computed
    assert found.differences == ()
    assert found.values > 50
    assert found.equal


def test_rows_that_are_not_those_of_the_window_are_found_out(house: House) -> None:
    """Ten rows more than it was closed with, which no pass has taken in yet."""
    watched(house)
    house.serve(population(10, seed=99, start_ns=minute(1), name="late-", shift=60.0))
    found = recomputed(house, 1)
    assert not found.equal
    assert found.rows == 410
    assert {d.metric for d in found.differences if d.feature == "age"} >= {"js_distance", "ks_statistic"}


def test_what_is_gone_is_said(house: House) -> None:
    """Rows past their retention; a window of a baseline that is no longer in force."""
    watched(house)
    house.catalog.drop_segments([s.id for s in house.catalog.segments("predictions", MODEL)])
    with pytest.raises(InvalidInput, match="past their retention"):
        recomputed(house, 0)
    house.baseline(labelled(population(2_000, seed=5, start_ns=START - 3_600 * 10**9), seed=2))
    with pytest.raises(NotFound, match="baseline"):
        recomputed(house, 0)
