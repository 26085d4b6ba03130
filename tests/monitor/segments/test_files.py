"""Users' tables as rows and labels: what is read, and what is refused with its place."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.errors import InvalidInput
from monitor.segments import sheets
from monitor.segments.files import labels_from_bytes, read_labels, read_rows, rows_from_bytes
from monitor.tiles.rows import Column, Rows

Write = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(content: bytes | str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def parquet(table: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), sink)
    return sink.getvalue()


def shown(of: Column) -> list[Any]:
    missing = np.zeros(len(of), np.bool_) if of.missing is None else of.missing
    return [None if gone else value for value, gone in zip(of.values.tolist(), missing, strict=True)]


def only(rows: Rows) -> list[Any]:
    (column,) = rows.columns.values()
    return shown(column)


def plain(path: Path) -> Rows:
    return read_rows(path, time=None, id=None)


# CSV


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2"], [1, 2]),
        (["1", ""], [1, None]),
        (["1", "2.5"], [1.0, 2.5]),
        (["1.5", "inf"], [1.5, float("inf")]),
        (["99999999999999999999", "1"], [1e20, 1.0]),
        (["True", "false"], [True, False]),
        (["true", ""], [True, None]),
        (["1", "not a number"], ["1", "not a number"]),
        (["1", "NA"], [1, None]),
        (["a", "NA"], ["a", "NA"]),
        (["NA", ""], [None, None]),
        (["", ""], [None, None]),
        (["007", "1"], ["007", "1"]),
        (["0x1F", "1"], ["0x1F", "1"]),
        (["0", "-0.5"], [0.0, -0.5]),
        (['"a,b"', '"say ""x"""'], ["a,b", 'say "x"']),
        (['"two\nlines"', "b"], ["two\nlines", "b"]),
        (["größe", "b"], ["größe", "b"]),
    ],
)
def test_the_kind_of_a_column_comes_from_all_of_its_cells(file: Write, cells: list[str], values: list[Any]) -> None:
    """Numbers where every cell is one, texts otherwise; an empty cell is missing."""
    path = file("k,x\n" + "".join(f"1,{cell}\n" for cell in cells))
    found = shown(plain(path).columns["x"])
    assert [(type(v), v) for v in found] == [(type(v), v) for v in values]


def test_a_number_that_is_none_stays_one(file: Write) -> None:
    """nan among numbers is a value that is not a number, not a missing one."""
    column = plain(file("k,x\n1,nan\n1,2\n")).columns["x"]
    assert column.missing is None
    assert np.isnan(column.values.astype(float)).tolist() == [True, False]


def test_a_text_far_down_makes_the_column_text(file: Write) -> None:
    """The kind does not depend on where in the file a cell stands."""
    rows = plain(file("k,x\n" + "1,5\n" * 300_000 + "1,five\n"))
    assert rows.columns["x"].values[[0, -1]].tolist() == ["5", "five"]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_delimiters_are_seen_in_the_header(file: Write, mark: str) -> None:
    """Semicolons and tabs, as spreadsheets write them."""
    rows = plain(file(f"a{mark}b\n1{mark}2,5\n"))
    assert {name: shown(c) for name, c in rows.columns.items()} == {"a": [1], "b": ["2,5"]}


def test_gzip_and_byte_order_marks_are_read(file: Write) -> None:
    """A compressed file, whatever its name, and the mark that some tools write."""
    rows = plain(file(gzip.compress(b"\xef\xbb\xbfa,b\n1,2\n", mtime=0), "table.dat"))
    assert {name: shown(c) for name, c in rows.columns.items()} == {"a": [1], "b": [2]}


