"""The kernel's filter takes what the watcher needs and nothing else; a small interpreter stands in for the kernel."""

import struct

import pytest

from collectors.settings.passive import PORTS_MAX
from collectors.tap.passive.packets import ACK, FIN, RST, SYN
from collectors.tap.passive.port_filter import SNAP_BYTES, assemble
from tests.collectors.tap.passive.wire import ip4, ip6, tcp

INCOMING, OUTGOING = 0, 4
LOOPBACK, OTHER = 1, 2
V4, V6 = ("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")


def run(program: bytes, packet: bytes, *, kind: int = INCOMING, interface: int = OTHER) -> int:
    """What classic BPF returns: loads beyond the packet's end refuse it."""
    code = list(struct.iter_unpack("HBBI", program))
    at = a = x = 0
    while True:
        operation, holds, otherwise, k = code[at]
        at += 1
        special = {0xFFFFF004: kind, 0xFFFFF008: interface}
        size = {0x20: 4, 0x28: 2, 0x30: 1, 0x48: 2, 0x50: 1}.get(operation)
        if size and k in special:
            a = special[k]
        elif size:
            place = k + (x if operation in (0x48, 0x50) else 0)
            if place + size > len(packet):
                return 0
            a = int.from_bytes(packet[place : place + size], "big")
        elif operation == 0x06:
            return k
        elif operation == 0x05:
            at += k
        elif operation == 0x15:
            at += holds if a == k else otherwise
        elif operation == 0x45:
            at += holds if a & k else otherwise
        elif operation == 0x01:
            x = k
        elif operation == 0xB1:
            x = (packet[k] & 15) * 4
        elif operation == 0x07:
            x = a
        else:
            a = {0x54: a & k, 0x74: a >> k, 0x0C: a + x, 0x1C: a - x, 0x80: len(packet)}[operation] % 2**32


def packet(
    ports: tuple[int, int], flags: int = ACK, payload: bytes = b"x", *, six: bool = False, **more: object
) -> bytes:
    ends = V6 if six else V4
    return (ip6 if six else ip4)(*ends, tcp(*ends, ports, 1, 1, flags, payload), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("six", [False, True])
def test_bytes_from_and_to_a_port_are_taken(six):
    """Whole, of both versions; those of other ports are not."""
    program = assemble([8000, 8001])
    for ports in ((40_000, 8000), (8000, 40_000), (8001, 9), (9, 8001)):
        assert run(program, packet(ports, six=six)) == SNAP_BYTES
    assert run(program, packet((40_000, 8002), six=six)) == 0


@pytest.mark.parametrize("six", [False, True])
def test_beginnings_and_ends_are_taken_and_bare_acknowledgements_are_not(six):
    """Those say nothing that the next bytes do not say too."""
    program = assemble([8000])
    for flags in (SYN, SYN | ACK, FIN | ACK, RST, RST | ACK):
        assert run(program, packet((40_000, 8000), flags, b"", six=six))
    assert run(program, packet((40_000, 8000), ACK, b"", six=six)) == 0


def test_on_loopback_only_what_comes_in_is_taken():
    """What goes out there comes in there too; on other interfaces it is the server's answers."""
    program = assemble([8000])
    answer = packet((8000, 40_000))
    assert run(program, answer, kind=OUTGOING, interface=OTHER)
    assert run(program, answer, kind=OUTGOING, interface=LOOPBACK) == 0
    assert run(program, answer, kind=INCOMING, interface=LOOPBACK)


def test_options_fragments_and_extensions():
    """Ports are found behind options; a later fragment has none; extension headers are left to whoever can read them."""
    program = assemble([8000])
    assert run(program, packet((40_000, 8000), options=b"\1\1\1\0"))
    assert run(program, packet((40_001, 8001), options=struct.pack(">HH", 8000, 8000))) == 0
    assert run(program, packet((40_000, 8000), fragment=0x4000))
    assert run(program, packet((40_000, 8000), fragment=7)) == 0
    assert run(program, packet((40_000, 9), six=True, extensions=bytes(8), first=0))


def test_other_protocols_are_not_taken():
    """ARP, UDP, ICMP, packets too short for any of it."""
    program = assemble([8000])
    for other in (b"", b"\0\1\x08\0", packet((8000, 8000), protocol=17), packet((8000, 8000), six=True, first=58)):
        assert run(program, other) == 0


def test_as_many_ports_as_the_settings_allow_fit():
    """The jumps of a filter reach 255 instructions."""
    program = assemble(range(8000, 8000 + PORTS_MAX))
    for port in range(8000, 8000 + PORTS_MAX):
        assert run(program, packet((40_000, port)))
        assert run(program, packet((port, 40_000), six=True))
    assert run(program, packet((40_000, 7999))) == 0
