"""Elements of a tensor, as they come in JSON or raw, to the little-endian bytes of a record.

The shape is the authority: elements may be nested or flat, but there must be as many as the shape says. JSON numbers
are decoded piece by piece into packed bytes, so that a body never becomes a list of as many Python objects.
"""

import math
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from collectors.decoders.decoder import Reason, Undecodable
from collectors.records.packing import ARRAY_CODES, pack
from collectors.records.types import ITEM_BYTES, Datatype, Tensor

RANK_MAX = 32
"""Dimensions of a shape; the frameworks behind these protocols stop at 8 to 32."""

SIZE_MAX = 2**53
"""Largest dimension: what any JSON reader reads exactly."""

TENSOR_BYTES_MAX = 48 * 1024 * 1024
"""Packed elements of one exchange: what fits a batch."""

ITEMS_MAX = 1_000_000
"""Texts in one tensor; each costs a Python object."""

MISSING_MAX = 1_000_000
"""Nulls in one tensor; each is looked at by itself and costs a Python object."""

NESTING_MAX = 8
"""How deep a list of texts may be nested."""

_PIECE_BYTES = 1024 * 1024
"""JSON decoded at once: enough to be fast, little enough to hold as Python numbers."""

_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_INTEGERS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[int])
_NUMBERS: dict[str, msgspec.json.Decoder[Any]] = {
    "BOOL": msgspec.json.Decoder(list[bool]),
    **dict.fromkeys(("FP16", "BF16", "FP32", "FP64"), msgspec.json.Decoder(list[float])),
}
_PLAIN: dict[str, tuple[Datatype, msgspec.json.Decoder[Any], str]] = (
    {datatype: (datatype, _NUMBERS.get(datatype, _INTEGERS), code) for datatype, code in ARRAY_CODES.items()}
    if sys.byteorder == "little"
    else {}
)
"""How the numbers of a datatype are read, and the code under which they are packed as a record wants them."""

_PACKINGS_REMEMBERED = 1024
"""Shapes whose way of packing is remembered: clients send the same few again and again."""

_FLOATS = frozenset(("FP32", "FP64")) & _PLAIN.keys()

_ANY = msgspec.json.Decoder(list[bool | int | float | str | None])


def _nested_texts() -> tuple[msgspec.json.Decoder[Any], ...]:
    kind: Any = str | None
    decoders = []
    for _ in range(NESTING_MAX):
        kind = list[kind]
        decoders.append(msgspec.json.Decoder(kind))
    return tuple(decoders)


_TEXTS = _nested_texts()
"""Decoders of texts by depth, from a flat list."""


def checked_shape(shape: Sequence[int], where: str) -> tuple[int, ...]:
    """Raises Undecodable where it is none."""
    if len(shape) > RANK_MAX:
        raise Undecodable(
            "shape_invalid", f"{where}.shape", f"found {len(shape)} dimensions, expected at most {RANK_MAX}"
        )
    for axis, size in enumerate(shape):
        if not 0 <= size <= SIZE_MAX:
            raise Undecodable("shape_invalid", f"{where}.shape[{axis}]", f"expected 0 to {SIZE_MAX}")
    return tuple(shape)


def checked_datatype(datatype: str, where: str) -> Datatype:
    """Raises Undecodable where we do not know it."""
    if datatype == "BYTES" or datatype in ITEM_BYTES:
        return datatype  # type: ignore[return-value]  # the keys of ITEM_BYTES are of that type
    if datatype == "STRING":  # as Triton's classification extension writes it
        return "BYTES"
    raise Undecodable("datatype_unknown", f"{where}.datatype", f"found {datatype[:40]!r}")


def tensor_bytes(tensor: Tensor) -> int:
    """About what a tensor weighs in a record."""
    held = len(tensor.data)
    if tensor.items:
        held += sum(map(len, tensor.items)) + 8 * len(tensor.items)
    return held + 8 * len(tensor.missing) if tensor.missing else held


