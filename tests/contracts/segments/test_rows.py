"""What every SegmentStore keeps of rows, of baselines, and of where a prediction is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.ports import SegmentStore
from monitor.tiles.rows import Column, Rows
from tests.contracts.segments.stored import column, registered, rows, shown


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


def test_a_baseline_keeps_the_order_of_its_file(store: SegmentStore) -> None:
    """Rows without times have no other order."""
    path = store.write_baseline("income", rows([0, 0, 0], ["c", "a", "b"], x=column([3, 1, 2], np.int64)), "ab12")
    read = store.read_baseline(path)
    assert read.columns["x"].values.tolist() == [3, 1, 2]
    assert read.id.tolist() == ["c", "a", "b"]