def test_a_column_without_a_name_is_called_for_its_place(file: Write) -> None:
    """As pandas writes an index."""
    assert list(plain(file(",a\n0,1\n")).columns) == ["unnamed_0", "a"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "an empty file"),
        (b"\n\n", "an empty file"),
        (b"a,b\n", "a header without rows"),
        (b"\x00\xff\xfe\x00binary\n\x9c", "binary data"),
        (b'{"not": "a table"}', "JSON"),
        (b"a,b\n1\n1,2,3\n", "Row #2: Expected 2 columns, got 1"),
        (b"a,a\n1,2\n", "the column 'a' twice"),
        (b"a\n\xff\xfe\xfa\n", "text that is not UTF-8"),
        ("a\nü\n".encode("utf-16"), "binary data"),
        (b"\x1f\x8bnot gzip", "zlib"),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-20], "found"),
        (b"PAR1 not parquet", "damaged Parquet"),
        (("a," * 20_000 + "b\n" + "1," * 20_000 + "2\n").encode(), "20001 columns"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_names_it(file: Write, content: bytes, what: str) -> None:
    """Whatever is wrong: the file, what was found, what was expected."""
    path = file(content, "broken.csv")
    with pytest.raises(InvalidInput) as refused:
        plain(path)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert what in message
    assert "\n" not in message
    assert len(message) < 600


@pytest.mark.parametrize(("name", "what"), [("absent.csv", "no such file"), ("", "a directory")])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, what: str) -> None:
    """An absent file and a directory."""
    with pytest.raises(InvalidInput, match=what):
        plain(tmp_path / name)


@pytest.mark.parametrize("seed", range(30))
def test_damaged_files_are_read_or_refused(file: Write, seed: int) -> None:
    """Bytes cut, replaced and repeated never raise anything but InvalidInput."""
    rng = np.random.default_rng(seed)
    good = [
        b"time,x,y\n2024-01-01,1,a\n2024-01-02,2,b\n" * 3,
        parquet({"time": [1, 2], "x": ["a", None], "v": [[1.0], [2.0]]}),
        gzip.compress(b"time,x\n1,2\n3,4\n", mtime=0),
    ][seed % 3]
    for _ in range(20):
        data = bytearray(good)
        for at in rng.integers(0, len(data), 3):
            data[at] = rng.integers(0, 256)
        cut = bytes(data[: rng.integers(1, len(data) + 1)])
        for time in (None, "time"):
            try:
                read_rows(file(cut), time=time, id=None)
            except InvalidInput:
                continue


# Parquet


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([1, None], pa.int8()), [1, None]),
        (pa.array([1, 2**63], pa.uint64()), [1.0, 2.0**63]),
        (pa.array([1.5, None], pa.float32()), [1.5, None]),
        (pa.array([1.5, 2.0]).cast(pa.decimal128(5, 2)), [1.5, 2.0]),
        (pa.array([True, None]), [True, None]),
        (pa.array(["a", None]), ["a", None]),
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([3, None]).dictionary_encode(), [3, None]),
        (pa.array([None, None]), [None, None]),
        (pa.array([None, None], pa.string()), [None, None]),
        (pa.array([b"a\xff", None]), ["a\\xff", None]),
        (pa.array([[1, 2], None]), [[1.0, 2.0], None]),
        (pa.array([[1, 2], [3]]), ["[1, 2]", "[3]"]),
        (pa.array([["a"], None]), ['["a"]', None]),
        (pa.array([{"a": 1}, None]), ['{"a": 1}', None]),
        (pa.array([10**9, None], pa.timestamp("us", "Europe/Paris")), [10**12, None]),
        (pa.array([2**50], pa.timestamp("ms")), [2**50 // 1000]),
        (pa.array([1, 2], pa.date32()), [86_400 * 10**9, 2 * 86_400 * 10**9]),
        (pa.array([1, 2], pa.duration("s")), [1, 2]),
        (pa.array([1, None], pa.time32("s")), ["00:00:01", None]),
    ],
)
def test_every_type_of_parquet_has_a_kind(file: Write, array: Any, values: list[Any]) -> None:
    """Numbers, texts, vectors; what is none of them is text."""
    assert only(plain(file(parquet({"x": array}), "x.parquet"))) == values


