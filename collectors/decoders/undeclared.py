"""JSON values whose names, shapes and types nobody declared, as tensors whose first axis is the rows.

What was sent decides, and nothing is lost: numbers are INT64 where all of a tensor are written without a point, else
FP64; true and false BOOL; texts and `{"b64": …}` BYTES; null is missing. Rows that are objects become one tensor per key
(`outer.inner` for objects in objects), rows that are lists one tensor of their shape, or one per position (`name_0`,
`name_1`, …) where positions differ in type. Rows that fit no tensor, such as lists of different lengths, are kept as
their JSON texts.

A list of numbers, which is nearly all traffic, never becomes Python objects as a whole: its shape is read off its
brackets and commas, and its elements are packed piece by piece.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Literal

import msgspec

from collectors.decoders.decoder import ROWS_MAX, TENSORS_MAX, Undecodable
from collectors.decoders.elements import RANK_MAX, tensor_from_json, tensor_of
from collectors.decoders.json_bodies import read_json
from collectors.records.types import ITEM_BYTES, Datatype, Tensor

INPUT, OUTPUT = "input", "output"
"""What a tensor is called that nobody named: the same in every API, so that another way to ask makes the same columns."""

ELEMENTS_MAX = 1_000_000
"""Values of one body that are not plain numbers; each costs a Python object."""

CELLS_MAX = 4_000_000
"""Rows times keys: rows with different keys may ask for many more cells than they have values."""

DEPTH_MAX = 8
"""How deep objects in objects become names of their own; deeper ones are texts."""

_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_NOT_STRUCTURE = bytes(sorted(set(range(256)) - set(b"[],")))
_DIGIT = re.compile(rb"[0-9]")
_NONFINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_WIDTH_CODES: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}


def tensors_from_json(name: str, raw: bytes, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """How many rows a JSON value has, and its tensors: a list has its elements as rows, anything else is one row."""
    if raw[:1] == b"[" and b'"' not in raw and b"{" not in raw:
        tensor = _plain_numbers(name, raw, where)
        if tensor is not None:
            check_rows(tensor.shape[0], where)
            return tensor.shape[0], (tensor,)
    value = value_from_json(raw, where)
    rows = value if isinstance(value, list) else [value]
    return len(rows), tensors_from_rows(name, rows, where)


def value_from_json(raw: bytes | bytearray, where: str) -> Any:
    """A JSON value as Python objects, as long as they are not too many. Raises Undecodable."""
    check_elements(raw, where)
    return read_json(_ANY, raw, where)


def check_elements(raw: bytes | bytearray, where: str) -> None:
    """Raises Undecodable where a body would become too many Python objects."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > ELEMENTS_MAX:
        raise Undecodable("record_too_large", where, f"found more than {ELEMENTS_MAX} values")


def tensors_from_rows(name: str, rows: Sequence[object], where: str) -> tuple[Tensor, ...]:
    """The tensors of rows given as Python objects; `name` is for rows that have no names of their own."""
    check_rows(len(rows), where)
    if _all_objects(rows):
        return tuple(_from_objects("", rows, where, 1, _Room()))
    return _from_values(name, rows)


def _from_values(name: str, rows: Sequence[object]) -> tuple[Tensor, ...]:
    """Rows that are no objects, or not all."""
    shape, values = _flattened(rows)
    if any(isinstance(value, list | dict) for value in values):
        return (tensor_of(name, (len(rows),), [_text(row) for row in rows], "BYTES"),)
    tensor = _homogeneous(name, shape, values)
    if tensor is not None:
        return (tensor,)
    if len(shape) == 2 and shape[1] <= TENSORS_MAX:
        return tuple(_column(f"{name}_{i}", values[i :: shape[1]]) for i in range(shape[1]))
    return (tensor_of(name, (len(rows),), [_text(row) for row in rows], "BYTES"),)


