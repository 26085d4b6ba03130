"""What every SegmentStore keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from monitor.errors import Unavailable
from monitor.findings import AlertKind, Finding, Span, Status
from monitor.ports import FindingQuery, Labels, Segment, SegmentStore
from monitor.segments.local_store import LocalSegmentStore
from monitor.tiles.rows import Column, Rows


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    return LocalSegmentStore(tmp_path / "data [1]*?")


def registered(*segments: Segment) -> list[Segment]:
    """As the catalog would give them back: with ids that ascend."""
    return [replace(segment, id=i) for i, segment in enumerate(segments, 1)]


def rows(times: Sequence[int], ids: Sequence[str] | None = None, **columns: Column) -> Rows:
    n = len(times)
    return Rows(
        time_ns=np.array(times, np.int64),
        id=np.array(ids or [f"p{t}" for t in times], object),
        row=np.zeros(n, np.int32),
        of=np.ones(n, np.int32),
        columns=columns,
    )


def column(values: Sequence[Any], dtype: Any = None, missing: Sequence[int] = ()) -> Column:
    mask = np.zeros(len(values), np.bool_)
    mask[list(missing)] = True
    return Column(np.array(values, dtype), mask if missing else None)


def shown(of: Column) -> list[Any]:
    """Values, with None where they are missing."""
    missing = np.zeros(len(of), np.bool_) if of.missing is None else of.missing
    return [None if gone else value for value, gone in zip(of.values.tolist(), missing, strict=True)]


def labels(*pairs: tuple[str, object, int]) -> Labels:
    values = np.empty(len(pairs), object)
    values[:] = [value for _, value, _ in pairs]
    return Labels(np.array([i for i, _, _ in pairs], object), values, np.array([t for *_, t in pairs], np.int64))


def finding(start: int = 0, feature: str | None = "AGEP", **more: Any) -> Finding:
    known = Finding(
        "income", "1", None, feature, "psi", AlertKind.DRIFT, Span(start, start + 10), 0.25, 0.125, 0.5, 1000, 100, 1,
        0.05, "default", Status.OK, None,
    )  # fmt: skip
    return replace(known, **more)


def record(prediction: str, time: int, **more: object) -> dict[str, object]:
    return {"prediction_id": prediction, "time_ns": time, **more}


# Rows


def test_rows_come_back_as_they_were(store: SegmentStore) -> None:
    """Every kind of column, with its missing values, NaN and infinities."""
    written = rows(
        [1, 2, 3],
        whole=column([7, 0, -(2**62)], np.int64, missing=[1]),
        fraction=column([np.nan, 1.5, np.inf], np.float64, missing=[1]),
        plain=column([1.0, 2.0, 3.0], np.float64),
        flag=column([True, False, True], np.bool_, missing=[2]),
        text=column(["größe", None, ""], object, missing=[1]),
        vector=column([[1, 2], [3, 4], [5, 6]], np.float32, missing=[0]),
    )
    segment = store.write_rows("income", "1", written, 99)
    read = store.read_rows([segment])
    assert (segment.kind, segment.model, segment.version, segment.rows) == ("predictions", "income", "1", 3)
    assert (segment.start_ns, segment.end_ns, segment.created_ns) == (1, 3, 99)
    assert read.time_ns.tolist() == [1, 2, 3]
    assert read.prediction_ids() == ["p1", "p2", "p3"]
    assert shown(read.columns["whole"]) == [7, None, -(2**62)]
    assert repr(shown(read.columns["fraction"])) == "[nan, None, inf]"
    assert read.columns["plain"].missing is None
    assert shown(read.columns["flag"]) == [True, False, None]
    assert shown(read.columns["text"]) == ["größe", None, ""]
    assert shown(read.columns["vector"]) == [None, [3.0, 4.0], [5.0, 6.0]]
    assert {name: c.values.dtype.str for name, c in read.columns.items()} == {
        name: c.values.dtype.str for name, c in written.columns.items()
    }


def test_rows_of_one_exchange_keep_their_place(store: SegmentStore) -> None:
    """Row numbers, label, inclusion and trace come back."""
    written = Rows(
        time_ns=np.array([5, 5], np.int64),
        id=np.array(["a", "a"], object),
        row=np.array([0, 1], np.int32),
        of=np.array([2, 2], np.int32),
        label=column([1, 0], np.int64, missing=[1]),
        inclusion=np.array([0.5, 0.5]),
        trace=np.array(["4bf92f3577b34da6a3ce929d0e0e4736", None], object),
    )
    read = store.read_rows([store.write_rows("income", "", written, 1)])
    assert read.prediction_ids() == ["a/0", "a/1"]
    assert {read.row.dtype.str, read.of.dtype.str} == {"<i4"}
    assert read.label is not None
    assert shown(read.label) == [1, None]
    assert read.inclusion is not None
    assert read.inclusion.tolist() == [0.5, 0.5]
    assert read.trace is not None
    assert read.trace.tolist() == ["4bf92f3577b34da6a3ce929d0e0e4736", None]


def test_rows_of_many_segments_are_in_canonical_order(store: SegmentStore) -> None:
    """Whatever the order in which they were written."""
    segments = [store.write_rows("income", "1", rows(t, x=column(t, np.int64)), 1) for t in ([5, 1], [4, 2], [3])]
    read = store.read_rows(segments)
    assert read.time_ns.tolist() == [1, 2, 3, 4, 5]
    assert read.columns["x"].values.tolist() == [1, 2, 3, 4, 5]


def test_rows_are_cut_to_the_span(store: SegmentStore) -> None:
    """Half-open."""
    segment = store.write_rows("income", "1", rows([1, 2, 3, 4]), 1)
    assert store.read_rows([segment], 2, 4).time_ns.tolist() == [2, 3]
    assert len(store.read_rows([segment], 10, 20)) == 0


def test_no_segments_have_no_rows(store: SegmentStore) -> None:
    """An empty window is an empty value."""
    assert len(store.read_rows([])) == 0
    assert store.read_rows([]).time_ns.dtype == np.int64


def test_only_the_columns_asked_for_are_read(store: SegmentStore) -> None:
    """A name that is part of another, with a dot or of our own family is that name alone."""
    names = ("a", "a.b", "outrider.time_ns", "outrider.x", "b")
    segment = store.write_rows(
        "income", "1", replace(rows([7]), columns={n: column([i], np.int64) for i, n in enumerate(names)}), 1
    )
    read = store.read_rows([segment], columns=["a", "outrider.time_ns", "absent"])
    assert {n: c.values.tolist() for n, c in read.columns.items()} == {"a": [0], "outrider.time_ns": [2]}
    assert read.time_ns.tolist() == [7]
    assert set(store.read_rows([segment]).columns) == set(names)


def test_the_columns_of_segments_are_known_without_their_rows(store: SegmentStore) -> None:
    """Each once, in the order of their first segment; our own names among them, not our own columns."""
    one = store.write_rows("m", "1", rows([1], **{"b": column([1]), "outrider.x": column([2])}), 5)
    other = store.write_rows("m", "1", rows([2], b=column([1]), a=column(["x"], object)), 6)
    assert store.row_columns(registered(one, other)) == ["b", "outrider.x", "a"]
    assert store.row_columns([]) == []


def test_a_column_that_a_segment_lacks_is_missing_there(store: SegmentStore) -> None:
    """A feature that came or went between two segments."""
    first = store.write_rows("income", "1", rows([1], x=column(["a"], object)), 1)
    second = store.write_rows("income", "1", rows([2], y=column([2.5])), 1)
    read = store.read_rows([first, second])
    assert shown(read.columns["x"]) == ["a", None]
    assert shown(read.columns["y"]) == [None, 2.5]


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        (column([1], np.int64), column([2.5]), [1.0, 2.5]),
        (column([True]), column([3], np.int64), [1, 3]),
        (column([17], np.int64), column(["17"], object), ["17", "17"]),
        (column([17.0]), column(["a"], object), ["17", "a"]),
        (column([np.nan]), column(["a"], object), [None, "a"]),
        (column([0.0], missing=[0]), column(["a"], object), [None, "a"]),
        (column([[1, 2]], np.float32), column([0.0], missing=[0]), [[1.0, 2.0], None]),
        (column([[1, 2]], np.float32), column([[1, 2, 3]], np.float32), [[1.0, 2.0], None]),
    ],
)
def test_a_column_that_changes_its_type_takes_the_wider_one(
    store: SegmentStore, one: Column, two: Column, both: list[object]
) -> None:
    """Whole numbers become fractions, anything becomes text, a vector of another size is missing."""
    segments = [store.write_rows("income", "1", rows([i], x=c), 1) for i, c in enumerate((one, two))]
    assert shown(store.read_rows(segments).columns["x"]) == both


def test_rows_without_a_row_are_refused(store: SegmentStore) -> None:
    """A segment holds something."""
    with pytest.raises(ValueError, match="no rows"):
        store.write_rows("income", "1", rows([]), 1)


@pytest.mark.parametrize("version", ["", "..", "../../x", "a/b", "/etc", "v\0", "x" * 5_000, "ü", "k=v", "*", "~"])
def test_foreign_versions_name_no_file_outside(store: SegmentStore, tmp_path: Path, version: str) -> None:
    """A version is foreign text: it is stored under a name of its own, inside the store."""
    segment = store.write_rows("income", version, rows([1]), 1)
    assert segment.version == version
    assert store.read_rows([segment]).time_ns.tolist() == [1]
    assert {p.name for p in tmp_path.iterdir()} == {"data [1]*?"}


def test_a_path_outside_the_store_is_refused(store: SegmentStore) -> None:
    """Even where the catalog names one."""
    segment = store.write_rows("income", "1", rows([1]), 1)
    for path in ("../x.parquet", "/etc/passwd", "", "predictions/../../x"):
        with pytest.raises(ValueError, match="not a path inside"):
            store.read_rows([replace(segment, path=path)])


# Prediction ids


def test_predictions_are_located_by_id(store: SegmentStore) -> None:
    """The event time of each id, -1 where no segment has it; rows of an exchange by `id/row`."""
    first = store.write_rows("income", "1", rows([30, 10, 20], ["c", "a", "b"]), 1)
    exchange = Rows(
        np.array([40, 40]), np.array(["d", "d"], object), np.array([0, 1], np.int32), np.full(2, 2, np.int32)
    )
    second = store.write_rows("income", "1", exchange, 1)
    found = store.locate([first, second], ["b", "d/1", "nobody", "d", "a"])
    assert found.tolist() == [20, 40, -1, -1, 10]


def test_an_id_that_came_twice_is_located_where_it_came_last(store: SegmentStore) -> None:
    """In one segment and over several."""
    segments = [store.write_rows("income", "1", rows(t, ["a"] * len(t)), 1) for t in ([5, 9], [7])]
    assert store.locate(segments, ["a"]).tolist() == [9]


def test_nothing_is_located_nowhere(store: SegmentStore) -> None:
    """No segments and no ids are answered."""
    segment = store.write_rows("income", "1", rows([1]), 1)
    assert store.locate([], ["a"]).tolist() == [-1]
    assert store.locate([segment], []).tolist() == []


# Labels


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


# Baselines


def test_a_baseline_keeps_the_order_of_its_file(store: SegmentStore) -> None:
    """Rows without times have no other order."""
    path = store.write_baseline("income", rows([0, 0, 0], ["c", "a", "b"], x=column([3, 1, 2], np.int64)), "ab12")
    read = store.read_baseline(path)
    assert read.columns["x"].values.tolist() == [3, 1, 2]
    assert read.id.tolist() == ["c", "a", "b"]


# Findings


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


# Records


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


# Compaction and deletion


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


def test_failures_are_rows_of_their_own(store: SegmentStore) -> None:
    """With how long they took; kept, joined and read as predictions are."""
    parts = [replace(rows([t], status=column([503], np.int64)), duration_ns=np.array([7], np.int64)) for t in (1, 2)]
    written = registered(*(store.write_rows("income", "1", part, 99, "failures") for part in parts))
    assert {segment.kind for segment in written} == {"failures"}
    (joined,) = registered(store.compact(written, 100))
    read = store.read_rows([joined])
    assert (joined.kind, joined.rows) == ("failures", 2)
    assert read.duration_ns is not None and read.duration_ns.tolist() == [7, 7]
    assert store.locate([], ["p1"]).tolist() == [-1]


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
