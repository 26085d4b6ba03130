"""One connection from its first byte to its last: sniffed, then observed, or opaque."""

from typing import Literal, get_args

from collectors.protocols import http1, http2
from collectors.protocols.dialogue import Correlation
from collectors.protocols.exchange import Damage, Direction, Exchange, Wanted
from collectors.protocols.heads import Heads
from collectors.protocols.http1 import Http1, Switched
from collectors.protocols.http2 import Correlating, Http2
from collectors.protocols.http2_frames import are_frames, may_begin_frames
from collectors.protocols.memory import Budget
from collectors.protocols.sniff import Spoken, sniff

_OTHERWISE = Literal["http2_midway", "tls", "unknown"]

OpaqueCause = http1.Cause | http2.Cause | _OTHERWISE
"""Why the bytes of a connection pass unread."""

OPAQUE_CAUSES: tuple[str, ...] = tuple(
    dict.fromkeys(get_args(http1.Cause) + get_args(http2.Cause) + get_args(_OTHERWISE))
)
"""All of them."""

LEFT_UNREAD: frozenset[OpaqueCause] = frozenset(
    {
        "malformed",
        "unsolicited_response",
        "pipelining_max",
        "memory_full",
        "connections_max",
        "out_of_step",
        "http2_midway",
    }
)
"""Causes behind which there may be exchanges: what passes after them is a gap. The others are another protocol."""

SERVER_START_BYTES_MAX = 512
"""What a server of HTTP/2 may have said before its client has: settings, a window, a ping."""


def _no_dialogues(method: str, target: str) -> Correlation | None:
    return None


class Connection:
    """What is known of one connection. `met_midway` where its beginning was not seen."""

    __slots__ = (
        "_budget",
        "_correlating",
        "_heads",
        "_observer",
        "_server_start",
        "_start",
        "_start_ns",
        "_wanted",
        "opaque",
        "spoken",
    )

    def __init__(
        self,
        budget: Budget,
        wanted: Wanted,
        *,
        met_midway: bool,
        correlating: Correlating = _no_dialogues,
        heads: Heads | None = None,
    ) -> None:
        self._budget = budget
        self._heads = heads or Heads()
        self._wanted = wanted
        self._correlating = correlating
        self._start = b""
        self._start_ns = 0
        self._server_start = b""
        self.opaque: OpaqueCause | None = None
        """Why the bytes pass unread, or None while they are read."""
        self._observer: Http1 | Http2 | None = Http1(budget, wanted, self._heads, resuming=True) if met_midway else None
        self.spoken: Spoken | None = "http1" if met_midway else None

    @property
    def silent(self) -> bool:
        """Whether no byte has passed yet."""
        return self.spoken is None and not self._start and not self._server_start

    def received(self, direction: Direction, data: bytes, time_ns: int) -> list[Exchange]:
        """Take the next bytes of one direction; returns the exchanges that ended with them."""
        observer = self._observer
        if observer is not None:
            if type(observer) is Http1 and observer.is_unconfirmed and are_frames(data):
                # The headers before these are lost, and with them all that follow.
                return self._ended(observer, "not_copied", "http2_midway")
            observer.received(direction, data, time_ns)
            if observer.given_up is not None:
                return self._given_up(observer, time_ns)
            return observer.take()
        if self.opaque is None:
            return self._sniff(direction, data, time_ns)
        return []

    def lost(self, direction: Direction, count: int) -> tuple[list[Exchange], bool]:
        """Step over bytes that were not copied.

        Returns the exchanges that ended damaged, and whether those are all that the bytes can have held.
        """
        if self._observer is None and self.opaque is None:
            self._start = self._server_start = b""
            self.spoken = "http1"  # a guess: the next request line will tell
            self._observer = Http1(self._budget, self._wanted, self._heads, resuming=True)
        if self._observer is None:
            return [], True
        in_step = self._observer.lost(direction, count)
        self.opaque = self.opaque or self._observer.given_up
        return self._observer.take(), in_step

    def closed(self, time_ns: int) -> list[Exchange]:
        """Both directions have ended; returns what was in flight."""
        if self._observer is None:
            return []
        self._observer.closed(time_ns)
        return self._observer.take()

    def evicted(self) -> list[Exchange]:
        """There is no room to follow this connection; returns what was in flight."""
        return self._ended(self._observer, "connections_max", "connections_max") if self._observer is not None else []

    def _ended(self, observer: Http1 | Http2, damage: Damage, opaque: OpaqueCause) -> list[Exchange]:
        """Observe no more."""
        observer.abandon(damage, "connections_max" if damage == "connections_max" else "out_of_step")
        self.opaque = self.opaque or opaque
        return observer.take()

    def _given_up(self, observer: Http1 | Http2, time_ns: int) -> list[Exchange]:
        """The observer reads no more; another one may, where the peers switched to HTTP/2."""
        if type(observer) is Http1 and observer.switched is not None:
            return self._switched(observer, observer.switched, time_ns)
        self.opaque = self.opaque or observer.given_up
        return observer.take()

    def _sniff(self, direction: Direction, data: bytes, time_ns: int) -> list[Exchange]:
        if direction is Direction.TO_CLIENT:
            return self._server_first(data)
        if not self._start:
            self._start_ns = time_ns
        self._start += data
        self.spoken = sniff(self._start)
        if self.spoken is None:
            return []
        start, self._start = self._start, b""
        if self.spoken == "http2":
            self._observer = Http2(self._budget, self._wanted, self._correlating)
        elif self.spoken == "http1" and not self._server_start:
            self._observer = Http1(self._budget, self._wanted, self._heads)
        else:
            self.spoken = self.opaque = "unknown" if self.spoken == "http1" else self.spoken
            return []
        self._observer.received(direction, start, self._start_ns)
        self._observer.received(Direction.TO_CLIENT, self._server_start, time_ns)
        self._server_start = b""
        self.opaque = self._observer.given_up
        return self._observer.take()

    def _server_first(self, data: bytes) -> list[Exchange]:
        """Of what we read, only a server of HTTP/2 may speak before its client."""
        self._server_start += data[: SERVER_START_BYTES_MAX + 1]
        if len(self._server_start) > SERVER_START_BYTES_MAX or not may_begin_frames(self._server_start):
            self._start = self._server_start = b""
            self.spoken = self.opaque = "unknown"
        return []

    def _switched(self, before: Http1, switched: Switched, time_ns: int) -> list[Exchange]:
        """Go on in HTTP/2, which is what the client asked for; what it sent before it knew was held."""
        finished = before.take()
        self._observer = after = Http2(self._budget, self._wanted, self._correlating, upgraded=switched.flight)
        after.received(Direction.TO_SERVER, switched.from_client, time_ns)
        after.received(Direction.TO_CLIENT, switched.from_server, time_ns)
        self.opaque = after.given_up
        return finished + after.take()
