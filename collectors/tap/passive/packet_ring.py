"""The kernel's ring of packets (AF_PACKET, TPACKET_V3): opened by the supervisor, read by the watcher.

    block   status u32 at 8, packets u32 at 12, offset of the first u32 at 16, number u64 at 24
    packet  offset of the next u32, seconds u32, nanoseconds u32, kept u32, length u32, status u32, offset of its bytes u16

The kernel fills one block after the other and hands each over when it is full, or RETIRE_MILLISECONDS after its first
packet; what comes while none is free is dropped and counted. Blocks are numbered from one on without a break, so a
successor of a killed watcher, which gets the same socket, knows by the number of blocks done where to go on.
"""

import contextlib
import ctypes
import mmap
import select
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from collectors.tap.passive.port_filter import LOOPBACK, assemble

BLOCK_BYTES = 512 * 1024
"""The kernel's unit: holds the largest packet that is kept whole, and some hundreds of small ones."""
RETIRE_MILLISECONDS = 20
"""How old the first packet of a block gets before it is handed over: late for nobody, and seldom for little."""

_SOL_PACKET, _ETHERTYPE_ALL = 263, 3
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION, _PACKET_IGNORE_OUTGOING = 5, 6, 10, 23
_SO_ATTACH_FILTER = 26
_TPACKET_V3 = 2
_RING = struct.Struct("7I")
_STATISTICS = struct.Struct("3I")
_BLOCK = struct.Struct("=II4xQ")
_BLOCK_AT, _STATUS_AT = 12, 8
_PACKET = struct.Struct("=6IH")
_OURS = 1
_CHECKSUM_VOUCHED = 1 << 3 | 1 << 7  # the card or the receiver will fill it in; it was found right


class Packet(NamedTuple):
    """One packet from its network header on; `vouched` where the kernel made or checked its checksum."""

    time_ns: int
    bytes: memoryview
    wire_bytes: int
    vouched: bool


def open_socket(ports: Sequence[int], ring_bytes: int, interface: str | None = None) -> socket.socket:
    """A socket that sees the ports' packets on one interface, or on every one of this network namespace. Raises OSError."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0 if interface else socket.htons(_ETHERTYPE_ALL))
    try:
        sock.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
        program = assemble(ports)
        instructions = ctypes.create_string_buffer(program)
        sock.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(instructions))
        )
        count = ring_bytes // BLOCK_BYTES
        asked = _RING.pack(BLOCK_BYTES, count, BLOCK_BYTES, count, RETIRE_MILLISECONDS, 0, 0)
        sock.setsockopt(_SOL_PACKET, _PACKET_RX_RING, asked)
        if interface:
            if socket.if_nametoindex(interface) == LOOPBACK:
                # What goes out comes in there too: that the kernel need not even offer it is a third of the ring's cost.
                with contextlib.suppress(OSError):  # since Linux 4.20
                    sock.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            sock.bind((interface, _ETHERTYPE_ALL))
        sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)  # forgets what came before the filter
    except OSError:
        sock.close()
        raise
    return sock


class PacketRing:
    """The reading end; `done` blocks were read before."""

    def __init__(self, sock: socket.socket, ring_bytes: int, done: int) -> None:
        self._socket = sock
        self._count = ring_bytes // BLOCK_BYTES
        self._view = memoryview(mmap.mmap(sock.fileno(), self._count * BLOCK_BYTES))
        self._status = [
            self._view[i * BLOCK_BYTES + _STATUS_AT : i * BLOCK_BYTES + _STATUS_AT + 4].cast("I")
            for i in range(self._count)
        ]
        self.done = done
        last = (done - 1) % self._count
        if done and self._status[last][0] & _OURS and self._number(last) == done:
            self._status[last][0] = 0  # the predecessor was killed between reading and giving back

    @property
    def ready(self) -> bool:
        """Whether a block is to be read."""
        return bool(self._status[self.done % self._count][0] & _OURS)

    def read(self) -> Iterator[Packet]:
        """The packets of the block that is ready; their bytes are views that end with `give_back`."""
        view = self._view
        block = self.done % self._count * BLOCK_BYTES
        count, first, _ = _BLOCK.unpack_from(view, block + _BLOCK_AT)
        place = block + first
        for _ in range(count):
            following, seconds, nanoseconds, kept, length, status, offset = _PACKET.unpack_from(view, place)
            begin = place + offset
            time_ns, vouched = seconds * 1_000_000_000 + nanoseconds, status & _CHECKSUM_VOUCHED != 0
            yield Packet(time_ns, view[begin : begin + kept], length, vouched)
            place += following

    def give_back(self) -> None:
        """Let the kernel fill the block again; the next one is to be read."""
        self._status[self.done % self._count][0] = 0
        self.done += 1

    def statistics(self) -> tuple[int, int]:
        """Packets that passed the filter since the last call, and how many of them the kernel dropped."""
        packets, drops, _ = _STATISTICS.unpack(
            self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        )
        return packets, drops

    def wait(self, poll: "select.poll", seconds: float) -> None:
        """Until a block is ready, something else that is polled is, or the time is over."""
        for descriptor, event in poll.poll(seconds * 1000):
            if descriptor == self._socket.fileno() and event & select.POLLERR:
                self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # an interface went down; take note

    def _number(self, block: int) -> int:
        number: int = _BLOCK.unpack_from(self._view, block * BLOCK_BYTES + _BLOCK_AT)[2]
        return number
