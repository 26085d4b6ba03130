"""The few messages of gRPC services that the doctor writes and reads, from the bytes of Protocol Buffers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from collectors.decoders.protobuf import BYTES, VARINT, Allowance, MalformedProtobuf, fields, signed, varints
from collectors.records.types import ITEM_BYTES


@dataclass(frozen=True, slots=True)
class Described:
    """An input as a model's metadata tells it; -1 is an axis of any length."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def texts(message: bytes, number: int) -> list[str]:
    """The text fields of a number; none where the bytes are no message."""
    return [value.decode("utf-8", "replace")[:80] for value in parts(message, number)]


def parts(message: bytes, number: int) -> list[bytes]:
    """The fields of a number that hold bytes; none where the bytes are no message."""
    try:
        found = list(fields(message, Allowance()))
    except MalformedProtobuf:
        return []
    return [value for at, wire, value in found if at == number and wire == BYTES and isinstance(value, bytes)]


def flag(message: bytes, number: int) -> bool:
    """A field that is true."""
    try:
        return any(at == number and wire == VARINT and value for at, wire, value in fields(message, Allowance()))
    except MalformedProtobuf:
        return False


def text_field(number: int, text: str) -> bytes:
    """A field that holds a text."""
    return bytes_field(number, text.encode())


def bytes_field(number: int, data: bytes) -> bytes:
    """A field that holds bytes, or a message.

    >>> bytes_field(1, b"a").hex()
    '0a0161'
    """
    return _varint(number << 3 | BYTES) + _varint(len(data)) + data


def described_inputs(metadata: bytes) -> list[Described]:
    """The inputs of a `ModelMetadataResponse` of the Open Inference Protocol."""
    found = []
    for each in parts(metadata, 4):
        name, datatype = ("".join(texts(each, number)[:1]) for number in (1, 2))
        found.append(Described(name, datatype, tuple(_shape(each))))
    return found


def infer_request(model: str, id: str, inputs: list[Described]) -> bytes:
    """A `ModelInferRequest` of zeros, raw: one row, where an axis may have any length."""
    message = text_field(1, model) + text_field(3, id)
    raw = b""
    for each in inputs:
        shape = [size if size > 0 else 1 for size in each.shape]
        sizes = b"".join(_varint(3 << 3 | VARINT) + _varint(size) for size in shape)
        message += bytes_field(5, text_field(1, each.name) + text_field(2, each.datatype) + sizes)
        raw += bytes_field(7, bytes(prod(shape) * ITEM_BYTES.get(each.datatype, 4)))
    return message + raw


def _shape(message: bytes) -> list[int]:
    shape: list[int] = []
    try:
        for number, wire, value in fields(message, Allowance()):
            if number == 3 and wire == VARINT and isinstance(value, int):
                shape.append(signed(value))
            elif number == 3 and isinstance(value, bytes):
                shape += [signed(each) for piece in varints(value) for each in piece]
    except MalformedProtobuf:
        return []
    return shape


def _varint(number: int) -> bytes:
    found = b""
    while number >= 0x80:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])
