"""What every SegmentStore keeps of labels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.ports import SegmentStore
from tests.contracts.segments.stored import labels, registered


def test_labels_come_back_with_their_types(store: SegmentStore) -> None:
    """Labels of one type, and of several in one file."""
    for values in ([1, 0], [1.5, float("inf")], [True, False], ["a", "b"], [1, "1"], [True, 2.5], [2**70, 1]):
        written = labels(*((f"p{i}", value, i) for i, value in enumerate(values)))
        segment = store.write_labels("income", written, 9)
        read = store.read_labels([segment])
        assert [(type(v), v) for v in read.value] == [(type(v), v) for v in values]
        assert (segment.kind, segment.version, segment.start_ns, segment.end_ns) == ("labels", "", 0, 1)


def test_a_label_of_another_type_is_refused(store: SegmentStore) -> None:
    """A list is no label."""
    with pytest.raises(TypeError, match="list"):
        store.write_labels("income", labels(("a", [1], 1)), 9)


def test_the_latest_label_of_a_prediction_wins(store: SegmentStore) -> None:
    """By order of registration, within a segment by order of rows; cut to the span."""
    first, second = registered(
        store.write_labels("income", labels(("a", 1, 10), ("b", 1, 20), ("b", 2, 20)), 1),
        store.write_labels("income", labels(("a", 3, 10)), 1),
    )
    read = store.read_labels([second, first])
    assert list(zip(read.id, read.value, read.time_ns, strict=True)) == [("a", 3, 10), ("b", 2, 20)]
    assert store.read_labels([first, second], 11, 21).id.tolist() == ["b"]
    assert len(store.read_labels([])) == 0


def test_a_compacted_label_keeps_its_turn(store: SegmentStore) -> None:
    """A correction that was registered between the compacted ones and the compaction still wins."""
    early, correction, other = registered(
        store.write_labels("income", labels(("a", 1, 10)), 1),
        store.write_labels("income", labels(("a", 2, 10)), 1),
        store.write_labels("income", labels(("b", "x", 10)), 1),
    )
    compacted = replace(store.compact([early, other], 5), id=9)
    read = store.read_labels([compacted, correction])
    assert dict(zip(read.id, read.value, strict=True)) == {"a": 2, "b": "x"}
