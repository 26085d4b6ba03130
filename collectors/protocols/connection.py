"""One connection from its first byte to its last: sniffed, then observed, or opaque."""

from typing import Literal

from collectors.protocols.exchange import Direction, Exchange, Wanted
from collectors.protocols.http1 import Cause, Http1
from collectors.protocols.memory import Budget
from collectors.protocols.sniff import Spoken, sniff

OpaqueCause = Cause | Literal["http2", "tls", "unknown"]
"""Why the bytes of a connection pass unread."""

LEFT_UNREAD: frozenset[OpaqueCause] = frozenset(
    {"malformed", "unsolicited_response", "pipelining_max", "memory_full", "connections_max", "out_of_step"}
)
"""Causes behind which there may be exchanges: what passes after them is a gap. The others are another protocol."""


class Connection:
    """What is known of one connection. `met_midway` where its beginning was not seen."""

    __slots__ = ("_budget", "_http1", "_opaque", "_start", "_start_ns", "_wanted", "spoken")

    def __init__(self, budget: Budget, wanted: Wanted, *, met_midway: bool) -> None:
        self._budget = budget
        self._wanted = wanted
        self._start = b""
        self._start_ns = 0
        self._opaque: OpaqueCause | None = None
        self._http1 = Http1(budget, wanted, resuming=True) if met_midway else None
        self.spoken: Spoken | None = "http1" if met_midway else None

    @property
    def opaque(self) -> OpaqueCause | None:
        """Why the bytes pass unread, or None while they are read."""
        return self._opaque or (self._http1.given_up if self._http1 else None)

    @property
    def silent(self) -> bool:
        """Whether no byte has passed yet."""
        return self.spoken is None and not self._start

    def received(self, direction: Direction, data: bytes, time_ns: int) -> list[Exchange]:
        """Take the next bytes of one direction; returns the exchanges that ended with them."""
        if self._http1 is not None:
            self._http1.received(direction, data, time_ns)
            return self._http1.take()
        if self._opaque is None:
            return self._sniff(direction, data, time_ns)
        return []

    def lost(self, direction: Direction, count: int) -> tuple[list[Exchange], bool]:
        """Step over bytes that were not copied.

        Returns the exchanges that ended damaged, and whether those are all that the bytes can have held.
        """
        if self._http1 is None and self._opaque is None:
            self._start = b""
            self.spoken = "http1"  # a guess: the next request line will tell
            self._http1 = Http1(self._budget, self._wanted, resuming=True)
        if self._http1 is None:
            return [], True
        in_step = self._http1.lost(direction, count)
        return self._http1.take(), in_step

    def closed(self, time_ns: int) -> list[Exchange]:
        """Both directions have ended; returns what was in flight."""
        if self._http1 is None:
            return []
        self._http1.closed(time_ns)
        return self._http1.take()

    def evicted(self) -> list[Exchange]:
        """There is no room to follow this connection; returns what was in flight."""
        if self._http1 is None:
            return []
        self._http1.abandon("connections_max", "connections_max")
        return self._http1.take()

    def _sniff(self, direction: Direction, data: bytes, time_ns: int) -> list[Exchange]:
        if direction is Direction.TO_CLIENT:
            self.spoken = self._opaque = "unknown"  # a server that speaks first speaks nothing we read
            return []
        if not self._start:
            self._start_ns = time_ns
        self._start += data
        self.spoken = sniff(self._start)
        if self.spoken is None:
            return []
        start, self._start = self._start, b""
        if self.spoken != "http1":
            self._opaque = self.spoken
            return []
        self._http1 = Http1(self._budget, self._wanted)
        self._http1.received(direction, start, self._start_ns)
        return self._http1.take()
