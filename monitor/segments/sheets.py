"""Tables from users' files and request bodies: bytes of a known kind in, named Arrow columns out, or the reason why not.

Foreign bytes are hostile: a body is bounded in bytes after inflation, in cells and in columns before a value is read.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from monitor.errors import Fault, InvalidInput
from monitor.segments.json_sheets import json_columns, json_rows, ndjson_rows

Format = Literal["csv", "parquet", "json", "ndjson"]

BODY_BYTES_MAX = 256 * 1024 * 1024
"""Inflated size of one request body: a million labels are 30 MB as JSON; files of any size go through the command."""
CELLS_MAX = 100_000_000
"""Values of one body: what 256 MiB of CSV can hold. Parquet can declare more in a few bytes."""
COLUMNS_MAX = 10_000
"""Columns of one table: twice the features that a model may declare."""
CSV_BLOCK_BYTES = 16 * 1024 * 1024
"""The parser's unit, and so the longest row: a row of 10,000 long texts fits."""
HEADER_BYTES_MAX = 4 * 1024 * 1024
"""Where the header must end: 10,000 names of 400 bytes."""
FOUND_CHARS_MAX = 160
"""Length of what a fault quotes from a file or a library."""

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
}
_MEDIA_TYPES: dict[str, Format] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
}
_INDEX_COLUMN = "__index_level_"
"""Begins the names under which pandas stores a frame's index: not a column of the frame."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns by name, chunked Arrow arrays of one length. `textual`: each cell is a text whose type is to be inferred."""

    source: str
    columns: dict[str, Any]
    textual: bool

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def sheet_of_file(path: Path) -> Sheet:
    """The table in a file; its name or first bytes say of which kind it is. Raises InvalidInput."""
    source = str(path)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        kind = "parquet" if magic == _PARQUET else _SUFFIXES.get(Path(path.name.removesuffix(".gz")).suffix, "csv")
        compression = "gzip" if magic.startswith(_GZIP) else None
        if kind == "parquet":
            return _parquet(path, source, bounded=False)
        if kind == "csv":
            return _csv(lambda: pa.input_stream(source, compression=compression), source)
        with pa.input_stream(source, compression=compression) as stream:
            return _json(stream.read(), kind, source)
    except FileNotFoundError as error:
        raise InvalidInput(Fault(source, "no such file", "a CSV or Parquet file")) from error
    except IsADirectoryError as error:
        raise InvalidInput(Fault(source, "a directory", "a CSV or Parquet file")) from error
    except OSError as error:
        # Arrow reports damaged compression as an OSError too.
        raise InvalidInput(Fault(source, _quoted(error), "a readable CSV or Parquet file")) from error


def sheet_of_body(data: bytes, media_type: str, name: str) -> Sheet:
    """The table in a request body of this media type. Raises InvalidInput."""
    known = _MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower())
    if known is None:
        raise InvalidInput(Fault(name, f"the media type {_quoted(media_type)!r}", "one of " + ", ".join(_MEDIA_TYPES)))
    data = _inflated(data, name)
    if known == "parquet":
        try:
            return _parquet(pa.BufferReader(data), name, bounded=True)
        except OSError as error:  # so Arrow calls a damaged page
            raise InvalidInput(Fault(name, f"damaged Parquet ({_quoted(error)})", "a Parquet file")) from error
    sheet = _csv(lambda: pa.BufferReader(data), name) if known == "csv" else _json(data, known, name)
    if len(sheet) * len(sheet.columns) > CELLS_MAX:
        raise InvalidInput(
            Fault(name, f"{len(sheet)} rows of {len(sheet.columns)} columns", f"at most {CELLS_MAX} values")
        )
    return sheet


def _inflated(data: bytes, name: str) -> bytes:
    if data.startswith(_GZIP):
        inflater = zlib.decompressobj(wbits=31)
        try:
            data = inflater.decompress(data, BODY_BYTES_MAX + 1)
        except zlib.error as error:
            raise InvalidInput(Fault(name, f"damaged gzip ({error})", "a gzip stream")) from error
        if not inflater.eof and len(data) <= BODY_BYTES_MAX:
            raise InvalidInput(Fault(name, "a gzip stream that ends early", "a whole one"))
    if len(data) > BODY_BYTES_MAX:
        raise InvalidInput(Fault(name, f"more than {BODY_BYTES_MAX} bytes", "at most that"))
    return data


