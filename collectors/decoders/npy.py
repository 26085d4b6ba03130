"""NumPy's `.npy` file as a body: what SageMaker's Python SDK sends and its containers answer where nothing else was chosen.

A magic, a version, the length of a header, a header that is a Python literal with type, order and shape, and the elements.
The header is matched, never evaluated. Objects (which are pickles) and records have no column to go to.
"""

import re
from array import array
from collections.abc import Sequence
from math import prod
from typing import Any, Literal

from collectors.decoders.decoder import Undecodable
from collectors.decoders.elements import ITEMS_MAX, checked_shape, tensor_from_raw, text_or_bytes
from collectors.decoders.json_bodies import not_protocol
from collectors.decoders.undeclared import check_rows
from collectors.records.types import ITEM_BYTES, Datatype, Tensor

MAGIC = b"\x93NUMPY"

_HEADER_BYTES_MAX = 4096
"""NumPy writes 128, more for records only."""

_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
"""Bytes of the header's length, by the major version."""

_DESCRIPTION = re.compile(r"""['"]descr['"]:\s*['"]([<>=|]?)([a-zA-Z?])(\d{0,9})['"]""")
_ORDER = re.compile(r"""['"]fortran_order['"]:\s*(True|False)""")
_SHAPE = re.compile(r"""['"]shape['"]:\s*\(([0-9, ]{0,400})\)""")

_DATATYPES: dict[str, Datatype] = {
    "b1": "BOOL",
    "?": "BOOL",
    "i1": "INT8",
    "i2": "INT16",
    "i4": "INT32",
    "i8": "INT64",
    "u1": "UINT8",
    "u2": "UINT16",
    "u4": "UINT32",
    "u8": "UINT64",
    "f2": "FP16",
    "f4": "FP32",
    "f8": "FP64",
}
_CODES: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
_TEXT_BYTES = {"S": 1, "U": 4}
"""Bytes of one character: texts of NumPy have one length, filled up with zeros."""


def npy_tensor(name: str, body: bytes, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """The rows of an array, which are its first axis, and its tensor. Raises Undecodable."""
    header, content = _parts(body, where)
    kind, order, sizes = (each.search(header) for each in (_DESCRIPTION, _ORDER, _SHAPE))
    if not kind or not order or not sizes:
        raise not_protocol(where, "expected a header with a plain type, an order and a shape")
    shape = checked_shape([int(size[:12]) for size in sizes[1].replace(",", " ").split()], where)
    rows = shape[0] if shape else 1
    check_rows(rows, where)
    by_columns = order[1] == "True" and len(shape) > 1
    if by_columns and len(shape) > 2:
        raise not_protocol(where, "expected C order, or two dimensions")
    big_endian = kind[1] == ">"
    if kind[2] in _TEXT_BYTES:
        texts = _texts(content, shape, kind[2], int(kind[3] or 0), big_endian, where)
        texts = _upright(texts, shape) if by_columns else texts
        return rows, (Tensor(name=name, shape=shape, datatype="BYTES", items=tuple(texts)),)
    datatype = _DATATYPES.get(kind[2] + kind[3])
    if datatype is None:
        raise Undecodable("datatype_unknown", where, f"found the type {(kind[2] + kind[3])[:20]!r}")
    if big_endian or by_columns:
        content = _rearranged(content, shape, ITEM_BYTES[datatype], big_endian, by_columns, where)
    return rows, (tensor_from_raw(name, shape, datatype, content, where),)


def _parts(body: bytes, where: str) -> tuple[str, bytes]:
    """The header as text, and the elements."""
    length_bytes = _LENGTH_BYTES.get(body[len(MAGIC)]) if len(body) > len(MAGIC) + 1 else None
    if length_bytes is None:
        raise not_protocol(where, "expected version 1, 2 or 3 of .npy")
    at = len(MAGIC) + 2
    length = int.from_bytes(body[at : at + length_bytes], "little")
    at += length_bytes
    if length > _HEADER_BYTES_MAX or at + length > len(body):
        raise not_protocol(where, f"found a header of {length} bytes, expected at most {_HEADER_BYTES_MAX}")
    return body[at : at + length].decode("latin-1"), body[at + length :]


def _rearranged(
    content: bytes, shape: tuple[int, ...], width: int, big_endian: bool, by_columns: bool, where: str
) -> bytes:
    """Elements in C order, little-endian."""
    if len(content) != prod(shape) * width:
        raise Undecodable("shape_mismatch", where, f"found {len(content)} bytes, the shape says {prod(shape) * width}")
    elements = array(_CODES[width], content)
    if big_endian:
        elements.byteswap()
    return array(_CODES[width], _upright(elements, shape)).tobytes() if by_columns else elements.tobytes()


def _upright(elements: Sequence[Any], shape: tuple[int, ...]) -> list[Any]:
    """The rows of a matrix that lies column by column."""
    return [element for row in range(shape[0]) for element in elements[row :: shape[0]]]


def _texts(
    content: bytes, shape: tuple[int, ...], kind: str, chars: int, big_endian: bool, where: str
) -> list[str | bytes]:
    """Texts of one length, without the zeros that fill them up."""
    count, width = prod(shape), chars * _TEXT_BYTES[kind]
    if count > ITEMS_MAX:
        raise Undecodable("record_too_large", where, f"found {count} texts, expected at most {ITEMS_MAX}")
    if len(content) != count * width:
        raise Undecodable("shape_mismatch", where, f"found {len(content)} bytes, the shape says {count * width}")
    pieces = (
        (content[at : at + width] for at in range(0, count * width, width)) if width else (b"" for _ in range(count))
    )
    if kind == "S":
        return [text_or_bytes(piece.rstrip(b"\0")) for piece in pieces]
    encoding = "utf-32-be" if big_endian else "utf-32-le"
    try:
        return [piece.decode(encoding).rstrip("\0") for piece in pieces]
    except UnicodeDecodeError as error:
        raise Undecodable("element_type", where, "expected texts in UTF-32") from error
