"""Tables spelled as JSON: a list of objects, `{"items": [...]}`, or one object a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from collectors.records.categories import canonical_category
from monitor.errors import Fault, InvalidInput

FAULTS_MAX = 20
"""Faults reported of one body; a body that is wrong everywhere needs no longer answer."""

_ROW = msgspec.json.Decoder()


def json_rows(data: bytes, source: str) -> Sequence[Any]:
    try:
        document = _ROW.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(Fault(source, str(error), "a JSON document")) from error
    if isinstance(document, dict) and set(document) == {"items"}:
        document = document["items"]
    if not isinstance(document, list):
        raise InvalidInput(Fault(source, f"a JSON {_kind(document)}", "a list of objects"))
    return document


def ndjson_rows(data: bytes, source: str) -> Iterator[Any]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield _ROW.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(Fault(f"{source}: line {number}", str(error), "a JSON object")) from error


def json_columns(rows: Iterable[Any], source: str) -> dict[str, Any]:
    """Columns in order of their first row. A field that a row lacks is missing there; rows count from 1."""
    columns: dict[str, list[Any]] = {}
    faults: list[Fault] = []
    n = 0
    for row in rows:
        n += 1
        if not isinstance(row, dict):
            faults.append(Fault(f"{source}: row {n}", f"a JSON {_kind(row)}", "an object"))
        else:
            for name, value in row.items():
                if _is_foreign(value):
                    faults.append(
                        Fault(f"{source}: row {n}: {name}", f"a JSON {_kind(value)}", "a scalar or a list of numbers")
                    )
                column = columns.setdefault(name, [])
                column.extend([None] * (n - 1 - len(column)))
                column.append(value)
        if len(faults) >= FAULTS_MAX:
            break
    if faults:
        raise InvalidInput(faults)
    return {name: _array(values + [None] * (n - len(values))) for name, values in columns.items()}


def _array(values: list[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {list}:
        return pa.chunked_array([pa.array(values, pa.list_(pa.float32()))])
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pa.chunked_array([pa.array(values, pa.int64())])
    if kinds and kinds <= {int, float}:
        return pa.chunked_array([pa.array([None if v is None else float(v) for v in values], pa.float64())])
    if kinds == {bool}:
        return pa.chunked_array([pa.array(values, pa.bool_())])
    # Scalars of several types are categories: each takes its one form.
    texts = [value if value is None or isinstance(value, str) else canonical_category(value) for value in values]
    return pa.chunked_array([pa.array([None if isinstance(t, list) else t for t in texts], pa.string())])


def _is_foreign(value: object) -> bool:
    if isinstance(value, list):
        return not all(type(item) in (int, float) for item in value)
    return isinstance(value, dict)


def _kind(value: object) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "null")
