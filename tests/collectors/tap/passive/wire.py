"""A small language of packets: two ends that talk, and a sink that writes down what it was told."""

import ipaddress
import struct
from dataclasses import dataclass, field

from collectors.tap.passive.connections import Connections
from collectors.tap.passive.packets import ACK, FIN, RST, SYN, TcpPacket, read_packet
from collectors.tap.segment import Uncopied

PORT = 8000
TO_SERVER, TO_CLIENT = 0, 1

Event = tuple[int, bytes | int] | str
"""Bytes or a hole of one direction; or what happened to the connection."""


def checksum(data: bytes) -> int:
    padded = data + bytes(len(data) & 1)
    total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(
    source: str,
    target: str,
    ports: tuple[int, int],
    sequence: int,
    acknowledged: int,
    flags: int,
    payload: bytes,
    options: bytes = b"",
) -> bytes:
    """A TCP segment with its checksum."""
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    offset = (20 + len(options)) // 4 << 4
    head = [*ports, sequence, acknowledged, offset, flags, 65535, 0, 0]
    segment = struct.pack(">HHIIBBHHH", *head) + options + payload
    head[7] = checksum(addresses + struct.pack(">II", 6, len(segment)) + segment)
    return struct.pack(">HHIIBBHHH", *head) + options + payload


def ip4(
    source: str,
    target: str,
    transport: bytes,
    *,
    options: bytes = b"",
    fragment: int = 0,
    total: int | None = None,
    protocol: int = 6,
) -> bytes:
    length = 20 + len(options) + len(transport)
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    version = 0x45 + len(options) // 4
    head = struct.pack(">BBHHHBBH", version, 0, length if total is None else total, 1, fragment, 64, protocol, 0)
    return head + addresses + options + transport


def ip6(
    source: str, target: str, transport: bytes, *, extensions: bytes = b"", first: int = 6, total: int | None = None
) -> bytes:
    length = len(extensions) + len(transport)
    head = struct.pack(">IHBB", 6 << 28, length if total is None else total, first, 64)
    return head + ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed + extensions + transport


@dataclass
class Talk:
    """One connection's two ends. Each method returns a packet and moves the end's sequence number on."""

    client: str = "10.0.0.1"
    server: str = "10.0.0.2"
    client_port: int = 40_000
    sequences: list[int] = field(default_factory=lambda: [0xFFFFFF00, 5])
    """Of the next byte of each end; one of them wraps around soon."""

    def packet(
        self,
        direction: int,
        flags: int,
        payload: bytes = b"",
        *,
        sequence: int | None = None,
        acknowledged: int | None = None,
    ) -> TcpPacket:
        sequence = self.sequences[direction] if sequence is None else sequence
        acknowledged = self.sequences[1 - direction] if acknowledged is None else acknowledged
        ends = ((self.client, self.client_port), (self.server, PORT))
        (source, source_port), (target, target_port) = ends if direction == TO_SERVER else ends[::-1]
        numbers = sequence % 2**32, acknowledged % 2**32 if flags & ACK else 0
        segment = tcp(source, target, (source_port, target_port), *numbers, flags, payload)
        whole = (ip6 if ":" in source else ip4)(source, target, segment)
        read = read_packet(memoryview(whole), len(whole))
        assert read is not None
        return read

    def _say(self, direction: int, flags: int, payload: bytes = b"") -> TcpPacket:
        said = self.packet(direction, flags, payload)
        self.sequences[direction] += len(payload) + (1 if flags & (SYN | FIN) else 0)
        return said

    def begin(self) -> list[TcpPacket]:
        return [self._say(TO_SERVER, SYN), self._say(TO_CLIENT, SYN | ACK)]

    def ask(self, payload: bytes) -> TcpPacket:
        return self._say(TO_SERVER, ACK, payload)

    def answer(self, payload: bytes) -> TcpPacket:
        return self._say(TO_CLIENT, ACK, payload)

    def acknowledge(self, direction: int) -> TcpPacket:
        return self.packet(direction, ACK)

    def end(self, direction: int, payload: bytes = b"") -> TcpPacket:
        return self._say(direction, ACK | FIN, payload)

    def reset(self, direction: int) -> TcpPacket:
        return self.packet(direction, RST)


class Heard:
    """A sink that writes down, by connection, in the order in which they were opened."""

    def __init__(self) -> None:
        self.connections: list[list[Event]] = []
        self.since: list[tuple[int, int]] = []

    def opened(self, time_ns: int, *, midway: bool) -> int:
        self.connections.append(["midway"] if midway else ["opened"])
        return len(self.connections) - 1

    def passed(self, handle: int, direction: int, payload: bytes | memoryview, time_ns: int) -> None:
        assert len(payload)
        self.connections[handle].append((direction, bytes(payload)))

    def missed(self, handle: int, direction: int, count: int, reason: Uncopied, *, since_ns: int, time_ns: int) -> None:
        assert count > 0
        assert reason in (Uncopied.PACKETS_MISSED, Uncopied.PACKETS_TRUNCATED)
        assert since_ns <= time_ns
        self.connections[handle].append((direction, count))
        self.since.append((since_ns, time_ns))

    def closed(self, handle: int, time_ns: int, *, reason: Uncopied | None = None) -> None:
        assert self.connections[handle][-1] not in ("closed", Uncopied.CONNECTIONS_MAX)
        self.connections[handle].append(reason or "closed")

    def said(self, direction: int, connection: int = 0) -> list[bytes | int]:
        """Bytes and holes of one direction, neighbours joined."""
        joined: list[bytes | int] = []
        for event in self.connections[connection]:
            if isinstance(event, str) or event[0] != direction:
                continue
            fact = event[1]
            if joined and type(fact) is type(joined[-1]):
                joined[-1] += fact  # type: ignore[operator]
            else:
                joined.append(fact)
        return joined


class Watch:
    """Connections before a sink that listens; every packet comes a microsecond after the one before."""

    def __init__(self, **bounds: int) -> None:
        self.heard = Heard()
        self.connections = Connections([PORT], self.heard, **bounds)
        self.time_ns = 1_000_000_000_000

    def see(self, *packets: TcpPacket) -> "Watch":
        for packet in packets:
            self.time_ns += 1000
            self.connections.packet(packet, self.time_ns)
        return self

    def wait(self, seconds: float) -> "Watch":
        self.time_ns += round(seconds * 1e9)
        self.connections.tick(self.time_ns)
        return self
