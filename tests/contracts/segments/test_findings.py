"""What every SegmentStore keeps of findings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from monitor.findings import Span, Status
from monitor.ports import FindingQuery, SegmentStore
from tests.contracts.segments.stored import finding, registered


def test_findings_come_back_as_they_were(store: SegmentStore) -> None:
    """Ranges, infinities, nothing at all: every field."""
    odd = [
        finding(feature=None, threshold=(-0.1, 0.1), score=float("inf"), slice="SEX=2", baseline="ab", revision=3),
        finding(value=None, low=None, high=None, threshold=None, status=Status.UNDEFINED, reason="constant"),
    ]
    segment = store.write_findings(odd, "5m", 9)
    assert store.find_findings([segment], FindingQuery()) == odd
    assert (segment.kind, segment.model, segment.version, segment.rows) == ("measurements", "income", "1", 2)
    assert (segment.start_ns, segment.end_ns) == (0, 9)


def test_findings_of_no_version_come_back_so(store: SegmentStore) -> None:
    """None stays None, in the empty version's segment."""
    segment = store.write_findings([finding(version=None)], "5m", 9)
    assert segment.version == ""
    assert store.find_findings([segment], FindingQuery()) == [finding(version=None)]


def test_the_latest_revision_of_a_finding_is_found(store: SegmentStore) -> None:
    """One decision record per model, version, slice, window, metric and feature."""
    segments = [
        store.write_findings([finding(value=float(r), revision=r), finding(10, revision=r)], "5m", 9) for r in (0, 2, 1)
    ]
    found = store.find_findings(segments, FindingQuery())
    assert [(f.window.start_ns, f.revision) for f in found] == [(0, 2), (10, 2)]
    assert found[0].value == 2.0


def test_findings_are_ordered_and_paged(store: SegmentStore) -> None:
    """By window start, metric, feature and slice; what has no feature or slice comes first."""
    written = [
        finding(10), finding(0, "b"), finding(0, "a", slice="S=2"), finding(0, "a"), finding(0, None), finding(0, "z", metric="ks_statistic"),
    ]  # fmt: skip
    segment = store.write_findings(written, "5m", 9)
    ordered = [written[i] for i in (5, 4, 3, 2, 1, 0)]
    assert store.find_findings([segment], FindingQuery()) == ordered
    assert store.find_findings([segment], FindingQuery(limit=2, offset=1)) == ordered[1:3]


@pytest.mark.parametrize(
    ("query", "starts"),
    [
        (FindingQuery(start_ns=10, end_ns=20), [10]),
        (FindingQuery(metric="ks_statistic"), [20]),
        (FindingQuery(metrics=("ks_statistic", "none")), [20]),
        (FindingQuery(feature="b"), [10]),
        (FindingQuery(slice="SEX=2"), [0]),
        (FindingQuery(whole=True), [10, 20]),
        (FindingQuery(version="2"), []),
        (FindingQuery(feature="'; DROP TABLE x; --"), []),
    ],
)
def test_findings_are_filtered(store: SegmentStore, query: FindingQuery, starts: list[int]) -> None:
    """None matches all; the span holds the window's start."""
    segment = store.write_findings(
        [finding(0, slice="SEX=2"), finding(10, "b"), finding(20, metric="ks_statistic")], "5m", 9
    )
    assert [f.window.start_ns for f in store.find_findings([segment], query)] == starts
    assert store.find_findings([], query) == []


def test_the_worst_finding_of_each_column_is_found(store: SegmentStore) -> None:
    """By status, then one with a limit, then by score, in its latest revision; a column is spans of window starts."""
    critical, warning = finding(0, "a", status=Status.CRITICAL), finding(0, "b", status=Status.WARNING, score=9.0)
    endless = finding(10, "a", status=Status.WARNING, threshold=None, score=8.0)
    limited, stronger = (
        finding(10, "b", status=Status.WARNING, score=1.0),
        finding(20, "c", status=Status.WARNING, score=2.0),
    )
    unknown, fine = finding(40, "a", status=Status.NO_DATA, value=None), finding(40, "b")
    segments = [
        store.write_findings([critical, warning, endless, limited, stronger, unknown, fine], "5m", 9),
        store.write_findings([replace(critical, status=Status.OK, revision=1)], "5m", 9),
    ]
    columns = [Span(0, 10), Span(10, 30), Span(30, 40), Span(40, 50)]
    found = store.worst_findings(segments, FindingQuery(rule="5m"), columns, "kind")
    assert found == [(0, warning), (1, stronger), (3, fine)]
    per_feature = store.worst_findings(segments, FindingQuery(start_ns=10, end_ns=30), columns, "feature")
    assert [(c, f.feature) for c, f in per_feature] == [(1, "a"), (1, "b"), (1, "c")]
    assert store.worst_findings(segments, FindingQuery(kind="quality"), columns, "kind") == []
    assert (
        store.worst_findings(segments, FindingQuery(), [], "kind")
        == store.worst_findings([], FindingQuery(), columns, "kind")
        == []
    )


def test_findings_without_a_window_are_refused(store: SegmentStore) -> None:
    """`compare` has no time and stores nothing."""
    with pytest.raises(ValueError, match="without a window"):
        store.write_findings([finding(window=Span(None, None))], "5m", 9)


def test_findings_of_older_files_say_no_code(store: SegmentStore, tmp_path: Path) -> None:
    """Files written before there was a column for it are read beside later ones, and joined with them."""
    old, new = registered(
        store.write_findings([finding(0)], "5m", 99), store.write_findings([finding(10, code="1+ab")], "5m", 99)
    )
    for file in (tmp_path / "data [1]*?").rglob(Path(old.path).name):
        pq.write_table(pq.read_table(file).drop_columns(["code"]), file)
    for segments in ([old], [old, new], [new, old], [registered(store.compact([old, new], 100))[0]]):
        codes = {f.window.start_ns: f.code for f in store.find_findings(segments, FindingQuery())}
        assert codes == {0: None} | ({10: "1+ab"} if segments != [old] else {})
