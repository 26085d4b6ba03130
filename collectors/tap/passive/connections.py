"""The connections of the watched ports: packets of all of them in, what each said out, in order.

A *sink* is told of every connection: opened, the bytes of both directions, holes with their exact size in their place,
closed. Whatever is not certain is decided by what the ends themselves say: bytes that the receiver acknowledges and
nobody saw are a hole at once; others are waited for, within bounds, because the sender may send them again.

Of a connection that closed, the ways are remembered for a while, so that a late repetition is not taken for a new one.
"""

from collections.abc import Collection
from typing import Generic, Protocol

from collectors.tap.passive.packets import ACK, FIN, RST, SYN, TcpPacket, receiver_port, sender_port, turned
from collectors.tap.passive.streams import UNKNOWN, Delivery, Followed, Handle, Stream, distance
from collectors.tap.segment import Uncopied

CONNECTIONS_MAX = 16_384
"""Followed at once, as many as the capture worker follows. The sixteenth part that never spoke, or is silent longest, makes
room."""
EVICTED_SHARE = 16
PENDING_BYTES_MAX = 1024 * 1024
"""One direction keeps this much behind a hole: more than is on its way at once on all but the longest links."""
PENDING_BYTES_TOTAL_MAX = 32 * 1024 * 1024
"""And all of them together."""
PENDING_SECONDS = 3.0
"""A hole is filled within this, or not at all: a sender repeats after a second at most, and once more after two."""
IDLE_SECONDS = 7200.0
"""Silent so long, a connection is gone and its end was missed: even the kernel's keep-alive asks sooner."""
GONE_MAX = 8192
"""Ways of closed connections remembered: a second of very many short ones."""
LATE_BYTES_MAX = 1024 * 1024
"""A packet this near to the end of a closed connection is of that; one further away is of another on the same ports."""
LEAP_BYTES_MAX = 64 * 1024 * 1024
"""A distance beyond any window in use: another connection on the same ports, of which no beginning was seen."""

_MODULUS = 1 << 32
_BEGINS_OR_ENDS = SYN | FIN | RST
_NANOSECONDS = 1_000_000_000


class Sink(Protocol[Handle]):
    """Where the connections' bytes go; a handle is how it knows one."""

    def opened(self, time_ns: int, *, midway: bool) -> Handle: ...

    def passed(self, handle: Handle, direction: int, payload: bytes | memoryview, time_ns: int) -> None: ...

    def missed(
        self, handle: Handle, direction: int, count: int, reason: Uncopied, *, since_ns: int, time_ns: int
    ) -> None: ...

    def closed(self, handle: Handle, time_ns: int, *, reason: Uncopied | None = None) -> None: ...


