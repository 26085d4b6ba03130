"""Labels whose prediction is unknown: looked for where it may have come, and found when it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from monitor.jobs.accept_labels import Searched, find_waiting
from monitor.ports import Segment
from tests.monitor.jobs.house import MODEL, House, minute, population


def test_an_id_that_nobody_has_is_looked_for_once_in_each_segment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may wait for months: a pass reads no more than what is new."""
    read: list[int] = []
    locate = house.store.locate

    def counted(segments: Sequence[Segment], prediction_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        read.append(len(segments))
        return locate(segments, prediction_ids)

    house.declare()
    house.serve(population(50, seed=1, name="a"))
    house.label(np.array(["c0", "nobody"], object), np.array([1, 0], object))
    monkeypatch.setattr(house.store, "locate", counted)
    searched, found = Searched(), []
    for name in ("b", "c", "d"):
        found.append(find_waiting(MODEL, house.catalog, house.store, house.now_ns, searched).accepted)
        assert find_waiting(MODEL, house.catalog, house.store, house.now_ns, searched).accepted == 0
        house.serve(population(50, seed=2, start_ns=minute(1), name=name))
    found.append(find_waiting(MODEL, house.catalog, house.store, house.now_ns, searched).accepted)
    assert read == [1, 1, 1, 1]
    assert found[:2] == [0, 0]
    assert len(house.store.read_labels(house.catalog.segments("labels", MODEL))) == 2


def test_labels_that_come_later_are_looked_for_everywhere(house: House) -> None:
    """What was searched for others says nothing of them."""
    house.declare()
    searched = Searched()
    house.label(np.array(["x"], object), np.array([1], object))
    house.serve(population(50, seed=1, name="a"))
    assert find_waiting(MODEL, house.catalog, house.store, house.now_ns, searched).unknown == 1
    late = house.store.write_labels(MODEL, house.store.read_labels(house.catalog.segments("labels", MODEL)), 1)
    house.catalog.put_segments([late])
    assert find_waiting(MODEL, house.catalog, house.store, house.now_ns, searched).unknown == 1
    assert searched.waiting == max(s.id for s in house.catalog.segments("labels", MODEL))
