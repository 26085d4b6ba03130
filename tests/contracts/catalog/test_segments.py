"""What every Catalog keeps of segments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.errors import Stale
from monitor.ports import Catalog
from tests.contracts.catalog.entries import result, segment, window


def test_a_segment_is_read_back_with_its_id(catalog: Catalog) -> None:
    """Ids ascend in order of registration and everything else is as it was."""
    catalog.put_segments([segment("a", version=""), segment("b")])
    found = catalog.segments("predictions", "income")
    assert [replace(s, id=0) for s in found] == [segment("a", version=""), segment("b")]
    assert 0 < found[0].id < found[1].id


def test_ids_are_never_given_twice(catalog: Catalog) -> None:
    """An id of a dropped segment does not come back."""
    catalog.put_segments([segment("a")])
    (first,) = catalog.segments("predictions", "income")
    catalog.drop_segments([first.id])
    catalog.put_segments([segment("b")])
    (second,) = catalog.segments("predictions", "income")
    assert second.id > first.id


@pytest.mark.parametrize(("start", "end", "found"), [(9, 20, True), (10, 20, False), (-5, 0, False), (-5, 1, True)])
def test_segments_are_found_by_their_inclusive_range(catalog: Catalog, start: int, end: int, found: bool) -> None:
    """A segment from 0 to 9, both inclusive, meets the half-open spans that contain one of its instants."""
    catalog.put_segments([segment("a", 0, 9)])
    assert bool(catalog.segments("predictions", "income", None, start, end)) is found


def test_segments_are_found_by_kind_model_and_version(catalog: Catalog) -> None:
    """A filter that is None matches all; the empty version is a version."""
    catalog.put_segments(
        [segment("a"), segment("b", version=""), segment("c", model="other"), segment("d", kind="labels", version="")]
    )
    assert [s.path for s in catalog.segments("predictions", "income")] == ["a", "b"]
    assert [s.path for s in catalog.segments("predictions", "income", "")] == ["b"]
    assert [s.path for s in catalog.segments("labels", "income")] == ["d"]


def test_segments_that_came_since_are_found_by_id(catalog: Catalog) -> None:
    """What was registered after an id is what a reader has not seen yet."""
    catalog.put_segments([segment("a"), segment("b")])
    first, second = catalog.segments("predictions", "income")
    assert catalog.segments("predictions", "income", after_id=first.id) == [second]


def test_versions_are_those_of_predictions_and_windows(catalog: Catalog) -> None:
    """A version is known by its traffic or by its windows; labels have none."""
    catalog.put_segments(
        [segment("a", version="2"), segment("b", version=""), segment("c", kind="labels", version="x")]
    )
    catalog.commit_window(result(window(version="1")), [], 1)
    assert catalog.versions("income") == ["", "1", "2"]


def test_segments_are_replaced_in_one_step(catalog: Catalog) -> None:
    """After a compaction the new one stands for all old ones."""
    catalog.put_segments([segment("a"), segment("b"), segment("c")])
    a, b, _ = catalog.segments("predictions", "income")
    catalog.replace_segments([a, b], [segment("ab")])
    assert [s.path for s in catalog.segments("predictions", "income")] == ["c", "ab"]


def test_a_segment_that_is_gone_is_not_replaced(catalog: Catalog) -> None:
    """Rows that were dropped during a compaction do not come back with it."""
    catalog.put_segments([segment("a"), segment("b")])
    a, b = catalog.segments("predictions", "income")
    catalog.drop_segments([a.id])
    with pytest.raises(Stale, match="1 of 2"):
        catalog.replace_segments([a, b], [segment("ab")])
    assert [s.path for s in catalog.segments("predictions", "income")] == ["b"]


def test_many_segments_are_dropped_at_once(catalog: Catalog) -> None:
    """The number of ids in one call has no limit that a caller meets."""
    catalog.put_segments([segment(f"p{i}") for i in range(1_100)])
    catalog.drop_segments(s.id for s in catalog.segments("predictions", "income"))
    assert catalog.segments("predictions", "income") == []