def test_a_frame_of_pandas_is_read_without_its_index(file: Write) -> None:
    """Its NaN is missing, as pandas means it."""
    frame = pd.DataFrame({"x": [1.5, np.nan]}, index=[7, 9])
    sink = io.BytesIO()
    frame.to_parquet(sink)
    rows = plain(file(sink.getvalue(), "x.parquet"))
    assert list(rows.columns) == ["x"]
    assert only(rows) == [1.5, None]


def test_parquet_without_rows_is_refused(file: Write) -> None:
    """As a CSV with nothing but a header."""
    with pytest.raises(InvalidInput, match="0 rows of 1 columns"):
        plain(file(parquet({"x": pa.array([], pa.int64())}), "x.parquet"))


# Times and ids

NEW_YEAR = 1_704_067_200 * 10**9


@pytest.mark.parametrize(
    ("cells", "times"),
    [
        (["2024-01-01", "2024-01-01T00:00:00.5"], [NEW_YEAR, NEW_YEAR + 5 * 10**8]),
        (["2024-01-01 01:00:00+01:00", "2024-01-01T00:00:00Z"], [NEW_YEAR, NEW_YEAR]),
        (["2024-01-01T00:00:00.123456789", "2024-01-01"], [NEW_YEAR + 123_456_789, NEW_YEAR]),
        (["1704067200", "1704067201"], [NEW_YEAR, NEW_YEAR + 10**9]),
        (["1704067200.25", "0"], [NEW_YEAR + 25 * 10**7, 0]),
        (["1704067200001", "1704067200000"], [NEW_YEAR + 10**6, NEW_YEAR]),
        (["2024-01-01T09:00:00+09:00", "2024-01-01T00:00:00", "2024-01-01"], [NEW_YEAR] * 3),
        (["1704067200000001", "1704067200000000"], [NEW_YEAR + 1000, NEW_YEAR]),
        (["1704067200000000001", "1704067200000000000"], [NEW_YEAR + 1, NEW_YEAR]),
    ],
)
def test_times_are_read_as_they_are_spelled(file: Write, cells: list[str], times: list[int]) -> None:
    """ISO 8601 with and without zone, and epoch numbers of every usual unit."""
    path = file("t,x\n" + "".join(f"{cell},1\n" for cell in cells))
    rows = read_rows(path, time="t", id=None)
    assert rows.time_ns.tolist() == times
    assert rows.time_ns.dtype == np.int64
    assert list(rows.columns) == ["x"]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([NEW_YEAR // 10**9] * 2, pa.timestamp("s")),
        pa.array([NEW_YEAR // 10**3] * 2, pa.timestamp("us", "America/New_York")),
        pa.array([NEW_YEAR // 10**9 // 86_400] * 2, pa.date32()),
        pa.array([NEW_YEAR] * 2, pa.int64()),
        pa.array([NEW_YEAR / 1e9] * 2, pa.float64()),
        pa.array(["2024-01-01"] * 2),
        pa.array(["2024-01-01"] * 2).dictionary_encode(),
    ],
)
def test_times_of_parquet_are_read(file: Write, array: Any) -> None:
    """Instants of any unit and zone, dates, numbers and texts."""
    assert read_rows(file(parquet({"t": array}), "x.parquet"), time="t", id=None).time_ns.tolist() == [NEW_YEAR] * 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("x\n1\n", "no column 't' (but x)"),
        ("t,x\n2024-01-01,1\nyesterday,1\nnever,1\n", "t: row 2: found 'yesterday' (and 1 more rows)"),
        ("t,x\n2024-01-01,1\n,1\n", "t: row 2: found nothing"),
        ("t,x\n1,1\n,1\n", "t: row 2: found nothing"),
        ("t,x\n1,1\nnan,1\n", "t: row 2"),
        ("t,x\n1,1\n1e300,1\n", "t: row 2"),
        ("t,x\n9999-01-01,1\n", "t: row 1"),
        ("t,x\ntrue,1\n", "t: row 1"),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_with_its_row(file: Write, content: str, what: str) -> None:
    """The file, the column and the first bad row."""
    path = file(content)
    with pytest.raises(InvalidInput) as refused:
        read_rows(path, time="t", id=None)
    assert what in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    "array",
    [pa.array([None], pa.timestamp("s")), pa.array([2**40], pa.timestamp("s")), pa.array([True]), pa.array([[1.0]])],
)
def test_a_column_of_parquet_that_holds_no_times_is_refused(file: Write, array: Any) -> None:
    """Nulls, times beyond nanoseconds, other types."""
    with pytest.raises(InvalidInput, match="t"):
        read_rows(file(parquet({"t": array}), "x.parquet"), time="t", id=None)


@pytest.mark.parametrize(
    ("rate", "times"),
    [(1, [5, 10**9 + 5, 2 * 10**9 + 5]), (0.5, [5, 2 * 10**9 + 5, 4 * 10**9 + 5]), (3, [5, 333_333_338, 666_666_671])],
)
def test_a_rate_makes_times(file: Write, rate: float, times: list[int]) -> None:
    """Row i happens i / rate seconds after the start."""
    path = file("x\n1\n2\n3\n")
    assert read_rows(path, time=None, id=None, rate=rate, start_ns=5).time_ns.tolist() == times


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(file: Write, rate: float) -> None:
    """More than nothing, less than infinity."""
    with pytest.raises(InvalidInput, match="rate"):
        read_rows(file("x\n1\n"), time=None, id=None, rate=rate)


def test_a_time_column_and_a_rate_are_one_too_many(file: Write) -> None:
    """Which one counts would be a guess."""
    with pytest.raises(InvalidInput, match="one of them"):
        read_rows(file("t\n1\n"), time="t", id=None, rate=1)


def test_without_times_the_order_of_the_file_stays(file: Write) -> None:
    """Canonical order is the file's order, with eleven rows too."""
    rows = plain(file("x\n" + "".join(f"{i}\n" for i in range(11))))
    assert rows.in_canonical_order().columns["x"].values.tolist() == list(range(11))


def test_ids_are_texts(file: Write) -> None:
    """As they are spelled; a row without one, or a file without the column, gets its number."""
    path = file("prediction_id,x\n007,1\n,2\n1.0,3\n")
    assert read_rows(path, time=None, id="prediction_id").prediction_ids() == ["007", "row-2", "1.0"]
    assert plain(path).prediction_ids() == ["row-1", "row-2", "row-3"]
    assert read_rows(file("x\n1\n"), time=None, id="prediction_id").prediction_ids() == ["row-1"]


def test_ids_of_parquet_are_spelled_like_categories(file: Write) -> None:
    """17 and 17.0 are the prediction 17."""
    for array in (pa.array([17]), pa.array([17.0]), pa.array(["17"])):
        rows = read_rows(file(parquet({"i": array, "x": [1]}), "x.parquet"), time=None, id="i")
        assert rows.prediction_ids() == ["17"]


# Labels


def test_labels_are_read_with_their_ids(file: Write) -> None:
    """Plain Python values; a row without a label is left out."""
    found = read_labels(file("prediction_id,y,z\n007,1,a\nb,,b\nc,0,c\n"), "prediction_id", "y")
    assert found.id.tolist() == ["007", "c"] and found.known_ns is None
    assert [(type(v), v) for v in found.value] == [(int, 1), (int, 0)]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("id,y\n1,1\n", "no column 'prediction_id'"),
        ("prediction_id,z\n1,1\n", "no column 'y'"),
        ("prediction_id,y\n1,1\n,2\n", "prediction_id: row 2: found nothing"),
    ],
)
def test_labels_without_an_id_or_a_label_are_refused(file: Write, content: str, what: str) -> None:
    """The file and the place."""
    with pytest.raises(InvalidInput, match=what):
        read_labels(file(content), "prediction_id", "y")


# Bodies


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b'[{"prediction_id": "a", "y": 1}, {"prediction_id": 2, "y": 0}]'),
        (
            "application/json; charset=utf-8",
            b'{"items": [{"prediction_id": "a", "y": 1}, {"prediction_id": 2, "y": 0}]}',
        ),
        ("application/x-ndjson", b'{"prediction_id": "a", "y": 1}\n\n{"prediction_id": 2, "y": 0}\n'),
        ("text/csv", b"prediction_id,y\na,1\n2,0\n"),
        ("text/csv", gzip.compress(b"prediction_id,y\na,1\n2,0\n", mtime=0)),
        ("application/vnd.apache.parquet", parquet({"prediction_id": ["a", "2"], "y": [1, 0]})),
    ],
)
def test_labels_come_in_every_media_type(media_type: str, body: bytes) -> None:
    """The same labels, whichever way they are spelled."""
    found = labels_from_bytes(body, media_type, "labels", "prediction_id", "y", None, demanded=False)
    assert found.id.tolist() == ["a", "2"]
    assert found.value.tolist() == [1, 0]