class Connections(Generic[Handle]):
    """All connections of some ports."""

    def __init__(
        self,
        ports: Collection[int],
        sink: Sink[Handle],
        *,
        connections_max: int = CONNECTIONS_MAX,
        pending_bytes_max: int = PENDING_BYTES_MAX,
        pending_bytes_total_max: int = PENDING_BYTES_TOTAL_MAX,
    ) -> None:
        self._ports = frozenset(ports)
        self._sink = sink
        self._connections_max = connections_max
        self._pending_bytes_max = pending_bytes_max
        self._pending_bytes_total_max = pending_bytes_total_max
        self._streams: dict[bytes, Stream] = {}
        self._open: set[Followed[Handle]] = set()
        self._waiting: set[Stream] = set()
        self._gone: dict[bytes, int] = {}
        self.pending_bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    def packet(self, packet: TcpPacket, time_ns: int) -> None:
        """Take the next packet of any of them, in the order in which the kernel saw them."""
        way, sequence, acknowledged, flags, length, payload = packet
        stream = self._streams.get(way)
        if stream is None or flags & _BEGINS_OR_ENDS:
            self._unusual(stream, packet, time_ns)
            return
        peer, of = stream.peer, stream.of
        if acknowledged != peer.next and flags & ACK and not self._acknowledged(stream, packet, time_ns):
            return
        if sequence == stream.next and stream.ordered and len(payload) == length:
            stream.next = (sequence + length) % _MODULUS
            of.last_ns = time_ns
            if length:
                self._sink.passed(of.handle, stream.direction, payload, time_ns)
        else:
            self._arrived(stream, packet, time_ns)

    def tick(self, time_ns: int) -> None:
        """Give up what was waited for too long."""
        patience = time_ns - round(PENDING_SECONDS * _NANOSECONDS)
        for stream in [each for each in self._waiting if each.waiting_ns < patience]:
            if stream.waiting:  # and has not ended with its other direction just now
                self._deliver(stream, stream.give_up_hole(time_ns), time_ns)
        silence = time_ns - round(IDLE_SECONDS * _NANOSECONDS)
        for connection in [each for each in self._open if each.last_ns < silence]:
            self._close(connection, time_ns, over=False)

    def close(self, time_ns: int) -> None:
        """Nobody watches any longer."""
        for connection in list(self._open):
            self._close(connection, time_ns, over=False)

    # Bytes.

    def _acknowledged(self, stream: Stream, packet: TcpPacket, time_ns: int) -> bool:
        """What the packet says of the other direction; False where its connection is not followed any longer."""
        peer = stream.peer
        if peer.next == UNKNOWN:
            return True
        ahead = distance(packet.acknowledged, peer.next)
        if abs(ahead) > LEAP_BYTES_MAX:
            self._begin_again(stream, packet, time_ns)
            return False
        if ahead > 0:
            bids_farewell = bool(packet.flags & FIN) and not packet.length
            known = peer.acknowledged(packet.acknowledged, time_ns, bids_farewell=bids_farewell)
            self._deliver(peer, known, time_ns)
        return self._streams.get(packet.way) is stream

    def _arrived(self, stream: Stream, packet: TcpPacket, time_ns: int) -> None:
        """A packet that is not simply the next one."""
        if stream.next != UNKNOWN and abs(distance(packet.sequence, stream.next)) > LEAP_BYTES_MAX:
            self._begin_again(stream, packet, time_ns)
            return
        if not packet.length:
            return
        self._deliver(stream, stream.arrived(packet.sequence, packet.length, packet.payload, time_ns), time_ns)
        while stream.waiting and (
            stream.pending_bytes > self._pending_bytes_max or self.pending_bytes > self._pending_bytes_total_max
        ):
            self._deliver(stream, stream.give_up_hole(time_ns), time_ns)

    def _deliver(self, stream: Stream, deliveries: list[Delivery], time_ns: int) -> None:
        """Tell the sink; a connection of which both directions are done is closed."""
        self._tell(stream, deliveries, time_ns)
        if stream.done and stream.peer.done:
            self._close(stream.of, time_ns)

    def _tell(self, stream: Stream, deliveries: list[Delivery], time_ns: int) -> None:
        connection: Followed[Handle] = stream.of
        since_ns = connection.last_ns
        for length, payload, at_ns in deliveries:
            if len(payload):
                self._sink.passed(connection.handle, stream.direction, payload, at_ns)
            if len(payload) < length:
                reason = Uncopied.PACKETS_TRUNCATED if len(payload) else Uncopied.PACKETS_MISSED
                missing = length - len(payload)
                self._sink.missed(
                    connection.handle, stream.direction, missing, reason, since_ns=min(since_ns, at_ns), time_ns=time_ns
                )
        connection.last_ns = max(since_ns, time_ns)
        self.pending_bytes += stream.pending_bytes - stream.pending_told
        stream.pending_told = stream.pending_bytes
        if stream.waiting:
            self._waiting.add(stream)
        else:
            self._waiting.discard(stream)

    # Beginnings and ends.

    def _unusual(self, stream: Stream | None, packet: TcpPacket, time_ns: int) -> None:
        if stream is None and self._ports.isdisjoint((sender_port(packet.way), receiver_port(packet.way))):
            return  # behind extension headers the kernel's filter sees no ports
        if packet.flags & SYN:
            self._begins(stream, packet, time_ns)
        elif stream is None:
            if packet.length and not packet.flags & RST and not self._is_late(packet):
                self._meet(packet, time_ns)
        elif packet.flags & RST:
            if stream.next == UNKNOWN or 0 <= distance(packet.sequence, stream.next) <= LEAP_BYTES_MAX:
                self._close(stream.of, time_ns)
        else:
            self._ends(stream, packet, time_ns)

    def _begins(self, stream: Stream | None, packet: TcpPacket, time_ns: int) -> None:
        """A client's or a server's first packet. A client's opens nothing yet: nobody may be there to answer."""
        first = (packet.sequence + 1) % _MODULUS
        answers = packet.flags & ACK
        if (
            stream is not None
            and stream.start == UNKNOWN
            and (stream.next == UNKNOWN or 0 <= distance(stream.next, first) <= LATE_BYTES_MAX)
        ):
            stream.start = first
            stream.next = first if stream.next == UNKNOWN else stream.next
        elif stream is not None and stream.start != first:
            self._close(stream.of, time_ns, over=False)
            stream = None
        if stream is None and answers:
            self._open_connection(turned(packet.way), packet.acknowledged, first, time_ns, midway=False)
        elif stream is None and packet.length:
            self._open_connection(packet.way, first, UNKNOWN, time_ns, midway=False)
        followed = self._streams.get(packet.way)
        if packet.length and followed is not None:
            self._arrived(followed, packet._replace(sequence=first), time_ns)

    def _meet(self, packet: TcpPacket, time_ns: int) -> None:
        """A connection whose beginning was not seen."""
        acknowledged = packet.acknowledged if packet.flags & ACK else UNKNOWN
        if self._is_from_client(packet.way):
            self._open_connection(packet.way, packet.sequence, acknowledged, time_ns, midway=True)
        else:
            self._open_connection(turned(packet.way), acknowledged, packet.sequence, time_ns, midway=True)
        self.packet(packet, time_ns)

    def _begin_again(self, stream: Stream, packet: TcpPacket, time_ns: int) -> None:
        """Sequence numbers that cannot belong to what was followed: its end and another's beginning were missed."""
        self._close(stream.of, time_ns, over=False)
        if packet.length:
            self._meet(packet, time_ns)

    def _open_connection(
        self, client: bytes, client_next: int, server_next: int, time_ns: int, *, midway: bool
    ) -> None:
        if len(self._open) >= self._connections_max:
            self._make_room(time_ns)
        server = turned(client)
        handle = self._sink.opened(time_ns, midway=midway)
        streams = Stream(client, 0, client_next), Stream(server, 1, server_next)
        self._open.add(Followed(handle, streams, time_ns))
        for stream in streams:
            stream.start = UNKNOWN if midway else stream.next
            self._streams[stream.way] = stream
            self._gone.pop(stream.way, None)

    def _ends(self, stream: Stream, packet: TcpPacket, time_ns: int) -> None:
        """The sender's last packet, perhaps with its last bytes."""
        if packet.flags & ACK and not self._acknowledged(stream, packet, time_ns):
            return
        self._arrived(stream, packet, time_ns)
        if self._streams.get(packet.way) is stream:
            stream.ends((packet.sequence + packet.length) % _MODULUS)
            self._deliver(stream, [], time_ns)

    def _close(
        self, connection: Followed[Handle], time_ns: int, *, over: bool = True, reason: Uncopied | None = None
    ) -> None:
        """Follow it no longer; where it is `over`, what still comes of it is late."""
        for stream in connection.streams:
            self._tell(stream, stream.flush(time_ns), time_ns)
            del self._streams[stream.way]
            if over and stream.next != UNKNOWN:
                self._gone.pop(stream.way, None)
                self._gone[stream.way] = stream.next
        while len(self._gone) > GONE_MAX:
            del self._gone[next(iter(self._gone))]
        self._open.discard(connection)
        self._sink.closed(connection.handle, time_ns, reason=reason)
        connection.dissolve()

    def _make_room(self, time_ns: int) -> None:
        for connection in sorted(self._open, key=_worth)[: max(1, self._connections_max // EVICTED_SHARE)]:
            self._close(connection, time_ns, over=False, reason=Uncopied.CONNECTIONS_MAX)

    def _is_late(self, packet: TcpPacket) -> bool:
        """Whether it belongs to a connection that has closed."""
        last = self._gone.get(packet.way)
        return last is not None and abs(distance(packet.sequence, last)) <= LATE_BYTES_MAX

    def _is_from_client(self, way: bytes) -> bool:
        """Where both ports are watched, the client's is the higher one: it was given to it by its kernel."""
        sender, receiver = sender_port(way), receiver_port(way)
        if sender in self._ports and receiver in self._ports:
            return sender >= receiver
        return receiver in self._ports


def _worth(connection: Followed[Handle]) -> tuple[bool, int]:
    """Of less worth is who never said anything, which a flood of greetings does not, then who is silent longer."""
    return any(stream.next != stream.start for stream in connection.streams), connection.last_ns
