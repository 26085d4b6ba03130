"""Numbers to the little-endian bytes of a tensor and back, without NumPy: the sidecar stays light."""

import math
import struct
import sys
from array import array
from collections.abc import Sequence

from collectors.records.types import Datatype

ARRAY_CODES: dict[Datatype, str] = {
    "BOOL": "B",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP32": "f",
    "FP64": "d",
}
"""Under which code an array holds numbers of a datatype; half precision has none."""


def pack(values: Sequence[float], datatype: Datatype) -> bytes:
    """Pack numbers of a fixed-size datatype. Raises OverflowError where an integer does not fit; floats become infinite.

    >>> pack([1, -1], "INT16").hex(), pack([1.0, 70000.0], "FP16").hex(), pack([1.0], "BF16").hex()
    ('0100ffff', '003c007c', '803f')
    """
    if datatype == "FP16":
        return _pack_half(values)
    if datatype == "BF16":
        return _upper_halves(_pack_array("f", values))
    return _pack_array(ARRAY_CODES[datatype], values)


def unpack(data: bytes, datatype: Datatype) -> Sequence[float]:
    """The numbers of a fixed-size datatype.

    >>> list(unpack(pack([1.5, -2.0], "BF16"), "BF16")), list(unpack(b"\\x01\\x00", "BOOL"))
    ([1.5, -2.0], [1, 0])
    """
    if datatype == "FP16":
        return struct.unpack(f"<{len(data) // 2}e", data)
    if datatype == "BF16":
        singles = bytearray(2 * len(data))
        singles[2::4] = data[0::2]
        singles[3::4] = data[1::2]
        return _unpack_array("f", bytes(singles))
    return _unpack_array(ARRAY_CODES[datatype], data)


def _pack_array(code: str, values: Sequence[float]) -> bytes:
    packed = array(code, values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _unpack_array(code: str, data: bytes) -> Sequence[float]:
    values = array(code)
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _pack_half(values: Sequence[float]) -> bytes:
    try:
        return struct.pack(f"<{len(values)}e", *values)
    except OverflowError:
        return struct.pack(f"<{len(values)}e", *map(_half_or_infinite, values))


def _half_or_infinite(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) >= 65520 else value  # rounds beyond the largest half


def _upper_halves(singles: bytes) -> bytes:
    """BF16 is the upper half of an FP32."""
    halves = bytearray(len(singles) // 2)
    halves[0::2] = singles[2::4]
    halves[1::2] = singles[3::4]
    return bytes(halves)