def test_json_fields_become_columns() -> None:
    """A field that a row lacks is missing; scalars of several types are categories; lists are vectors."""
    body = b'[{"a": 1, "b": true}, {"a": 2.5, "c": "x", "v": [1, 2]}, {"b": null, "c": 17, "v": [3, 4], "d": 18446744073709551616}]'
    rows = rows_from_bytes(body, "application/json", "rows")
    assert {name: shown(c) for name, c in rows.columns.items()} == {
        "a": [1.0, 2.5, None],
        "b": [True, None, None],
        "c": [None, "x", "17"],
        "v": [None, [1.0, 2.0], [3.0, 4.0]],
        "d": [None, None, 18446744073709551616.0],
    }


@pytest.mark.parametrize(
    ("media_type", "body", "what"),
    [
        ("application/json", b'[{"a": {}}, 3, {"a": ["x"]}]', ["row 1: a", "row 2", "row 3: a"]),
        ("application/json", b'{"a": 1}', ["a JSON object"]),
        ("application/json", b"[]", ["no rows"]),
        ("application/json", b"[{}]", ["no rows"]),
        ("application/json", b'[{"a": 1}', ["JSON document"]),
        ("application/json", b"[" * 100_000, ["JSON document"]),
        ("application/json", b'[{"a": "\xff"}]', ["JSON document"]),
        ("application/x-ndjson", b'{"a": 1}\nnot json\n', ["line 2"]),
        ("text/csv", b"", ["an empty file"]),
        ("application/x-parquet", b"PAR1", ["damaged Parquet"]),
        ("image/png", b"x", ["the media type 'image/png'", "text/csv"]),
        ("text/csv", gzip.compress(b"a\n1\n" * 99, mtime=0)[:-9], ["ends early"]),
        ("text/csv", b"\x1f\x8bno gzip", ["damaged gzip"]),
    ],
)
def test_a_bad_body_is_refused_with_every_place(media_type: str, body: bytes, what: list[str]) -> None:
    """The body's name and all faults at once."""
    with pytest.raises(InvalidInput) as refused:
        rows_from_bytes(body, media_type, "rows")
    assert all(part in str(refused.value) for part in ["rows", *what])


def test_a_body_that_is_wrong_everywhere_is_answered_shortly() -> None:
    """A bound on the faults, not on the body."""
    with pytest.raises(InvalidInput) as refused:
        rows_from_bytes(b"[" + b"1," * 5_000 + b"1]", "application/json", "rows")
    assert len(refused.value.faults) == 20


def test_a_body_that_inflates_beyond_its_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed, in many columns, or declared by Parquet in a few bytes."""
    monkeypatch.setattr(sheets, "BODY_BYTES_MAX", 10_000)
    monkeypatch.setattr(sheets, "CELLS_MAX", 1_000)
    for media_type, body in (
        ("text/csv", gzip.compress(b"a\n" + b"1\n" * 10_000, mtime=0)),
        ("text/csv", b"a\n" + b"1\n" * 2_000),
        ("application/x-parquet", parquet({"x": np.zeros(5_000, np.int8)})),
    ):
        with pytest.raises(InvalidInput, match="at most"):
            rows_from_bytes(body, media_type, "rows")
