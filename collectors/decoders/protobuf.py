"""The wire format of Protocol Buffers: fields out of a message, nothing more.

Our own reader rather than the protobuf package. That package pins its own generated code to a range of its versions,
and so do the frameworks in whose images a sidecar is installed; its messages hold every element of a typed tensor as a
Python object before anybody can ask how many there are. Here a packed tensor of floats is a slice of what came, foreign
fields are passed over without being built, and what a message may cost is bounded by a count of fields.
"""

from collections.abc import Iterator, Sequence

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types; groups are gone from the format, and refused."""

FIELDS_MAX = 1_000_000
"""Fields in one message with all that is in it: as many as there may be texts in a tensor, a field each."""

LONG_VARINTS_MAX = 4_000_000
"""Numbers of several bytes in one packed field; each is put together by itself, which takes about 0.2 µs."""

_VARINT_BYTES_MAX = 10
_PIECE_VALUES = 65_536
_CONTINUED = bytes(range(0x80, 0x100))

Field = tuple[int, int, int | bytes]
"""Number, wire type and value; of fixed-size numbers their little-endian bytes."""


class MalformedProtobuf(ValueError):
    """Bytes that are no message; `too_large` where they are one that would keep us too long."""

    def __init__(self, detail: str, *, too_large: bool = False) -> None:
        super().__init__(detail)
        self.too_large = too_large


class Allowance:
    """How many more fields may be read of a message and all that is in it."""

    __slots__ = ("left",)

    def __init__(self, fields: int = FIELDS_MAX) -> None:
        self.left = fields


def fields(message: bytes, allowance: Allowance) -> Iterator[Field]:
    """The fields of a message in the order they came. Raises MalformedProtobuf.

    >>> list(fields(b"\\x0a\\x01a\\x10\\x96\\x01", Allowance()))
    [(1, 2, b'a'), (2, 0, 150)]
    """
    at, size = 0, len(message)
    try:
        while at < size:
            tag = message[at]
            at += 1
            if tag >= 0x80:
                tag, at = _varint(message, at - 1)
            allowance.left -= 1
            if allowance.left < 0:
                raise MalformedProtobuf(f"more than {FIELDS_MAX} fields", too_large=True)
            if tag < 8:
                raise MalformedProtobuf("a field without a number")
            wire = tag & 7
            if wire == VARINT:
                value, at = _varint(message, at)
                yield tag >> 3, wire, value
                continue
            if wire == BYTES:
                length = message[at]
                at += 1
                if length >= 0x80:
                    length, at = _varint(message, at - 1)
            elif wire == FIXED32:
                length = 4
            elif wire == FIXED64:
                length = 8
            else:
                raise MalformedProtobuf(f"a field of wire type {wire}")
            end = at + length
            if end > size:
                raise MalformedProtobuf("a field is longer than its message")
            yield tag >> 3, wire, message[at:end]
            at = end
    except IndexError as error:
        raise MalformedProtobuf("a field ends early") from error


def varint_count(packed: bytes) -> int:
    """How many numbers a packed field holds."""
    return len(packed.translate(None, _CONTINUED))


def varints(packed: bytes) -> Iterator[Sequence[int]]:
    """The numbers of a packed field, in pieces. Raises MalformedProtobuf.

    >>> list(varints(b"\\x01\\x02\\x96\\x01"))
    [[1, 2, 150]]
    """
    if packed.isascii():
        for at in range(0, len(packed), _PIECE_VALUES):
            yield list(packed[at : at + _PIECE_VALUES])
        return
    if varint_count(packed) > LONG_VARINTS_MAX:
        raise MalformedProtobuf(f"more than {LONG_VARINTS_MAX} long numbers", too_large=True)
    if packed[-1] >= 0x80:
        raise MalformedProtobuf("a number ends early")
    values: list[int] = []
    number = shift = 0
    for byte in packed:
        if byte >= 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
            if shift >= 7 * _VARINT_BYTES_MAX:
                raise MalformedProtobuf("a number of more than ten bytes")
        elif shift:
            values.append((number | byte << shift) & 0xFFFFFFFFFFFFFFFF)
            number = shift = 0
        else:
            values.append(byte)
        if len(values) >= _PIECE_VALUES:
            yield values
            values = []
    yield values


def signed(value: int) -> int:
    """An int32 or int64, which come in two's complement of 64 bits.

    >>> signed(2**64 - 1), signed(5)
    (-1, 5)
    """
    return value - (1 << 64) if value >> 63 else value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift >= 7 * _VARINT_BYTES_MAX:
            raise MalformedProtobuf("a number of more than ten bytes")
