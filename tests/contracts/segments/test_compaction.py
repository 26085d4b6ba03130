"""Segments joined, thinned, deleted and swept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import Unavailable
from monitor.findings import Status
from monitor.ports import FindingQuery, SegmentStore
from tests.contracts.segments.stored import column, finding, registered, rows


def test_compacted_rows_are_the_same_rows(store: SegmentStore) -> None:
    """Rows and located ids of one new file are those of the old ones."""
    old = registered(*(store.write_rows("income", "1", rows([t], x=column([t], np.int64)), 1) for t in (3, 1, 2)))
    new = store.compact(old, 9)
    assert (new.rows, new.start_ns, new.end_ns, new.created_ns) == (3, 1, 3, 9)
    assert store.read_rows([new]).columns["x"].values.tolist() == [1, 2, 3]
    assert store.locate([new], ["p2", "p9"]).tolist() == [2, -1]


def test_compacted_findings_are_the_same_findings(store: SegmentStore) -> None:
    """Order and revisions are as before."""
    old = registered(*(store.write_findings([finding(s), finding(s, revision=1)], "5m", 9) for s in (0, 10)))
    assert store.find_findings([store.compact(old, 9)], FindingQuery()) == store.find_findings(old, FindingQuery())


def test_thinned_measurements_keep_the_worst_of_each_hour(store: SegmentStore) -> None:
    """The gravest, then the highest score, then the latest; of each window what its last revision says; nothing else changes."""
    hour = 3_600 * 10**9
    alike = [finding(start, score=0.5, reason="fine") for start in (0, 10, 20)]
    worst = finding(10, feature="SEX", status=Status.CRITICAL, score=2.0, threshold=(0.1, 0.2))
    revised = finding(20, feature="SEX", status=Status.CRITICAL, score=9.0)
    higher = finding(hour + 10, feature="SEX", score=0.9)
    silent = finding(hour, feature="SEX", status=Status.UNDEFINED, value=None, low=None, high=None)
    sliced = finding(0, feature="SEX", slice="RAC1P=1")
    segments = registered(
        store.write_findings([*alike, worst, revised, sliced], "5m", 9),
        store.write_findings([silent, finding(hour + 20, feature="SEX", score=0.1), higher], "5m", 9),
        store.write_findings([replace(revised, status=Status.OK, revision=1)], "5m", 9),
    )
    thinned = store.thin(segments, 11)
    assert (thinned.kind, thinned.model, thinned.version, thinned.created_ns) == ("measurements", "income", "1", 11)
    assert (thinned.rows, thinned.start_ns) == (4, 0) and thinned.end_ns == max(s.end_ns for s in segments)
    found = store.find_findings([thinned], FindingQuery())
    assert found == [sliced, worst, alike[2], higher]


def test_measurements_of_strangers_are_not_thinned_together(store: SegmentStore) -> None:
    """One model and version."""
    segments = [store.write_findings([finding(version=version)], "5m", 9) for version in "12"]
    with pytest.raises(ValueError, match="one model and version"):
        store.thin(segments, 9)


def test_strangers_are_not_compacted(store: SegmentStore) -> None:
    """One kind, model and version."""
    segments = [store.write_rows("income", version, rows([1]), 1) for version in "12"]
    with pytest.raises(ValueError, match="one kind"):
        store.compact(segments, 9)


def test_a_deleted_segment_is_unavailable(store: SegmentStore, tmp_path: Path) -> None:
    """Deleting twice is no error, and no file is left."""
    segment = store.write_rows("income", "1", rows([1]), 1)
    store.delete([segment])
    store.delete([segment])
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    with pytest.raises(Unavailable, match="absent"):
        store.read_rows([segment])
    with pytest.raises(Unavailable, match="id index"):
        store.locate([segment], ["a"])
    with pytest.raises(Unavailable):
        store.find_findings([segment], FindingQuery())


def test_files_that_no_segment_names_are_swept(store: SegmentStore) -> None:
    """A crash between writing a file and registering it leaves one; young ones may be on their way."""
    kept, orphan = (store.write_rows("m", "", rows([1, 2, 3, 4], x=column([1.0] * 4)), 1) for _ in range(2))
    assert store.sweep(lambda paths: {kept.path}, before_ns=0) == 0
    assert store.sweep(lambda paths: {kept.path}, before_ns=2**62) == 1
    assert len(store.read_rows([kept])) == 4
    assert store.sweep(lambda paths: {kept.path}, before_ns=2**62) == 0
    with pytest.raises(Unavailable):
        store.read_rows([orphan])
