"""Packets' headers: whose bytes, where they belong; whatever else comes is none, and never an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.tap.passive.packets import (
    ACK,
    EXTENSIONS_MAX,
    TcpPacket,
    checksum_holds,
    read_packet,
    receiver_port,
    sender_port,
    turned,
)
from tests.collectors.tap.passive.wire import ip4, ip6, tcp

V4, V6 = ("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")


def segment(ends: tuple[str, str], payload: bytes = b"hello", options: bytes = b"") -> bytes:
    return tcp(*ends, (40_000, 8000), 7, 9, ACK, payload, options)


def read(packet: bytes, wire_bytes: int | None = None) -> TcpPacket | None:
    return read_packet(memoryview(packet), len(packet) if wire_bytes is None else wire_bytes)


HOP = b"\x06\x00\x01\x04\x00\x00\x00\x00"
"""A hop-by-hop header with padding, followed by TCP."""


@pytest.mark.parametrize(
    "packet",
    [
        ip4(*V4, segment(V4)),
        ip4(*V4, segment(V4), options=b"\x01\x01\x01\x00"),
        ip4(*V4, segment(V4, options=bytes.fromhex("0101080a0000000100000002"))),
        ip4(*V4, segment(V4), fragment=0x4000),
        ip4(*V4, segment(V4)) + bytes(6),
        ip4(*V4, segment(V4), total=0),
        ip6(*V6, segment(V6)),
        ip6(*V6, segment(V6), total=0),
        ip6(*V6, segment(V6), extensions=HOP, first=0),
        ip6(*V6, segment(V6), extensions=b"\x2b" + HOP[1:] + HOP, first=60),
        ip6(*V6, segment(V6), extensions=b"\x06\x00\x00\x00\x00\x00\x00\x01", first=44),
    ],
    ids=["plain", "options", "tcp-options", "do-not-fragment", "padded", "longer-than-it-can-say", "six",
         "six-longer-than-it-can-say", "hop-by-hop", "two-extensions", "first-fragment"],
)  # fmt: skip
def test_a_packet_says_whose_bytes_it_carries(packet):
    """With whatever options, of either version."""
    found = read(packet)
    assert found is not None
    assert (found.sequence, found.acknowledged, found.flags, found.length) == (7, 9, ACK, 5)
    assert bytes(found.payload) == b"hello"
    assert (sender_port(found.way), receiver_port(found.way)) == (40_000, 8000)
    assert turned(turned(found.way)) == found.way
    assert (sender_port(turned(found.way)), len(turned(found.way))) == (8000, len(found.way))
    assert checksum_holds(memoryview(packet), len(packet))


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x45",
        b"\x60",
        bytes(100),
        ip4(*V4, segment(V4), protocol=17),
        ip4(*V4, segment(V4), fragment=5),
        ip4(*V4, segment(V4))[:33],
        ip4(*V4, segment(V4)[:12] + b"\x40" + segment(V4)[13:]),
        ip6(*V6, segment(V6), first=58),
        ip6(*V6, segment(V6), extensions=b"\x06\x00\x00\x09\x00\x00\x00\x01", first=44),
        ip6(*V6, segment(V6), extensions=(b"\x00" + HOP[1:]) * EXTENSIONS_MAX + HOP, first=0),
        ip6(*V6, b"", extensions=HOP, first=0),
        b"\x44" + ip4(*V4, segment(V4))[1:],
    ],
)
def test_what_is_no_whole_header_of_tcp_is_none(packet):
    """Other protocols, later fragments, cut headers, headers without an end."""
    assert read(packet) is None


def test_a_packet_that_was_cut_keeps_its_length():
    """What it lacks is known by it."""
    packet = ip4(*V4, segment(V4, b"0123456789"))
    found = read(packet[:-6], len(packet))
    assert found is not None
    assert (found.length, bytes(found.payload)) == (10, b"0123")


def test_a_length_that_lies_is_bounded_by_what_was_there():
    """Header fields come from anyone."""
    packet = ip4(*V4, segment(V4), total=60_000)
    found = read(packet)
    assert found is not None
    assert found.length == 5
    short = read(ip4(*V4, segment(V4), total=25))
    assert short is not None
    assert (short.length, bytes(short.payload)) == (0, b"")


@pytest.mark.parametrize("length", [0, 1, 2, 999, 1000])
@pytest.mark.parametrize("ends", [V4, V6])
def test_a_damaged_packet_is_told_by_its_checksum(ends, length):
    """Whose receiver throws it away; one that was cut cannot be judged."""
    packet = bytearray((ip4 if ends == V4 else ip6)(*ends, segment(ends, b"x" * length)))
    assert checksum_holds(memoryview(packet), len(packet))
    packet[-1] ^= 1
    assert not checksum_holds(memoryview(packet), len(packet))
    assert checksum_holds(memoryview(packet)[:-1], len(packet))


@given(st.binary(max_size=200), st.integers(0, 300))
@settings(max_examples=1000, deadline=None)
def test_any_bytes_are_read_or_are_none(data, more):
    """And never say more than was there."""
    for start in (b"", b"\x45", b"\x60\0\0\0\0\0\x06", b"\x60\0\0\0\0\0\0", b"\x4f"):
        packet = start + data
        found = read(packet, len(packet) + more)
        assert found is None or len(found.payload) <= found.length <= len(packet) + more
        try:
            checksum_holds(memoryview(packet), len(packet))
        except IndexError:
            assert found is None
