"""What is copied of the bytes that pass, what is not, and the account of both.

    bytes passed         = bytes copied + bytes not copied, by reason
    connections passed   = copied whole + copied with losses, by the first reason + still open

A copy with holes is of no use beyond the exchange they are in, so a loss lasts until the link's next *turn*: the first
bytes of the client after bytes of the server, where a request normally begins. Where a client's first bytes are those of
TLS, they are copied, so that the worker knows, and none after them: nobody could read those. No connection may have more than about
twice its budget unread in the ring, so that one large download cannot crowd out the rest.
"""

import time

from collectors.tap import segment as at
from collectors.tap.ring import INTERRUPTION, LOST, UNSEEN, Interruption, Kind, RingWriter
from collectors.tap.segment import TLS_REFUSALS, UNCOPIED, Segment, TlsRefusal, Uncopied

_QUEUE_FULL = UNCOPIED.index(Uncopied.QUEUE_FULL)
_CONNECTION_BUDGET = UNCOPIED.index(Uncopied.CONNECTION_BUDGET)
_WORKER_DOWN = UNCOPIED.index(Uncopied.WORKER_DOWN)
_TLS = UNCOPIED.index(Uncopied.TLS)
_NO_LOSS = -1
_TLS_TOLD_NS = 1_000_000_000
"""The worker hears this often of what passed on a connection with TLS: connections live longer than windows."""


class Copied:
    """The copying state of one link."""

    __slots__ = (
        "begun",  # the client has sent its first bytes
        "budget_from",
        "budget_used",
        "connection",
        "first_loss",
        "last",
        "loss",
        "lost",
        "lost_since_ns",
    )

    def __init__(self, connection: int, head: int) -> None:
        self.connection = connection
        self.begun = False
        self.last = 1  # the first bytes of a client are a turn
        self.loss = _NO_LOSS
        self.first_loss = _NO_LOSS
        self.lost = [0, 0]
        self.lost_since_ns = 0
        self.budget_from = head
        self.budget_used = 0


