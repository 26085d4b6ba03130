"""A single-producer, single-consumer ring of records in shared memory.

A record is a header of 24 bytes (length of the payload u32, kind u32, connection u64, Unix nanoseconds u64) and its
payload, contiguous, aligned to ALIGNMENT. What does not fit before the ring's end is preceded by a filler that says so.
`HEAD` and `TAIL` count bytes since the segment was made and never go back; where in the ring a byte is, is the
remainder of its count since `BASE`. When the reader has caught up, the writer may set `BASE` to `HEAD` and so begin
again at the ring's start, which is still in the cache; nothing unread is ever before `BASE`.

The writer hands out the place where the next bytes may be received, so that copying costs no copy: bytes are received
into the ring, sent from there, and then only a header is written. Nothing is visible to the reader before `publish`.
Data may fill the ring up to CONTROL_RESERVE_BYTES; the rest is kept for records that say what was not copied.

The reader normally sleeps a few milliseconds between looks, which costs the forwarder nothing; only when the ring
fills quickly does the writer wake it.
"""

import os
import struct
import threading
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from collectors.tap import segment as at
from collectors.tap.segment import Segment

RECEIVE_BYTES_MAX = 256 * 1024
"""Most bytes of one receive: large enough that a 600 KB tensor takes three, small enough that no peer waits long."""
CONTROL_RESERVE_BYTES = 1024 * 1024
"""Room for some ten thousand openings, closings and losses while data no longer fits."""
HOT_BYTES = 1024 * 1024
"""When the reader has caught up beyond this, the writer begins again at the ring's start."""
WAKE_SHARE = 8
"""The writer wakes a sleeping reader when more than one part in this many of the ring waits."""
ALIGNMENT = 32
HEADER = struct.Struct("<IIQQ")
HEADER_BYTES = HEADER.size
_PLACE_BYTES = (HEADER_BYTES + RECEIVE_BYTES_MAX + ALIGNMENT - 1) & -ALIGNMENT


class Kind(IntEnum):
    """What a record of the ring says; the first two are those of `collectors.protocols.Direction`."""

    TO_SERVER = 0
    TO_CLIENT = 1
    OPENED = 2
    CLOSED = 3
    LOST = 4  # payload: since when, bytes to the server, bytes to the client (u64 each)
    INTERRUPTED = 5  # payload: an Interruption; every open connection is forgotten
    UNSEEN = 6  # payload: since when (u64); nobody knows which bytes of which connections
    FILLER = 7


_FILLER = int(Kind.FILLER)

LOST = struct.Struct("<QQQ")
UNSEEN = struct.Struct("<Q")


class Interruption(NamedTuple):
    """The payload of an INTERRUPTED record."""

    start_ns: int
    end_ns: int
    connections: int
    bytes: int
    exchanges_estimated: int
    reason: int


INTERRUPTION = struct.Struct("<QQQQQQ")


class RingRecord(NamedTuple):
    kind: int
    connection: int
    time_ns: int
    payload: memoryview


class RingDamaged(Exception):
    """A header that no writer wrote; the reader cannot know where the next record begins."""