def check_size(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
    """Raises Undecodable where one exchange is more than fits a batch."""
    held = 0
    for tensors in (inputs, outputs):
        for tensor in tensors:
            held += tensor_bytes(tensor)
    if held > TENSOR_BYTES_MAX:
        raise Undecodable("record_too_large", "exchange", f"more than {TENSOR_BYTES_MAX} bytes of elements")


def tensor_of(name: str, shape: tuple[int, ...], values: Sequence[Any], datatype: Datatype) -> Tensor:
    """A tensor of values that are known to be of its type; None is missing. Raises Undecodable."""
    missing = tuple(position for position, value in enumerate(values) if value is None)
    if datatype == "BYTES":
        items = tuple("" if value is None else value for value in values)
        return Tensor(name=name, shape=shape, datatype=datatype, items=items, missing=missing)
    try:
        data = pack([0 if value is None else value for value in values], datatype)
    except OverflowError as error:
        raise Undecodable("element_range", name[:40], f"does not fit {datatype}") from error
    return Tensor(name=name, shape=shape, datatype=datatype, data=data, missing=missing)


def tensor_from_raw(name: str, shape: tuple[int, ...], datatype: Datatype, data: bytes, where: str) -> Tensor:
    """Little-endian elements without padding; each element of BYTES has its length before it. Raises Undecodable."""
    count = _count(shape, datatype, where)
    if datatype == "BYTES":
        return Tensor(name=name, shape=shape, datatype=datatype, items=tuple(_raw_items(data, count, where)))
    expected = count * ITEM_BYTES[datatype]
    if len(data) != expected:
        raise Undecodable("shape_mismatch", where, f"found {len(data)} bytes, the shape says {expected}")
    return Tensor(name=name, shape=shape, datatype=datatype, data=data)


def tensor_from_json(name: str, shape: tuple[int, ...], datatype: Datatype, data: bytes, where: str) -> Tensor:
    """Elements as JSON, nested or flat; null is missing, NaN and infinities come as texts. Raises Undecodable."""
    count = _count(shape, datatype, where)
    missing: list[int] = []
    if datatype == "BYTES":
        items = _json_items(data, count, missing, where)
        _check_count(len(items), count, where)
        return Tensor(name=name, shape=shape, datatype=datatype, items=items, missing=tuple(missing))
    if count == 0 and not data.translate(None, b"[], \t\r\n"):
        return Tensor(name=name, shape=shape, datatype=datatype)
    if _is_flat(data):
        values = _numbers(data, datatype, 0, missing, where)
        _check_count(len(values), count, where)
        packed_data = _pack(values, datatype, 0, where)
        return Tensor(name=name, shape=shape, datatype=datatype, data=packed_data, missing=tuple(missing))
    packed = []
    found = 0
    for piece in _pieces(data):
        values = _numbers(piece, datatype, found, missing, where)
        packed.append(_pack(values, datatype, found, where))
        found += len(values)
        if found > count:
            break
    _check_count(found, count, where)
    return Tensor(name=name, shape=shape, datatype=datatype, data=b"".join(packed), missing=tuple(missing))


def plain_tensor(name: str, shape: Sequence[int], datatype: str, data: bytes) -> Tensor | None:
    """What `tensor_from_json` makes of numbers that are all as they should be; None where it has to look closer."""
    plain = _PLAIN.get(datatype)
    if plain is None or len(data) > _PIECE_BYTES or len(shape) > RANK_MAX:
        return None
    known, decoder, code = plain
    flat = data if _is_flat(data) else b"[" + data.translate(None, b"[]") + b"]"
    try:
        values = decoder.decode(flat)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return _plain(name, shape, known, code, values)


def float_tensor(name: str, shape: tuple[int, ...], datatype: str, values: Sequence[float]) -> Tensor | None:
    """A tensor of a type of floats, of numbers that were read as such; None where one has to look closer."""
    try:
        known, pack_all = _float_packing(datatype, shape, len(values))
        return Tensor(name=name, shape=shape, datatype=known, data=pack_all(*values))
    except (_NotPlain, struct.error, OverflowError):
        return None


class _NotPlain(ValueError):
    """What is not remembered: only what fits the elements is, so that nobody can make it large."""


@lru_cache(maxsize=_PACKINGS_REMEMBERED)
def _float_packing(datatype: str, shape: tuple[int, ...], count: int) -> tuple[Datatype, Callable[..., bytes]]:
    if datatype not in _FLOATS or not 0 < len(shape) <= RANK_MAX or min(shape) <= 0 or math.prod(shape) != count:
        raise _NotPlain
    known, _, code = _PLAIN[datatype]
    return known, struct.Struct(f"<{count}{code}").pack


def _plain(name: str, shape: Sequence[int], datatype: Datatype, code: str, values: Sequence[float]) -> Tensor | None:
    count = 1
    for size in shape:
        if size <= 0:
            return None
        count *= size
    if count != len(values):
        return None
    try:
        packed = struct.pack(f"<{count}{code}", *values)
    except (struct.error, OverflowError):
        return None
    return Tensor(name=name, shape=tuple(shape), datatype=datatype, data=packed)


def _count(shape: tuple[int, ...], datatype: Datatype, where: str) -> int:
    count = math.prod(shape)
    if datatype == "BYTES":
        if count > ITEMS_MAX:
            raise Undecodable("record_too_large", where, f"found {count} texts, expected at most {ITEMS_MAX}")
    elif count * ITEM_BYTES[datatype] > TENSOR_BYTES_MAX:
        raise Undecodable("record_too_large", where, f"the shape says more than {TENSOR_BYTES_MAX} bytes")
    return count


def _check_count(found: int, expected: int, where: str) -> None:
    if found != expected:
        at_least = "at least " if found > expected else ""
        raise Undecodable(
            "shape_mismatch", f"{where}.data", f"found {at_least}{found} elements, the shape says {expected}"
        )


def _is_flat(data: bytes) -> bool:
    """Whether the elements are one list that is decoded at once."""
    return len(data) <= _PIECE_BYTES and data[:1] == b"[" and data.find(b"[", 1) < 0


def _pieces(data: bytes) -> Iterator[bytes]:
    """The elements as flat JSON lists. Brackets go: what remains of a list of numbers, however nested, is flat."""
    flat = data.translate(None, b"[]").strip()
    start = 0
    while start < len(flat):
        end = flat.find(b",", start + _PIECE_BYTES)
        end = len(flat) if end < 0 else end
        yield b"[" + flat[start:end] + b"]"
        start = end + 1


def _numbers(piece: bytes, datatype: Datatype, first: int, missing: list[int], where: str) -> Sequence[float]:
    try:
        found: Sequence[float] = _NUMBERS.get(datatype, _INTEGERS).decode(piece)
        return found
    except msgspec.ValidationError:
        return _odd_numbers(piece, datatype, first, missing, where)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable("element_type", f"{where}.data", "expected a list of numbers") from error


def _odd_numbers(piece: bytes, datatype: Datatype, first: int, missing: list[int], where: str) -> list[float]:
    """Elements one by one, where some are null, not finite, or of a neighbouring type."""
    try:
        elements = _ANY.decode(piece)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason: Reason = "element_range" if "out of range" in str(error) else "element_type"
        raise Undecodable(reason, f"{where}.data", "expected a list of numbers") from error
    values = []
    for position, element in enumerate(elements, first):
        if element is None:
            if len(missing) >= MISSING_MAX:
                raise Undecodable("record_too_large", f"{where}.data[{position}]", f"more than {MISSING_MAX} nulls")
            missing.append(position)
            values.append(0.0 if datatype.startswith(("FP", "BF")) else 0)
        else:
            values.append(_number(element, datatype, f"{where}.data[{position}]"))
    return values


def _number(element: bool | float | str, datatype: Datatype, where: str) -> float:
    if datatype == "BOOL":
        if element in (0, 1):
            return bool(element)
    elif datatype.startswith(("FP", "BF")):
        if isinstance(element, str) and element in _NONFINITE:
            return _NONFINITE[element]
        if isinstance(element, int | float) and not isinstance(element, bool):
            return element
    elif isinstance(element, int | float) and not isinstance(element, bool) and element == element // 1:
        return int(element)
    raise Undecodable("element_type", where, f"found {str(element)[:40]!r}, expected {datatype}")


def _pack(values: Sequence[float], datatype: Datatype, first: int, where: str) -> bytes:
    try:
        return pack(values, datatype)
    except OverflowError as error:
        position = next((at for at, value in enumerate(values) if not _fits(value, datatype)), 0)
        raise Undecodable("element_range", f"{where}.data[{first + position}]", f"does not fit {datatype}") from error


def _fits(value: float, datatype: Datatype) -> bool:
    try:
        pack((value,), datatype)
    except OverflowError:
        return False
    return True


def _json_items(data: bytes, count: int, missing: list[int], where: str) -> tuple[str | bytes, ...]:
    depth = _depth(data)
    if depth > NESTING_MAX:
        raise Undecodable("element_type", f"{where}.data", f"expected lists at most {NESTING_MAX} deep")
    if data.count(b'"') > 4 * ITEMS_MAX or (depth > 1 and data.count(b"[") > ITEMS_MAX):
        raise Undecodable("record_too_large", f"{where}.data", f"expected at most {ITEMS_MAX} texts")
    try:
        nested = _TEXTS[max(depth, 1) - 1].decode(data if depth else b"[" + data + b"]")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable("element_type", f"{where}.data", "expected texts") from error
    for _ in range(depth - 1):
        nested = list(chain.from_iterable(nested))
    if len(nested) == count:
        missing.extend(position for position, item in enumerate(nested) if item is None)
    return tuple("" if item is None else item for item in nested)


def _depth(data: bytes) -> int:
    """How many lists open before the first element."""
    depth = 0
    for byte in data:
        if byte == ord("["):
            depth += 1
        elif byte not in b" \t\r\n":
            break
    return depth


def _raw_items(data: bytes, count: int, where: str) -> Iterator[str | bytes]:
    at = 0
    for position in range(count):
        if at + 4 > len(data):
            raise Undecodable("shape_mismatch", where, f"found {position} texts, the shape says {count}")
        length = int.from_bytes(data[at : at + 4], "little")
        if at + 4 + length > len(data):
            raise Undecodable("binary_size", where, f"text {position} is longer than the data")
        yield text_or_bytes(data[at + 4 : at + 4 + length])
        at += 4 + length
    if at != len(data):
        raise Undecodable("shape_mismatch", where, f"found bytes after {count} texts")


def text_or_bytes(item: bytes) -> str | bytes:
    """An element of BYTES: text where it is UTF-8."""
    try:
        return item.decode("utf-8")
    except UnicodeDecodeError:
        return item