class Copier:
    """Offers a place in the ring for the next bytes, then records what passed there.

    `killed` is the reason for what a predecessor left behind that did not end in order.
    """

    def __init__(
        self, segment: Segment, wake: int, connection_copy_bytes: int, *, killed: Uncopied = Uncopied.FORWARDER_KILLED
    ) -> None:
        self._words = segment.words
        self._ring = RingWriter(segment, wake)
        self._budget = connection_copy_bytes
        self._bytes = [self._words[at.BYTES_TO_SERVER], self._words[at.BYTES_TO_CLIENT]]
        self._copied = self._words[at.BYTES_COPIED]
        self._uncopied = [self._words[at.BYTES_UNCOPIED + reason] for reason in range(len(UNCOPIED))]
        self._uncopied_changed = False
        self._half = len(segment.ring) // 2
        self._next_connection = self._words[at.NEXT_CONNECTION]
        self._overflow: Interruption | None = None
        self._killed = UNCOPIED.index(killed)
        if self._next_connection:
            self._account_for_predecessor()

    def opened(self, time_ns: int, *, midway: bool = False) -> Copied:
        """A connection stands; `midway` where nobody saw its beginning, so that the worker must look for a request."""
        copied = Copied(self._next_connection, self._ring.head)
        self._next_connection += 1
        self._words[at.NEXT_CONNECTION] = self._next_connection
        self._words[at.CONNECTIONS] += 1
        if midway:
            self._words[at.CONNECTIONS_MIDWAY] += 1
        elif not self._put(Kind.OPENED, copied, time_ns):
            self._lose(copied, _QUEUE_FULL)
        return copied

    def refused(self) -> None:
        """The server did not accept a client's connection."""
        self._words[at.CONNECTIONS_REFUSED] += 1

    def refused_in_greeting(self, refusal: TlsRefusal) -> None:
        """Client or server did not get through the handshake of TLS."""
        self._words[at.TLS_REFUSED + TLS_REFUSALS.index(refusal)] += 1

    def loaded_certificates(self, *, well: bool) -> None:
        """A listener's certificate was renewed, or could not be."""
        self._words[at.TLS_RELOADS if well else at.TLS_RELOADS_FAILED] += 1

    def place(self, copied: Copied, direction: int) -> memoryview | None:
        """Where this link's next bytes may be received so that they are copied, or None: receive them elsewhere."""
        if copied.loss != _NO_LOSS and not (direction < copied.last and self._resume(copied)):
            return None
        if copied.budget_used > self._budget:
            if self._words[at.TAIL] < copied.budget_from:
                self._lose(copied, _CONNECTION_BUDGET)
                return None
            copied.budget_from = self._ring.head
            copied.budget_used = 0
        place = None if self._overflow else self._ring.place()
        if place is None:
            self._lose(copied, _QUEUE_FULL if self._words[at.WORKER_UP] else _WORKER_DOWN)
        return place

    def forwarded(self, copied: Copied, direction: int, count: int, time_ns: int) -> None:
        """`count` bytes were received where `place` said, and passed on."""
        self._bytes[direction] += count
        copied.last = direction
        if copied.loss != _NO_LOSS:
            self._uncopied[copied.loss] += count
            self._uncopied_changed = True
            _add_loss(copied, direction, count, time_ns)
        else:
            if not (copied.begun or direction):
                self._begins(copied, count)
            self._ring.commit(direction, copied.connection, count, time_ns)
            copied.budget_used += count
            self._copied += count

    def missed(
        self, copied: Copied, direction: int, count: int, reason: Uncopied, *, since_ns: int, time_ns: int
    ) -> None:
        """`count` bytes passed that nobody can copy any more; those after them follow at once."""
        position = UNCOPIED.index(reason)
        self._bytes[direction] += count
        self._uncopied[position] += count
        self._uncopied_changed = True
        if copied.first_loss == _NO_LOSS:
            copied.first_loss = position
        _add_loss(copied, direction, count, since_ns)
        if copied.loss == _NO_LOSS and not self._tell_loss(copied, time_ns):
            copied.loss = position

    def unseen(self, since_ns: int, time_ns: int) -> bool:
        """Something passed in between, nobody knows how much of what; False where there is no room to tell it now."""
        return self._overflow is None and self._ring.put(Kind.UNSEEN, 0, time_ns, UNSEEN.pack(since_ns))

    def closed(self, copied: Copied, time_ns: int, *, reason: Uncopied | None = None) -> None:
        """The connection is gone, or for this reason followed no longer."""
        if reason is not None and copied.first_loss == _NO_LOSS:
            copied.first_loss = UNCOPIED.index(reason)
        if copied.loss != _NO_LOSS:
            self._tell_loss(copied, time_ns)
        self._put(Kind.CLOSED, copied, time_ns)
        if copied.first_loss == _NO_LOSS:
            self._words[at.CONNECTIONS_COPIED] += 1
        else:
            self._words[at.CONNECTIONS_UNCOPIED + copied.first_loss] += 1

    def publish(self, time_ns: int) -> None:
        """Let the worker see what was copied, and everybody the counts."""
        words = self._words
        # What was forwarded comes first: a forwarder killed between two words leaves a remainder, never an excess.
        words[at.BYTES_TO_SERVER], words[at.BYTES_TO_CLIENT] = self._bytes
        words[at.BYTES_COPIED] = self._copied
        if self._uncopied_changed:
            for reason, count in enumerate(self._uncopied):
                words[at.BYTES_UNCOPIED + reason] = count
            self._uncopied_changed = False
        words[at.TAP_ALIVE_NS] = time_ns
        if self._overflow is not None and self._ring.free > self._half:
            self._tell_overflow(self._overflow, time_ns)
        self._ring.publish()

    def _begins(self, copied: Copied, count: int) -> None:
        """The client's first bytes are in the ring."""
        copied.begun = True
        start = self._ring.placed(min(count, 6))
        if start[:2] == b"\x16\x03" and start[5:] == b"\1":  # a handshake record with a ClientHello (RFC 8446)
            self._lose(copied, _TLS)

    def _lose(self, copied: Copied, reason: int) -> None:
        copied.loss = reason
        if copied.first_loss == _NO_LOSS:
            copied.first_loss = reason

    def _resume(self, copied: Copied) -> bool:
        """Copy again from this turn on, once the loss is told."""
        if copied.loss == _TLS:
            now = time.time_ns()
            if self._overflow is None and now - copied.lost_since_ns > _TLS_TOLD_NS and self._tell_loss(copied, now):
                copied.loss = _TLS
            return False
        if self._overflow is not None or not self._ring.place():
            return False
        return self._tell_loss(copied, time.time_ns())

    def _tell_loss(self, copied: Copied, time_ns: int) -> bool:
        told = LOST.pack(copied.lost_since_ns, *copied.lost)
        if any(copied.lost) and not self._put(Kind.LOST, copied, time_ns, told):
            return False
        copied.loss = _NO_LOSS
        copied.lost = [0, 0]
        return True

    def _put(self, kind: Kind, copied: Copied, time_ns: int, payload: bytes = b"") -> bool:
        """Write a control record; when even the reserve is full, the whole copy is interrupted until there is room."""
        if self._overflow is None and self._ring.put(kind, copied.connection, time_ns, payload):
            return True
        before = self._overflow or Interruption(time_ns, time_ns, 0, 0, 0, _QUEUE_FULL)
        self._overflow = before._replace(
            end_ns=time_ns,
            connections=before.connections + (kind == Kind.CLOSED),
            bytes=before.bytes + sum(copied.lost),
            exchanges_estimated=before.exchanges_estimated + (kind == Kind.CLOSED),
        )
        copied.lost = [0, 0]
        return False

    def _tell_overflow(self, overflow: Interruption, time_ns: int) -> None:
        payload = INTERRUPTION.pack(*overflow._replace(end_ns=time_ns))
        if self._ring.put(Kind.INTERRUPTED, 0, time_ns, payload):
            self._overflow = None

    def _account_for_predecessor(self) -> None:
        """One died before this one: its connections are gone, and what it had not accounted for is known."""
        words = self._words
        closed = words[at.CONNECTIONS_COPIED] + sum(words[at.CONNECTIONS_UNCOPIED + i] for i in range(len(UNCOPIED)))
        connections = words[at.CONNECTIONS] - closed
        unaccounted = sum(self._bytes) - self._copied - sum(self._uncopied)
        words[at.CONNECTIONS_UNCOPIED + self._killed] += connections
        self._uncopied[self._killed] += unaccounted
        self._uncopied_changed = True
        now = time.time_ns()
        since = words[at.TAP_ALIVE_NS] or now
        self._overflow = Interruption(since, now, connections, unaccounted, connections, self._killed)
        self._tell_overflow(self._overflow, now)


def _add_loss(copied: Copied, direction: int, count: int, time_ns: int) -> None:
    if not any(copied.lost):
        copied.lost_since_ns = time_ns
    copied.lost[direction] += count
