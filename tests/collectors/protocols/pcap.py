"""Reads packet captures just far enough for tests: TCP payloads per connection, in sequence, with the holes told."""

import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collectors.protocols import Direction


@dataclass(frozen=True)
class Segment:
    """A TCP payload with where it belongs."""

    source: tuple[bytes, int]
    target: tuple[bytes, int]
    sequence: int
    syn: bool
    payload: bytes


def packets(path: Path) -> Iterator[tuple[bytes, int]]:
    """Packets from their network header on, with the length they had on the wire from there."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<"}[data[:4]]
    link = struct.unpack_from(order + "I", data, 20)[0]
    at = 24
    while at + 16 <= len(data):
        length, wire = struct.unpack_from(order + "II", data, at + 8)
        found = _network(data[at + 16 : at + 16 + length], link)
        at += 16 + length
        yield found, wire - (length - len(found))


def segments(path: Path) -> Iterator[Segment]:
    for packet, _ in packets(path):
        found = _tcp(packet)
        if found:
            yield found


def _network(frame: bytes, link: int) -> bytes:
    if link == 1:
        at = 14
        while frame[at - 2 : at] == b"\x81\x00":
            at += 4
        return frame[at:]
    return {113: frame[16:], 0: frame[4:], 101: frame, 12: frame, 276: frame[20:]}[link]


def _tcp(packet: bytes) -> Segment | None:
    if not packet:
        return None
    if packet[0] >> 4 == 4 and packet[9] == 6:
        end = struct.unpack_from(">H", packet, 2)[0] or len(packet)
        start, source, target = (packet[0] & 15) * 4, packet[12:16], packet[16:20]
    elif packet[0] >> 4 == 6 and packet[6] == 6:
        end = 40 + struct.unpack_from(">H", packet, 4)[0]
        start, source, target = 40, packet[8:24], packet[24:40]
    else:
        return None
    source_port, target_port, sequence, _, offset, flags = struct.unpack_from(">HHIIBB", packet, start)
    payload = packet[start + (offset >> 4) * 4 : end]
    return Segment((source, source_port), (target, target_port), sequence, bool(flags & 2), payload)


Fact = tuple[Direction, bytes | int]
"""Bytes that passed, or how many were not captured."""


def conversations(path: Path) -> list[list[Fact]]:
    """What passed on each connection, in the order it was captured; retransmissions are dropped, holes are numbers."""
    facts: dict[frozenset[tuple[bytes, int]], list[Fact]] = {}
    clients: dict[frozenset[tuple[bytes, int]], tuple[bytes, int]] = {}
    expected: dict[tuple[tuple[bytes, int], tuple[bytes, int]], int] = {}
    for segment in segments(path):
        connection = frozenset((segment.source, segment.target))
        clients.setdefault(connection, segment.source)
        way = (segment.source, segment.target)
        if segment.syn:
            expected[way] = segment.sequence + 1
        if not segment.payload:
            continue
        direction = Direction.TO_SERVER if segment.source == clients[connection] else Direction.TO_CLIENT
        known = facts.setdefault(connection, [])
        missing = (segment.sequence - expected.setdefault(way, segment.sequence)) & 0xFFFFFFFF
        payload = segment.payload
        if missing >= 1 << 31:
            payload = payload[(1 << 32) - missing :]
        elif missing:
            known.append((direction, missing))
        if payload:
            known.append((direction, payload))
            expected[way] = (segment.sequence + len(segment.payload)) & 0xFFFFFFFF
    return list(facts.values())
