"""The kernel's filter: which packets are worth a copy at all. A program of classic BPF on a packet's network header.

Taken are TCP packets from or to a port that begin or end a connection or carry bytes. Bare acknowledgements are not:
they are as many as the packets with bytes, and what they say the next packet with bytes says too. What goes out on the
loopback interface is not: it comes in there too, and would be seen twice. The rare packets of IPv6 with extension
headers are left to `packets`, which can step over them.
"""

import struct
from collections.abc import Sequence

SNAP_BYTES = 256 * 1024
"""Kept of one packet: what the ring's blocks hold. Offloads make packets of 64 KiB; what is longer is cut, and told."""

_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _LOAD_LENGTH = 0x20, 0x28, 0x30, 0x80
_LOAD_HALF_AT_X, _LOAD_BYTE_AT_X = 0x48, 0x50
_SET_X, _SET_X_TO_HEADER, _COPY_TO_X = 0x01, 0xB1, 0x07
_AND, _SHIFT_RIGHT, _ADD_X, _SUBTRACT_X = 0x54, 0x74, 0x0C, 0x1C
_IF_EQUAL, _IF_ANY_BIT, _GO, _RETURN = 0x15, 0x45, 0x05, 0x06
_PACKET_TYPE, _INTERFACE = 0xFFFFF004, 0xFFFFF008
LOOPBACK = 1
"""The number that the kernel gives the loopback interface of each network namespace."""
_OUTGOING = 4
_INSTRUCTION = struct.Struct("HBBI")

_Line = tuple[str, int, int, str, str]
"""Label, operation, operand, and where to go on where a condition holds and where not; empty: at the next line."""


def assemble(ports: Sequence[int]) -> bytes:
    """The filter's instructions, as the kernel takes them."""
    lines: list[_Line] = [
        ("", _LOAD_WORD, _PACKET_TYPE, "", ""),
        ("", _IF_EQUAL, _OUTGOING, "", "version"),
        ("", _LOAD_WORD, _INTERFACE, "", ""),
        ("", _IF_EQUAL, LOOPBACK, "drop", "version"),
        ("version", _LOAD_BYTE, 0, "", ""),
        ("", _AND, 0xF0, "", ""),
        ("", _IF_EQUAL, 0x40, "ip4", ""),
        ("", _IF_EQUAL, 0x60, "ip6", "drop"),
        ("ip4", _LOAD_BYTE, 9, "", ""),
        ("", _IF_EQUAL, 6, "", "drop"),
        ("", _LOAD_HALF, 6, "", ""),
        ("", _IF_ANY_BIT, 0x1FFF, "drop", ""),
        ("", _SET_X_TO_HEADER, 0, "", ""),
        ("", _GO, 0, "ports", ""),
        ("ip6", _LOAD_BYTE, 6, "", ""),
        *(("", _IF_EQUAL, extension, "take", "") for extension in (0, 43, 44, 60)),
        ("", _IF_EQUAL, 6, "", "drop"),
        ("", _SET_X, 40, "", ""),
        ("ports", _LOAD_HALF_AT_X, 0, "", ""),
        *(("", _IF_EQUAL, port, "flags", "") for port in ports),
        ("", _LOAD_HALF_AT_X, 2, "", ""),
        *(("", _IF_EQUAL, port, "flags", "") for port in ports),
        ("", _GO, 0, "drop", ""),
        ("flags", _LOAD_BYTE_AT_X, 13, "", ""),
        ("", _IF_ANY_BIT, 0x07, "take", ""),
        ("", _LOAD_BYTE_AT_X, 12, "", ""),
        ("", _AND, 0xF0, "", ""),
        ("", _SHIFT_RIGHT, 2, "", ""),
        ("", _ADD_X, 0, "", ""),
        ("", _COPY_TO_X, 0, "", ""),
        ("", _LOAD_LENGTH, 0, "", ""),
        ("", _SUBTRACT_X, 0, "", ""),
        ("", _IF_EQUAL, 0, "drop", "take"),
        ("take", _RETURN, SNAP_BYTES, "", ""),
        ("drop", _RETURN, 0, "", ""),
    ]
    places = {label: place for place, (label, *_) in enumerate(lines) if label}
    program = b""
    for place, (_, operation, operand, holds, otherwise) in enumerate(lines):
        steps = [places[label] - place - 1 if label else 0 for label in (holds, otherwise)]
        if operation == _GO:
            program += _INSTRUCTION.pack(operation, 0, 0, steps[0])
        else:
            program += _INSTRUCTION.pack(operation, *steps, operand)
    return program
