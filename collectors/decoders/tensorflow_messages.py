"""TensorFlow's values from the bytes of Protocol Buffers: `TensorProto`, and the features of `Example`.

A tensor's elements are raw in `tensor_content`, or typed in a list that depends on the datatype. A typed list may be
shorter than the shape: its last value stands for all that follow, and no value at all for zeros, as TensorFlow reads it.
A shape of unknown rank leaves the elements in a row. Half-precision numbers come as integers that hold their 16 bits.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from collectors.decoders.decoder import Undecodable
from collectors.decoders.elements import (
    ITEMS_MAX,
    SIZE_MAX,
    TENSOR_BYTES_MAX,
    checked_shape,
    tensor_from_raw,
)
from collectors.decoders.json_bodies import not_protocol
from collectors.decoders.protobuf import (
    BYTES,
    FIXED32,
    VARINT,
    Allowance,
    Field,
    MalformedProtobuf,
    fields,
    signed,
    varint_count,
    varints,
)
from collectors.decoders.undeclared import check_cells
from collectors.records.packing import pack
from collectors.records.types import ITEM_BYTES, Datatype, Tensor

_DATATYPES: dict[int, Datatype] = {
    1: "FP32",
    2: "FP64",
    3: "INT32",
    4: "UINT8",
    5: "INT16",
    6: "INT8",
    7: "BYTES",
    9: "INT64",
    10: "BOOL",
    14: "BF16",
    17: "UINT16",
    19: "FP16",
    22: "UINT32",
    23: "UINT64",
}
"""TensorFlow's numbers of datatypes; complex, quantised and opaque ones have no column to go to."""

_VALUES: dict[Datatype, int] = {
    "FP32": 5,
    "FP64": 6,
    "INT32": 7,
    "INT16": 7,
    "INT8": 7,
    "UINT8": 7,
    "UINT16": 7,
    "BYTES": 8,
    "INT64": 10,
    "BOOL": 11,
    "FP16": 13,
    "BF16": 13,
    "UINT32": 16,
    "UINT64": 17,
}
"""The field that holds the typed elements of a datatype."""

_TYPED = frozenset(_VALUES.values())
_CARRIED_AS: dict[Datatype, Datatype] = {"FP16": "UINT16", "BF16": "UINT16"}


@dataclass(slots=True)
class _Proto:
    """A TensorProto with its elements still unread; `shape` is None where its rank is unknown."""

    dtype: int = 0
    shape: list[int] | None = field(default_factory=list)
    content: bytes = b""
    typed: list[Field] = field(default_factory=list)


