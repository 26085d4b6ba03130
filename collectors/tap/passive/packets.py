"""Reads the headers of one IP packet: whose bytes it carries, and where in their stream they belong.

Packets begin with their network header, whatever link they came by. The kernel hands them over before they are cut for
the wire (segmentation offload) or after they were put together (receive offload), so one may be far larger than any
link carries, and checksums may not be filled in yet; `checksum_holds` is for those of which the kernel says neither that
they are right nor that they are still to be made.
"""

import struct
from typing import NamedTuple

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

EXTENSIONS_MAX = 8
"""Extension headers of IPv6 stepped over in one packet; real ones have one or two."""

_TCP = 6
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60
_FRAGMENT_OFFSET = 0x1FFF
_IP4 = struct.Struct(">BxHxxHxBxx12sIIBB")
_IP6 = struct.Struct(">IHBx36sIIBB")
_TCP_HEADER = struct.Struct(">4sIIBB")
_TCP_BYTES_MIN = 20
_IP4_PLAIN = 0x45
_IP6_BYTES = 40


class TcpPacket(NamedTuple):
    """A packet's part of a stream. `payload` is shorter than `length` where not all of the packet was kept."""

    way: bytes
    sequence: int
    acknowledged: int
    flags: int
    length: int
    payload: memoryview


def turned(way: bytes) -> bytes:
    """The other direction of the same connection."""
    address = (len(way) - 4) // 2
    return way[address : 2 * address] + way[:address] + way[-2:] + way[-4:-2]


def sender_port(way: bytes) -> int:
    return int.from_bytes(way[-4:-2], "big")


def receiver_port(way: bytes) -> int:
    return int.from_bytes(way[-2:], "big")


def read_packet(packet: memoryview, wire_bytes: int) -> TcpPacket | None:
    """What the packet, which had `wire_bytes` before it was cut, says; None where it is not TCP or no header's whole."""
    try:
        if packet[0] == _IP4_PLAIN:
            _, total, fragment, protocol, way, sequence, acknowledged, offset, flags = _IP4.unpack_from(packet)
            if protocol != _TCP or fragment & _FRAGMENT_OFFSET:
                return None
            start = 20
            end = total or wire_bytes  # no total: more than its sixteen bits can say
        elif packet[0] >> 4 == 6 and packet[6] == _TCP:
            _, total, _, way, sequence, acknowledged, offset, flags = _IP6.unpack_from(packet)
            start = _IP6_BYTES
            end = _IP6_BYTES + total if total else wire_bytes
        else:
            found = _transport(packet, wire_bytes)
            if found is None:
                return None
            addresses, start, end = found
            ports, sequence, acknowledged, offset, flags = _TCP_HEADER.unpack_from(packet, start)
            way = addresses + ports
    except (struct.error, IndexError):
        return None
    header = offset >> 4 << 2
    if header < _TCP_BYTES_MIN:
        return None
    start += header
    end = max(start, min(end, wire_bytes))
    # For each packet: half of what calling the class would cost.
    return tuple.__new__(TcpPacket, (way, sequence, acknowledged, flags, end - start, packet[start:end]))


def _transport(packet: memoryview, wire_bytes: int) -> tuple[bytes, int, int] | None:
    """Addresses, place and end of the TCP in any packet. Raises IndexError."""
    version = packet[0] >> 4
    if version == 4:
        start = (packet[0] & 15) * 4
        fragment = int.from_bytes(packet[6:8], "big") & _FRAGMENT_OFFSET
        total = int.from_bytes(packet[2:4], "big")
        is_whole = start >= 20 and packet[9] == _TCP and not fragment
        return (bytes(packet[12:20]), start, total or wire_bytes) if is_whole else None
    beyond = _beyond_extensions(packet) if version == 6 else None
    if beyond is None:
        return None
    total = int.from_bytes(packet[4:6], "big")
    return bytes(packet[8:40]), beyond, _IP6_BYTES + total if total else wire_bytes


def _beyond_extensions(packet: memoryview) -> int | None:
    """Where the TCP of a packet of IPv6 begins."""
    kind, start = packet[6], _IP6_BYTES
    for _ in range(EXTENSIONS_MAX):
        if kind == _TCP:
            return start
        if kind == _FRAGMENT and not int.from_bytes(packet[start + 2 : start + 4], "big") >> 3:
            kind, start = packet[start], start + 8
        elif kind in (_HOP_BY_HOP, _ROUTING, _DESTINATION):
            kind, start = packet[start], start + 8 * (packet[start + 1] + 1)
        else:
            break
    return None


def checksum_holds(packet: memoryview, wire_bytes: int) -> bool:
    """Whether the receiver will take the packet: damaged ones are sent again, and must not be believed.

    Of one that was cut nobody can tell; it holds.
    """
    if len(packet) < wire_bytes:
        return True
    found = _transport(packet, wire_bytes)
    if found is None:
        return True
    addresses, start, end = found
    segment = bytes(packet[start : min(end, wire_bytes)])
    pseudo = addresses + _TCP.to_bytes(2, "big") + len(segment).to_bytes(4, "big")
    whole = pseudo + segment + bytes(len(segment) & 1)
    # The sum of 16-bit words with end-around carry is the number's remainder; it is all ones where the sum is right.
    return int.from_bytes(whole, "big") % 0xFFFF == 0