def split_columns(tensor: Tensor, names: Sequence[str]) -> tuple[Tensor, ...]:
    """One tensor per column of a matrix, where there are as many names; else the tensor as it is."""
    if len(tensor.shape) != 2 or tensor.shape[1] != len(names) or not len(names) <= TENSORS_MAX:
        return (tensor,)
    rows, columns = tensor.shape
    missing: list[list[int]] = [[] for _ in names]
    for position in tensor.missing:
        missing[position % columns].append(position // columns)
    if tensor.datatype == "BYTES":
        return tuple(
            Tensor(
                name=each, shape=(rows,), datatype="BYTES", items=tensor.items[i::columns], missing=tuple(missing[i])
            )
            for i, each in enumerate(names)
        )
    elements = memoryview(tensor.data).cast(_WIDTH_CODES[ITEM_BYTES[tensor.datatype]])
    return tuple(
        Tensor(
            name=each,
            shape=(rows,),
            datatype=tensor.datatype,
            data=elements[i::columns].tobytes(),
            missing=tuple(missing[i]),
        )
        for i, each in enumerate(names)
    )


def tensors_from_columns(columns: Mapping[str, object], where: str) -> tuple[Tensor, ...]:
    """The tensors of values by name, each a list of its rows; what is no list is one row."""
    if len(columns) > TENSORS_MAX:
        raise Undecodable("record_too_large", where, f"found {len(columns)} columns")
    tensors: list[Tensor] = []
    for name, column in columns.items():
        rows = column if isinstance(column, list) else [column]
        nested = _all_objects(rows)
        tensors += tensors_from_rows(name, [{name: row} for row in rows] if nested else rows, f"{where}.{name[:40]}")
    if len(tensors) > TENSORS_MAX:
        raise Undecodable("record_too_large", where, f"found {len(tensors)} tensors")
    return tuple(tensors)


def check_cells(cells: int, where: str) -> None:
    """Raises Undecodable where rows of different sizes, filled up, would be too many values."""
    if cells > CELLS_MAX:
        raise Undecodable("record_too_large", where, f"found {cells} cells")


def check_rows(rows: int, where: str) -> None:
    """Raises Undecodable where there are too many."""
    if rows > ROWS_MAX:
        raise Undecodable("record_too_large", where, f"found {rows} rows")


def _plain_numbers(name: str, raw: bytes, where: str) -> Tensor | None:
    """A list of numbers, or of true and false, nested to a shape; None where it is not that."""
    shape = _shape_of(raw)
    spelled = b"t" in raw or b"f" in raw
    if shape is None or (spelled == bool(_DIGIT.search(raw)) and 0 not in shape):
        return None
    datatype: Datatype = "BOOL" if spelled else "INT64"
    if not spelled and (b"." in raw or b"e" in raw or b"E" in raw):
        datatype = "FP64"
    try:
        return tensor_from_json(name, shape, datatype, raw, where)
    except Undecodable as error:
        if error.reason == "record_too_large":
            raise
        return None


def _shape_of(raw: bytes) -> tuple[int, ...] | None:
    """The shape of nested lists of numbers, from the innermost list outwards; None where they are ragged."""
    structure = raw.translate(None, _NOT_STRUCTURE)
    depth = len(structure) - len(structure.lstrip(b"["))
    opened = structure.count(b"[")
    shape: list[int] = []
    while structure and len(shape) < min(depth, RANK_MAX):
        end = structure.find(b"]")
        start = structure.rfind(b"[", 0, max(end, 0))
        if start < 0:
            return None
        innermost = structure[start : end + 1]
        empty = not shape and len(innermost) == 2 and not raw.translate(None, b"[], \t\r\n")
        shape.insert(0, 0 if empty else len(innermost) - 1)
        structure = structure.replace(innermost, b"")
    lists = expected = 1
    for size in shape[:-1]:
        lists *= size
        expected += lists
    return tuple(shape) if not structure and opened == expected else None


def _all_objects(rows: Sequence[object]) -> bool:
    return any(map(_is_object, rows)) and all(row is None or _is_object(row) for row in rows)


def _is_object(value: object) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value: dict[str, object]) -> bool:
    return len(value) == 1 and isinstance(value.get("b64"), str)


class _Room:
    """How many cells and tensors one value may still become."""

    def __init__(self) -> None:
        self.cells, self.tensors = CELLS_MAX, TENSORS_MAX

    def take(self, cells: int, where: str) -> None:
        self.cells -= cells
        self.tensors -= 1
        if self.cells < 0 or self.tensors < 0:
            raise Undecodable("record_too_large", where, "found too many keys in too many rows")


def _from_objects(prefix: str, rows: Sequence[Any], where: str, depth: int, room: _Room) -> list[Tensor]:
    tensors: list[Tensor] = []
    for key in dict.fromkeys(chain.from_iterable(row for row in rows if row is not None)):
        room.take(len(rows), where)
        values = [None if row is None else row.get(key) for row in rows]
        name = f"{prefix}.{key}" if prefix else key
        if depth < DEPTH_MAX and _all_objects(values):
            tensors += _from_objects(name, values, where, depth + 1, room)
        else:
            tensors += _from_values(name, values)
    return tensors


def _flattened(rows: Sequence[object]) -> tuple[tuple[int, ...], list[Any]]:
    """Shape and values as far as all rows agree: lists of one length open, one level after the other."""
    shape: list[int] = [len(rows)]
    values: list[Any] = list(rows)
    while any(isinstance(value, list) for value in values) and len(shape) < RANK_MAX:
        sizes = {len(value) if isinstance(value, list) else -1 for value in values if value is not None}
        size = sizes.pop()
        if sizes or size < 0 or size * len(values) > CELLS_MAX:
            break
        shape.append(size)
        values = list(chain.from_iterable([None] * size if value is None else value for value in values))
    return tuple(shape), [_decoded(value) if isinstance(value, dict) else value for value in values]


def _decoded(value: dict[str, Any]) -> object:
    """The bytes of `{"b64": …}`; what is not base64 stays what it is."""
    if not _is_base64(value):
        return value
    try:
        return a2b_base64(value["b64"], strict_mode=True)
    except (Base64Error, ValueError):
        return value


def _homogeneous(name: str, shape: tuple[int, ...], values: Sequence[Any]) -> Tensor | None:
    """One tensor, where the values are of one type; None where they are not."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {str, bytes} and (not kinds or not set(values) <= _NONFINITE.keys() | {None}):
        return tensor_of(name, shape, values, "BYTES" if kinds else "BOOL")
    if kinds == {bool}:
        return tensor_of(name, shape, values, "BOOL")
    if kinds == {int}:
        low, high = (bound(value for value in values if value is not None) for bound in (min, max))
        if low >= -(2**63) and high < 2**63:
            return tensor_of(name, shape, values, "INT64")
        return tensor_of(name, shape, values, "UINT64" if low >= 0 and high < 2**64 else "FP64")
    if kinds <= {int, float, str} and all(value in _NONFINITE for value in values if isinstance(value, str)):
        return tensor_of(name, shape, [_NONFINITE.get(v, v) if isinstance(v, str) else v for v in values], "FP64")
    return None


def _column(name: str, values: Sequence[Any]) -> Tensor:
    found = _homogeneous(name, (len(values),), values)
    return found if found is not None else tensor_of(name, (len(values),), [_text(value) for value in values], "BYTES")


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