def tensor_of_proto(name: str, message: bytes, allowance: Allowance, where: str) -> Tensor:
    """Read a TensorProto. Raises Undecodable and MalformedProtobuf."""
    proto = _proto(message, allowance)
    datatype = _DATATYPES.get(proto.dtype)
    if datatype is None:
        raise Undecodable("datatype_unknown", f"{where}.dtype", f"found DataType {proto.dtype}")
    typed = [each for each in proto.typed if each[0] == _VALUES[datatype]]
    shape = None if proto.shape is None else checked_shape(proto.shape, f"{where}.tensor_shape")
    if datatype == "BYTES":
        texts = [value for _, _, value in typed if isinstance(value, bytes)]
        return _texts(name, texts, proto.content, shape, where)
    width = ITEM_BYTES[datatype]
    data = proto.content or _packed(typed, datatype, where)
    if shape is None:
        shape = (len(data) // width,)
    elif not proto.content:
        data = _filled(data, width, math.prod(shape), where)
    return tensor_from_raw(name, shape, datatype, data, where)


@dataclass(slots=True)
class _Feature:
    """One feature of all examples: `values[i]` are the packed elements, or the texts, of example i."""

    kind: int = 0
    values: dict[int, Sequence[bytes]] = field(default_factory=dict)


_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3
_KINDS: dict[int, Datatype] = {_BYTES_LIST: "BYTES", _FLOAT_LIST: "FP32", _INT64_LIST: "INT64"}


def examples_of_input(message: bytes, allowance: Allowance, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """Rows and tensors of an `Input`: its examples, each with the features of the context it may have.

    A tensor a feature, of shape [rows], or [rows, k] where an example has several values; an example with fewer lacks
    the last ones. Raises Undecodable and MalformedProtobuf.
    """
    examples: list[bytes] = []
    context = b""
    for number, wire, value in fields(message, allowance):
        if wire != BYTES or not isinstance(value, bytes) or number not in (1, 2):
            continue
        for inner, kind, found in fields(value, allowance):
            if kind == BYTES and isinstance(found, bytes):
                if inner == 1:
                    examples.append(found)
                elif inner == 2 and number == 2:
                    context = found
    features: dict[str, _Feature] = {}
    shared = dict(_features(context, allowance, f"{where}.context"))
    check_cells(len(examples) * len(shared), where)
    for row, example in enumerate(examples):
        for name, (kind, values) in (shared | dict(_features(example, allowance, f"{where}[{row}]"))).items():
            feature = features.setdefault(name, _Feature(kind))
            if feature.kind != kind:
                raise Undecodable("element_type", f"{where}[{row}].{name[:40]}", "another kind of list than before")
            feature.values[row] = values
    check_cells(len(examples) * len(features), where)
    named = sorted(features.items())
    return len(examples), tuple(_column(name, each, len(examples), f"{where}.{name[:40]}") for name, each in named)


def text_of(value: bytes, where: str) -> str:
    """A `string`, which is UTF-8. Raises Undecodable."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_protocol(where, "not UTF-8") from error


def entry(message: bytes, allowance: Allowance) -> tuple[bytes, bytes]:
    """Key and value of one entry of a map whose values are messages."""
    key = value = b""
    for number, wire, found in fields(message, allowance):
        if wire == BYTES and isinstance(found, bytes):
            if number == 1:
                key = found
            elif number == 2:
                value = found
    return key, value


def floats(numbers: Iterable[float]) -> bytes:
    """FP32 elements."""
    return pack(list(numbers), "FP32")


def float_of(value: int | bytes) -> float:
    """A `float` field, from its four bytes."""
    return float(struct.unpack("<f", value)[0]) if isinstance(value, bytes) and len(value) == 4 else 0.0


def _proto(message: bytes, allowance: Allowance) -> _Proto:
    proto = _Proto()
    for number, wire, value in fields(message, allowance):
        if number == 1 and isinstance(value, int):
            proto.dtype = value
        elif number == 2 and isinstance(value, bytes):
            proto.shape = _shape(value, allowance)
        elif number == 4 and wire == BYTES and isinstance(value, bytes):
            proto.content = value
        elif number in _TYPED:
            proto.typed.append((number, wire, value))
    return proto


def _shape(message: bytes, allowance: Allowance) -> list[int] | None:
    shape: list[int] = []
    for number, wire, value in fields(message, allowance):
        if number == 2 and isinstance(value, bytes):
            sizes = (found for inner, _, found in fields(value, allowance) if inner == 1 and isinstance(found, int))
            shape.append(signed(next(sizes, 0)))
        elif number == 3 and wire == VARINT and value:
            return None
    return shape


def _packed(typed: Sequence[Field], datatype: Datatype, where: str) -> bytes:
    """The typed elements as they would be raw."""
    if datatype in ("FP32", "FP64"):
        return b"".join(value for _, _, value in typed if isinstance(value, bytes))
    carried = _CARRIED_AS.get(datatype, datatype)
    found = sum(1 if isinstance(value, int) else varint_count(value) for _, _, value in typed)
    if found * ITEM_BYTES[datatype] > TENSOR_BYTES_MAX:
        raise Undecodable("record_too_large", where, f"found {found} elements")
    try:
        return b"".join(_integers(piece, carried) for piece in _pieces(typed))
    except OverflowError as error:
        raise Undecodable("element_range", where, f"a number that does not fit {datatype}") from error


def _pieces(typed: Iterable[Field]) -> Iterator[Sequence[int]]:
    for _, _, value in typed:
        if isinstance(value, int):
            yield [value]
        else:
            yield from varints(value)


def _integers(numbers: Sequence[int], datatype: Datatype) -> bytes:
    if datatype == "BOOL":
        return bytes(map(bool, numbers))
    return pack(numbers if datatype in ("UINT32", "UINT64") else [signed(each) for each in numbers], datatype)


def _filled(data: bytes, width: int, count: int, where: str) -> bytes:
    """As many elements as the shape says: the last one again and again, zeros where there is none."""
    if count > SIZE_MAX or count * width > TENSOR_BYTES_MAX:
        raise Undecodable("record_too_large", where, f"the shape says more than {TENSOR_BYTES_MAX} bytes")
    lacking = count - len(data) // width
    return data if lacking <= 0 else data + (data[-width:] or bytes(width)) * lacking


def _texts(name: str, found: list[bytes], content: bytes, shape: tuple[int, ...] | None, where: str) -> Tensor:
    if shape is None:
        shape = (len(found),)
    count = math.prod(shape)
    if max(count, len(found)) > ITEMS_MAX:
        raise Undecodable("record_too_large", where, f"found {count} texts, expected at most {ITEMS_MAX}")
    if content:
        found = list(_texts_of_content(content, count, where))
    lacking = count - len(found)
    last = found[-1] if found else b""
    if lacking * len(last) > TENSOR_BYTES_MAX:
        raise Undecodable("record_too_large", where, f"more than {TENSOR_BYTES_MAX} bytes of elements")
    return _tensor_of_texts(name, shape, found + [last] * lacking, where)


def _tensor_of_texts(name: str, shape: tuple[int, ...], texts: Iterable[bytes], where: str) -> Tensor:
    framed = b"".join(part for text in texts for part in (len(text).to_bytes(4, "little"), text))
    return tensor_from_raw(name, shape, "BYTES", framed, where)


def _texts_of_content(content: bytes, count: int, where: str) -> Iterator[bytes]:
    """Texts in `tensor_content`: all lengths first, then all texts."""
    at, lengths = 0, []
    for _ in range(count):
        length = shift = 0
        while True:
            if at >= len(content) or shift > 28:
                raise Undecodable("binary_size", where, "the lengths of its texts end early")
            length |= (content[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if content[at - 1] < 0x80:
                break
        lengths.append(length)
    if at + sum(lengths) != len(content):
        raise Undecodable("binary_size", where, f"its texts have {sum(lengths)} bytes, {len(content) - at} are there")
    for length in lengths:
        yield content[at : at + length]
        at += length


def _features(example: bytes, allowance: Allowance, where: str) -> Iterator[tuple[str, tuple[int, Sequence[bytes]]]]:
    """Each feature of an example that has values: its kind, and its elements packed, one of a text each."""
    for number, wire, value in fields(example, allowance):
        if number != 1 or wire != BYTES or not isinstance(value, bytes):
            continue
        for _, inner, message in fields(value, allowance):
            if inner != BYTES or not isinstance(message, bytes):
                continue
            key, feature = entry(message, allowance)
            for kind, listed, values in fields(feature, allowance):
                if kind in _KINDS and listed == BYTES and isinstance(values, bytes):
                    found = _elements(kind, values, allowance, where)
                    if found:
                        yield text_of(key, where), (kind, found)


def _elements(kind: int, message: bytes, allowance: Allowance, where: str) -> Sequence[bytes]:
    listed = [each for each in fields(message, allowance) if each[0] == 1]
    if kind == _BYTES_LIST:
        return [value for _, _, value in listed if isinstance(value, bytes)]
    if kind == _FLOAT_LIST:
        data = b"".join(value for _, wire, value in listed if isinstance(value, bytes) and wire in (BYTES, FIXED32))
        width = 4
        if len(data) % width:
            raise MalformedProtobuf("a list of floats ends early")
    else:
        data, width = _packed(listed, "INT64", where), 8
    return [data] if data else []


def _column(name: str, feature: _Feature, rows: int, where: str) -> Tensor:
    """One feature as a tensor; rows with fewer values than others lack the last ones."""
    datatype = _KINDS[feature.kind]
    width = ITEM_BYTES.get(datatype, 0)
    counts = [
        len(v) if not width else sum(map(len, v)) // width for v in (feature.values.get(r, ()) for r in range(rows))
    ]
    most = max(counts)
    check_cells(rows * most, where)
    shape = (rows,) if most == 1 else (rows, most)
    missing = tuple(row * most + i for row, count in enumerate(counts) if count < most for i in range(count, most))
    if not width:
        texts = [v for row in range(rows) for v in (*feature.values.get(row, ()), *[b""] * (most - counts[row]))]
        if len(texts) > ITEMS_MAX:
            raise Undecodable("record_too_large", where, f"found {len(texts)} texts, expected at most {ITEMS_MAX}")
        tensor = _tensor_of_texts(name, shape, texts, where)
    else:
        empty = bytes(width)
        data = b"".join(
            part for row in range(rows) for part in (*feature.values.get(row, ()), empty * (most - counts[row]))
        )
        tensor = tensor_from_raw(name, shape, datatype, data, where)
    if not missing:
        return tensor
    return Tensor(name=name, shape=shape, datatype=datatype, data=tensor.data, items=tensor.items, missing=missing)