class RingWriter:
    """The forwarder's end."""

    def __init__(self, segment: Segment, wake: int) -> None:
        self._words = segment.words
        self._data = segment.ring
        self._size = len(segment.ring)
        self._wake = wake
        self._wake_bytes = self._size // WAKE_SHARE
        self._fence = threading.Lock()
        self.head = self._words[at.HEAD]
        self._base = self._words[at.BASE]
        self._tail = self._words[at.TAIL]
        self._place = 0

    def place(self) -> memoryview | None:
        """Where up to RECEIVE_BYTES_MAX bytes may be received now, or None when the ring is full."""
        size = self._size
        head = self.head
        position = (head - self._base) % size
        if position > HOT_BYTES and self._words[at.TAIL] == head:
            self._base = self._words[at.BASE] = head
            position = 0
        room = size - position
        if room < _PLACE_BYTES:
            if not self._fits(room + _PLACE_BYTES + CONTROL_RESERVE_BYTES):
                return None
            self._fill(position, room)
            position = 0
        elif head + _PLACE_BYTES + CONTROL_RESERVE_BYTES - self._tail > size and not self._fits(
            _PLACE_BYTES + CONTROL_RESERVE_BYTES
        ):
            return None
        self._place = position
        return self._data[position + HEADER_BYTES : position + HEADER_BYTES + RECEIVE_BYTES_MAX]

    def commit(self, kind: int, connection: int, count: int, time_ns: int) -> None:
        """The first `count` bytes of the last place are a record."""
        HEADER.pack_into(self._data, self._place, count, kind, connection, time_ns)
        self.head += (HEADER_BYTES + count + ALIGNMENT - 1) & -ALIGNMENT

    def placed(self, count: int) -> bytes:
        """The first bytes at the last place."""
        begin = self._place + HEADER_BYTES
        return bytes(self._data[begin : begin + count])

    def put(self, kind: int, connection: int, time_ns: int, payload: bytes = b"") -> bool:
        """Write a control record, into the reserve if need be; False when even that is full."""
        need = (HEADER_BYTES + len(payload) + ALIGNMENT - 1) & -ALIGNMENT
        position = (self.head - self._base) % self._size
        room = self._size - position
        if room < need:
            if not self._fits(room + need):
                return False
            self._fill(position, room)
            position = 0
        elif not self._fits(need):
            return False
        HEADER.pack_into(self._data, position, len(payload), kind, connection, time_ns)
        self._data[position + HEADER_BYTES : position + HEADER_BYTES + len(payload)] = payload
        self.head += need
        return True

    def publish(self) -> None:
        """Let the reader see what was written."""
        words = self._words
        # An uncontended lock is the one portable memory fence that Python has: on machines that reorder stores the
        # records must be visible before the head that covers them.
        with self._fence:
            words[at.HEAD] = self.head
        if words[at.WORKER_SLEEPS] and self.head - words[at.TAIL] > self._wake_bytes:
            words[at.WORKER_SLEEPS] = 0
            os.eventfd_write(self._wake, 1)

    @property
    def free(self) -> int:
        return self._size - (self.head - self._words[at.TAIL])

    def _fits(self, need: int) -> bool:
        self._tail = self._words[at.TAIL]
        return self.head + need - self._tail <= self._size

    def _fill(self, position: int, room: int) -> None:
        HEADER.pack_into(self._data, position, room - HEADER_BYTES, Kind.FILLER, 0, 0)
        self.head += room


class RingReader:
    """The capture worker's end. A new reader goes on where the last one advanced to."""

    def __init__(self, segment: Segment) -> None:
        self._words = segment.words
        self._data = segment.ring
        self._size = len(segment.ring)
        self._fence = threading.Lock()
        self.position = self._words[at.TAIL]
        """How far it has read, counted like `TAIL`."""

    @property
    def waiting(self) -> int:
        """Bytes written and not yet read."""
        return self._words[at.HEAD] - self.position

    def read(self, bytes_max: int) -> Iterator[RingRecord]:
        """The records that wait, up to about `bytes_max`; payloads are views that end with the next `advance`."""
        with self._fence:
            head = self._words[at.HEAD]
        base, size, data, unpack = self._words[at.BASE], self._size, self._data, HEADER.unpack_from
        made = tuple.__new__  # without the frame of Python that RingRecord's own takes
        reached, end = self.position, min(head, self.position + bytes_max)
        while reached < end:
            position = (reached - base) % size
            length, kind, connection, time_ns = unpack(data, position)
            begin = position + HEADER_BYTES
            after = reached + ((HEADER_BYTES + length + ALIGNMENT - 1) & -ALIGNMENT)
            if kind > _FILLER or after > head or begin + length > size:
                raise RingDamaged(f"at byte {reached}: kind {kind}, length {length}")
            self.position = reached = after
            if kind != _FILLER:
                yield made(RingRecord, (kind, connection, time_ns, data[begin : begin + length]))

    def advance(self) -> None:
        """Give the room of what was read back to the writer."""
        with self._fence:
            self._words[at.TAIL] = self.position

    def skip_all(self) -> int:
        """Give up everything that waits; returns how many bytes that were."""
        skipped = self.waiting
        self.position += skipped
        self.advance()
        return skipped
