"""The directions of a connection: packets in any order, repeated, overlapping and with losses in; bytes in order out.

Sequence numbers wrap around; only their distances from `next` mean something. What cannot be delivered yet waits as
pieces; of bytes that came twice, the first to come count. What the receiver acknowledged and nobody saw is a hole.
"""

from bisect import bisect_right
from typing import Any, Generic, NamedTuple, TypeVar

UNKNOWN = -1
"""Instead of a sequence number, as long as no packet told one."""
PIECE_BYTES = 128
"""What keeping a piece costs beside its bytes, so that many small ones cannot take much."""
_MODULUS, _HALF = 1 << 32, 1 << 31

Handle = TypeVar("Handle")


class Delivery(NamedTuple):
    """The next `length` bytes: those of `payload`, then as many as are lacking. Those were cut off it where there are any."""

    length: int
    payload: bytes | memoryview
    time_ns: int


class _Piece(NamedTuple):
    position: int
    length: int
    payload: bytes
    time_ns: int

    @property
    def end(self) -> int:
        return self.position + self.length


def distance(sequence: int, since: int) -> int:
    """How far a sequence number is after (or, negative, before) another."""
    return (sequence - since + _HALF) % _MODULUS - _HALF


class Stream:
    """The state of one direction."""

    __slots__ = (
        "_end",
        "_pieces",
        "_position",
        "direction",
        "done",
        "next",
        "of",
        "ordered",
        "peer",
        "pending_bytes",
        "pending_told",
        "start",
        "waiting",
        "waiting_ns",
        "way",
    )

    of: "Followed[Any]"
    peer: "Stream"

    def __init__(self, way: bytes, direction: int, sequence: int) -> None:
        self.way = way
        self.direction = direction
        self.start = UNKNOWN
        """Where it began, if that was seen."""
        self.next = sequence
        self.done = False
        """Whether it has ended, and everything before its end was delivered or told."""
        self.ordered = True
        """Whether nothing is known of what comes after `next`: then a packet that begins there may be passed on at once."""
        self.waiting = False
        """Whether pieces wait behind a hole."""
        self.waiting_ns = 0
        self.pending_bytes = 0
        self.pending_told = 0
        """Of those, what its owner has in its own account."""
        self._position = 0  # of `next`, counted from anywhere: it only moves while pieces wait
        self._pieces: list[_Piece] = []
        self._end: int | None = None

    def arrived(self, sequence: int, length: int, payload: memoryview, time_ns: int) -> list[Delivery]:
        """Take a packet's bytes; returns what can be delivered now."""
        if self.next == UNKNOWN:
            self.next = sequence
        ahead = distance(sequence, self.next)
        if ahead < 0:
            payload, length, ahead = payload[-ahead:], length + ahead, 0
        if self._end is not None:
            length = min(length, self._end - self._position - ahead)
            payload = payload[: max(0, length)]
        if length <= 0 or self.done:
            return []
        self._keep(_Piece(self._position + ahead, length, bytes(payload), time_ns))
        return self._ready(time_ns)

    def ends(self, sequence: int) -> None:
        """The sender has said that this is where it ends."""
        if self._end is None and self.next != UNKNOWN:
            self._end = self._position + max(0, distance(sequence, self.next))
            self.ordered = False
        self._look_whether_done()

    def acknowledged(self, sequence: int, time_ns: int, *, bids_farewell: bool) -> list[Delivery]:
        """The receiver has everything before; returns what that makes certain.

        One byte more than was seen, acknowledged by a packet that `bids_farewell` and says nothing else, is the end, whose
        packet was missed.
        """
        if self.next == UNKNOWN:
            return []
        ahead = distance(sequence, self.next)
        if ahead == 1 and bids_farewell and not self._pieces and self._end is None:
            self.ends(self.next)
            return []
        target = self._position + ahead
        if self._end is not None:
            target = min(target, self._end)
        found: list[Delivery] = []
        while self._position < target:
            found += self._over_hole(target, time_ns)
        return found

    def give_up_hole(self, time_ns: int) -> list[Delivery]:
        """Step over the first hole, though it might still be filled."""
        return self._over_hole(self._pieces[0].position, time_ns) if self._pieces else []

    def flush(self, time_ns: int) -> list[Delivery]:
        """Nothing more will come: step over every hole before what was seen."""
        found: list[Delivery] = []
        while self._pieces:
            found += self.give_up_hole(time_ns)
        if self._end is not None and self._position < self._end:
            found += self._over_hole(self._end, time_ns)
        return found

    def _over_hole(self, target: int, time_ns: int) -> list[Delivery]:
        stop = min(target, self._pieces[0].position) if self._pieces else target
        hole = Delivery(stop - self._position, b"", time_ns)
        self._advance(hole.length)
        return [hole, *self._ready(time_ns)] if hole.length else self._ready(time_ns)

    def _keep(self, new: _Piece) -> None:
        """Put in what no other piece has yet."""
        place = bisect_right(self._pieces, new.position, key=lambda piece: piece.end)
        position = new.position
        while position < new.end:
            other = self._pieces[place] if place < len(self._pieces) else None
            stop = new.end if other is None else min(new.end, other.position)
            if position < stop:
                begin = position - new.position
                part = new.payload[begin : begin + stop - position]
                self._pieces.insert(place, _Piece(position, stop - position, part, new.time_ns))
                self.pending_bytes += PIECE_BYTES + len(part)
                place += 1
            if other is None:
                break
            position = max(position, other.end)
            place += 1

    def _ready(self, time_ns: int) -> list[Delivery]:
        count = 0
        found = []
        for piece in self._pieces:
            if piece.position != self._position:
                break
            count += 1
            self.pending_bytes -= PIECE_BYTES + len(piece.payload)
            self._advance(piece.length)
            found.append(Delivery(piece.length, piece.payload, piece.time_ns))
        del self._pieces[:count]
        if self._pieces and (count or not self.waiting):
            self.waiting_ns = time_ns
        self.waiting = bool(self._pieces)
        self.ordered = not self._pieces and self._end is None
        self._look_whether_done()
        return found

    def _advance(self, length: int) -> None:
        self._position += length
        self.next = (self.next + length) % _MODULUS

    def _look_whether_done(self) -> None:
        self.done = self._end is not None and self._position >= self._end


class Followed(Generic[Handle]):
    """One connection: the sink's handle and both directions, that of the client first."""

    __slots__ = ("handle", "last_ns", "streams")

    def __init__(self, handle: Handle, streams: tuple[Stream, Stream], time_ns: int) -> None:
        self.handle = handle
        self.streams = streams
        self.last_ns = time_ns
        streams[0].peer, streams[1].peer = streams[1], streams[0]
        for stream in streams:
            stream.of = self

    def dissolve(self) -> None:
        """Let go of the cycles between a connection and its streams."""
        for stream in self.streams:
            del stream.peer, stream.of
