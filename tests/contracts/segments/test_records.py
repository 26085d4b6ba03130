"""What every SegmentStore keeps of the records of single predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.findings import Span
from monitor.ports import Segment, SegmentStore
from tests.contracts.segments.stored import record, registered


def test_records_come_back_in_order(store: SegmentStore) -> None:
    """By time and prediction id, paged, filtered by span and prediction; NumPy's values as JSON."""
    written = [
        record("b", 5, score=np.float64(1.5)), record("a", 5, top=[{"feature": "x", "value": np.array([1, 2])}]), record("c", 1),
    ]  # fmt: skip
    segment = store.write_records("anomalies", "income", "1", Span(0, 10), written, 9)
    found = store.find_records([segment], None, None, None, 10, 0)
    assert found == [record("c", 1), record("a", 5, top=[{"feature": "x", "value": [1, 2]}]), record("b", 5, score=1.5)]
    assert store.find_records([segment], None, None, None, 1, 1) == found[1:2]
    assert store.find_records([segment], 2, 9, None, 10, 0) == found[1:]
    assert store.find_records([segment], None, None, "b", 10, 0) == found[2:]
    assert store.find_records([], None, None, None, 10, 0) == []
    assert (segment.kind, segment.rows, segment.start_ns, segment.end_ns) == ("anomalies", 3, 0, 9)


def test_a_revision_takes_the_place_of_earlier_records(store: SegmentStore) -> None:
    """Also where the revised window has none left; other windows keep theirs."""
    first, other, second, third = registered(
        store.write_records("anomalies", "income", "1", Span(0, 10), [record("a", 1), record("b", 2)], 9),
        store.write_records("anomalies", "income", "1", Span(10, 20), [record("z", 11)], 9),
        store.write_records("anomalies", "income", "1", Span(0, 10), [record("b", 2)], 9),
        store.write_records("anomalies", "income", "1", Span(0, 10), [], 9),
    )

    def found(*segments: Segment) -> list[str]:
        return [r["prediction_id"] for r in store.find_records(segments, None, None, None, 10, 0)]

    assert found(first, other) == ["a", "b", "z"]
    assert found(first, other, second) == ["b", "z"]
    assert found(third, first, other, second) == ["z"]


def test_a_prediction_in_two_windows_is_one_record(store: SegmentStore) -> None:
    """Overlapping windows record the same anomaly; the latest is shown."""
    segments = registered(
        store.write_records("anomalies", "income", "1", Span(0, 10), [record("a", 1, score=1)], 9),
        store.write_records("anomalies", "income", "1", Span(0, 60), [record("a", 1, score=2)], 9),
    )
    assert [r["score"] for r in store.find_records(segments, None, None, None, 10, 0)] == [2]


def test_a_revision_also_replaces_compacted_records(store: SegmentStore) -> None:
    """A compaction hides nothing and brings nothing back."""
    first, second, third = registered(
        store.write_records("anomalies", "income", "1", Span(0, 10), [record("a", 1)], 9),
        store.write_records("anomalies", "income", "1", Span(0, 10), [record("b", 2)], 9),
        store.write_records("anomalies", "income", "1", Span(0, 10), [record("c", 3)], 9),
    )
    compacted = replace(store.compact([first, second], 9), id=9)
    assert [r["prediction_id"] for r in store.find_records([compacted], None, None, None, 9, 0)] == ["b"]
    assert [r["prediction_id"] for r in store.find_records([compacted, third], None, None, None, 9, 0)] == ["c"]
    again = replace(store.compact([compacted, third], 9), id=10)
    assert [r["prediction_id"] for r in store.find_records([again], None, None, None, 9, 0)] == ["c"]


def test_a_record_without_its_prediction_is_refused(store: SegmentStore) -> None:
    """Its place is named."""
    with pytest.raises(ValueError, match="record 1"):
        store.write_records("anomalies", "income", "1", Span(0, 10), [record("a", 1), {"time_ns": 2}], 9)