def _csv(open_stream: Callable[[], Any], source: str) -> Sheet:
    with open_stream() as stream:
        names, delimiter = _header(stream.read(HEADER_BYTES_MAX), source)
    try:
        table = _parsed(open_stream, names, delimiter, use_threads=True)
    except pa.ArrowInvalid:
        # Only one thread can count rows: read again for a message that names the row, the header being row 1.
        try:
            table = _parsed(open_stream, names, delimiter, use_threads=False)
        except pa.ArrowInvalid as error:
            raise InvalidInput(Fault(source, _quoted(error), "a CSV table")) from error
    table = table.rename_columns(_names(table.column_names, source))
    if len(table) == 0:
        raise InvalidInput(Fault(source, "a header without rows", "at least one row"))
    return Sheet(source, dict(zip(table.column_names, table.columns, strict=True)), textual=True)


def _parsed(open_stream: Callable[[], Any], names: Sequence[str], delimiter: str, *, use_threads: bool) -> Any:
    with open_stream() as stream:
        return pa.csv.read_csv(
            stream,
            pa.csv.ReadOptions(block_size=CSV_BLOCK_BYTES, use_threads=use_threads),
            pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            # Arrow would infer types from the first block only; every column is read as text and inferred whole.
            pa.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, null_values=[""], strings_can_be_null=True
            ),
        )


def _header(head: bytes, source: str) -> tuple[list[str], str]:
    """The header's names and the delimiter."""
    if not head.strip():
        raise InvalidInput(Fault(source, "an empty file", "a CSV table with a header"))
    if b"\0" in head[:65_536]:
        raise InvalidInput(Fault(source, "binary data", "CSV in UTF-8, or Parquet"))
    if head.lstrip()[:1] == b"{":
        raise InvalidInput(Fault(source, "JSON", "a CSV table with a header"))
    try:
        # The head may end in the middle of a character far behind the header.
        line = head.decode("utf-8-sig") if len(head) < HEADER_BYTES_MAX else head.decode("utf-8-sig", "ignore")
    except UnicodeDecodeError as error:
        raise InvalidInput(Fault(f"{source}: byte {error.start}", "text that is not UTF-8", "CSV in UTF-8")) from error
    first = line.split("\n", 1)[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    try:
        names = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InvalidInput(Fault(f"{source}: header", _quoted(error), "names of columns")) from error
    return names, delimiter


def _names(names: Sequence[str], source: str) -> list[str]:
    """Names of columns, each once; what has no name is called for its place."""
    if len(names) > COLUMNS_MAX:
        raise InvalidInput(Fault(source, f"{len(names)} columns", f"at most {COLUMNS_MAX}"))
    named = [name or f"unnamed_{i}" for i, name in enumerate(names)]
    twice = [name for name, times in Counter(named).items() if times > 1]
    if twice:
        raise InvalidInput(Fault(f"{source}: header", f"the column {_quoted(twice[0])!r} twice", "each name once"))
    return named


def _parquet(source_file: Any, source: str, *, bounded: bool) -> Sheet:
    try:
        with pq.ParquetFile(source_file, memory_map=not bounded) as file:
            rows, columns = file.metadata.num_rows, file.schema_arrow.names
            _check_size(file.metadata, source, bounded=bounded)
        names = [name for name in columns if not name.startswith(_INDEX_COLUMN)]
        # Read as dictionaries, one long text that fills a million rows takes its room once.
        table = pq.read_table(source_file, columns=names, read_dictionary=names, partitioning=None)
    except pa.ArrowException as error:
        raise InvalidInput(Fault(source, f"damaged Parquet ({_quoted(error)})", "a Parquet file")) from error
    if rows == 0 or not names:
        raise InvalidInput(Fault(source, f"{rows} rows of {len(names)} columns", "at least one row and one column"))
    names = _names(table.column_names, source)
    return Sheet(source, dict(zip(names, table.columns, strict=True)), textual=False)


def _check_size(metadata: Any, source: str, *, bounded: bool) -> None:
    inflated = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)) if bounded else 0
    if bounded and (metadata.num_rows * metadata.num_columns > CELLS_MAX or inflated > BODY_BYTES_MAX):
        found = f"{metadata.num_rows} rows of {metadata.num_columns} columns, {inflated} bytes"
        raise InvalidInput(Fault(source, found, f"at most {CELLS_MAX} values in {BODY_BYTES_MAX} bytes"))


def _json(data: bytes, kind: Format, source: str) -> Sheet:
    rows: Iterator[Any] | Sequence[Any] = json_rows(data, source) if kind == "json" else ndjson_rows(data, source)
    columns = json_columns(rows, source)
    _names(list(columns), source)
    if not columns:
        raise InvalidInput(Fault(source, "no rows", "at least one row"))
    return Sheet(source, columns, textual=False)


def _quoted(found: object) -> str:
    """What a fault shows of a foreign text or a library's message: one bounded line without control characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(found)).split())
    return line if len(line) <= FOUND_CHARS_MAX else line[: FOUND_CHARS_MAX - 3] + "..."
