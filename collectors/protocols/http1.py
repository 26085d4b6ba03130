"""A passive observer of HTTP/1.1: the bytes of both directions in, exchanges out.

Requests wait in a queue (`_flights`) until their final response has ended; the first flight without a whole response
owns the next response bytes. Most requests of models come in one piece, as do their answers: such a one is only noted
(`_asked`) and becomes an exchange with its answer, or a flight as soon as anything else happens. Three things are not as
in a client or a server:

- Bytes may be missing. Where the hole lies inside a body of known length, its framing steps over it and only that
  exchange is damaged. Anywhere else both directions are out of step: the flights are damaged, and the observer
  *resumes* at the next bytes from the client that begin with a request line. On a connection that ever had two
  requests in flight, that could pair a response with the wrong request; it is given up instead.
- Malformed bytes are somebody else's business. The flights end with what is known and the connection is *given up*:
  never guess where the next message begins.
- After `101 Switching Protocols`, or a 2xx to CONNECT, the bytes are no longer HTTP.
"""

import re
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from collectors.protocols.bodies import Framing, MalformedBody, UntilClose, request_framing, response_framing
from collectors.protocols.exchange import Damage, Direction, Exchange, Wanted, unreadable
from collectors.protocols.flight import Flight
from collectors.protocols.heads import (
    HEAD_BYTES_MAX,
    Heads,
    MalformedHead,
    RequestHead,
    ResponseHead,
)
from collectors.protocols.memory import BODY_BYTES_MAX, Budget, Kept

FLIGHTS_MAX = 256
"""Requests in flight on one connection; clients that pipeline send a handful."""

Cause = Literal[
    "malformed", "upgraded", "unsolicited_response", "pipelining_max", "memory_full", "connections_max", "out_of_step"
]
"""Why the rest of a connection is not observed."""

_TO_CLIENT = Direction.TO_CLIENT
_SPACE = 0x20
_REQUEST_LINE = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) ")
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")


@dataclass(frozen=True, slots=True)
class Switched:
    """A connection that goes on in HTTP/2 (h2c): the request that asked for it, and what has come after its head."""

    flight: Flight
    from_client: bytes
    from_server: bytes


class _Asked(msgspec.Struct, frozen=True):
    """A request that came whole in one piece; what is kept of its body is charged with its head."""

    head: RequestHead
    head_bytes: int
    body: bytes
    wanted: bool
    time_ns: int


class Http1:
    """Observes one connection; `resuming` where its beginning was not seen."""

    def __init__(self, budget: Budget, wanted: Wanted, heads: Heads | None = None, *, resuming: bool = False) -> None:
        self._budget = budget
        self._wanted = wanted
        self._resuming = resuming
        self.is_unconfirmed = resuming
        """Whether nothing has been seen yet that only HTTP/1.1 could be."""
        self._asked: _Asked | None = None
        self._pipelined = False
        self._flights: deque[Flight] = deque()
        self._finished: list[Exchange] = []
        self._heads = (Kept(budget, HEAD_BYTES_MAX), Kept(budget, HEAD_BYTES_MAX))
        heads = heads or Heads()
        self._request_heads = heads.requests
        self._response_heads = heads.responses
        self._request_head_length = self._response_head_length = 0
        """Of the last ones that were whole in a piece: those of one client are often as long as the one before."""
        self._head_start_ns = 0
        self._sending: Framing | None = None
        self._answering: Framing | None = None
        self._held: Kept | None = None
        self.given_up: Cause | None = None
        self.switched: Switched | None = None

    def received(self, direction: Direction, data: bytes, time_ns: int) -> None:
        """Take the next bytes of one direction."""
        if self.given_up or not data:
            return
        try:
            if self._asked is not None:
                if direction == _TO_CLIENT and self._answered_whole(self._asked, data, time_ns):
                    return
                self._unfold(self._asked)
            if direction == _TO_CLIENT:
                self._from_server(data, time_ns)
            elif self._flights or not self._asked_whole(data, time_ns):
                self._from_client(data, time_ns)
        except (MalformedHead, MalformedBody):
            if self.is_unconfirmed:
                self._resume()
            else:
                self._malformed(direction, time_ns)

    def lost(self, direction: Direction, count: int) -> bool:
        """Step over bytes that were not copied; False where it is unknown how many exchanges were in them."""
        if self.given_up:
            return False
        self._unfold(self._asked)
        framing, flight = self._owner(direction)
        if framing and flight and framing.skip(count):
            flight.damage = flight.damage or "not_copied"
            if framing.done:
                self._body_done(direction, flight)
            return True
        pipelined = self._pipelined
        self._resume()
        if pipelined:
            self._give_up("out_of_step")
        return False

    def closed(self, time_ns: int) -> None:
        """Both directions have ended."""
        if self.given_up:
            return
        self._unfold(self._asked)
        self._count_unfinished_head(time_ns)
        for flight in self._flights:
            if not (flight.request_done and self._ends_with_connection(flight)):
                flight.cut_short()
        self._land()

    def abandon(self, damage: Damage, cause: Cause) -> None:
        """End what is in flight as damaged, and the observation with it."""
        self._unfold(self._asked)
        for flight in self._flights:
            flight.damage = flight.damage or damage
        self._give_up(cause)

    def take(self) -> list[Exchange]:
        """Drain the exchanges that ended."""
        finished, self._finished = self._finished, []
        return finished

    # Whole requests and answers.

    def _asked_whole(self, data: bytes, time_ns: int) -> bool:
        """Note a request that is all of these bytes, where nothing else is on its way; False where it is not so plain."""
        if self._resuming or self._heads[0].bytes:
            return False
        end = self._request_head_length
        head = self._request_heads.known(data[:end])
        if head is None:
            end = data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) + 4
            if end < 4 or data[0] <= _SPACE:
                return False
            try:
                head = self._request_heads.read(data[:end])
            except MalformedHead:
                return False
            self._request_head_length = end
        if head.length != len(data) - end or head.length > BODY_BYTES_MAX:
            return False
        wanted = self._wanted(head.method, head.target)
        body = data[end:] if wanted else b""
        if not self._budget.charge(end + len(body)):
            return False
        self._head_start_ns = time_ns
        self._asked = _Asked(head, end, body, wanted, time_ns)
        return True

    def _answered_whole(self, asked: _Asked, data: bytes, time_ns: int) -> bool:
        """Make an exchange of what was asked and an answer that is all of these bytes; False where it is not so plain."""
        end = self._response_head_length
        head = self._response_heads.known(data[:end])
        if head is None:
            end = data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) + 4
            if end < 4:
                return False
            try:
                head = self._response_heads.read(data[:end])
            except MalformedHead:
                return False
            self._response_head_length = end
        if head.length != len(data) - end or head.length > BODY_BYTES_MAX:
            return False
        body = data[end:] if asked.wanted else b""
        if not self._budget.charge(len(body)):
            return False
        self._budget.release(len(body) + asked.head_bytes + len(asked.body))
        self._asked = None
        self.is_unconfirmed = False
        request, start_ns = asked.head, asked.time_ns
        self._finished.append(
            Exchange(
                method=request.method,
                target=request.target,
                request_headers=request.headers,
                response_headers=head.headers,
                request_body=asked.body,
                response_body=body,
                status=head.status,
                start_ns=start_ns,
                end_ns=time_ns if time_ns > start_ns else start_ns,
                wire_bytes=asked.head_bytes + end + len(asked.body) + len(body),
            )
        )
        return True

    def _unfold(self, asked: _Asked | None) -> None:
        """Something else than a whole answer came: what was noted takes the general way."""
        if asked is None:
            return
        self._asked = None
        request_body = Kept(self._budget, BODY_BYTES_MAX, wanted=asked.wanted)
        request_body.bytes = bytearray(asked.body)
        response_body = Kept(self._budget, BODY_BYTES_MAX, wanted=asked.wanted)
        flight = Flight(asked.head, asked.head_bytes, asked.time_ns, request_body, response_body)
        flight.request_done = True
        self._flights.append(flight)

    # Client to server.

    def _from_client(self, data: bytes, time_ns: int) -> None:
        at = 0
        while at < len(data) and not self.given_up:
            if self._held is not None:
                self._hold(data[at:])
                return
            if self._sending is not None:
                flight = self._flights[-1]
                at = self._sending.feed(data, at, flight.request_body)
                if flight.response is None:
                    flight.end_ns = time_ns
                if self._sending.done:
                    self._body_done(Direction.TO_SERVER, flight)
                continue
            at = self._request_head_bytes(data, at, time_ns)

    def _request_head_bytes(self, data: bytes, at: int, time_ns: int) -> int:
        kept = self._heads[Direction.TO_SERVER]
        if not kept.bytes:
            while at < len(data) and data[at] in b"\r\n":
                at += 1
            if at == len(data):
                return at
            self._head_start_ns = time_ns
        head, at = self._cut_head(kept, data, at)
        if self._resuming and not _may_begin_request(head or kept.bytes):
            kept.take()
            return len(data)
        if head is not None:
            self._request_begun(self._request_heads.read(head), len(head))
        return at

    def _request_begun(self, head: RequestHead, head_bytes: int) -> None:
        if len(self._flights) >= FLIGHTS_MAX:
            self.abandon("connection_given_up", "pipelining_max")
            return
        framing = request_framing(head.headers)
        if not self._budget.charge(head_bytes):
            self.abandon("memory_full", "memory_full")
            return
        self._pipelined = self._pipelined or bool(self._flights)
        self._resuming = False
        wanted = self._wanted(head.method, head.target)
        flight = Flight(
            head,
            head_bytes,
            self._head_start_ns,
            Kept(self._budget, BODY_BYTES_MAX, wanted=wanted),
            Kept(self._budget, BODY_BYTES_MAX, wanted=wanted),
        )
        self._sending = framing
        self._flights.append(flight)
        if framing.done:
            self._body_done(Direction.TO_SERVER, flight)

    def _hold(self, data: bytes) -> None:
        """Keep bytes that may be of another protocol until the server has said whether it switches."""
        if self._held is not None:
            self._held.append(data)
            if self._held.refused:
                self.abandon("connection_given_up", "memory_full")

    # Server to client.

    def _from_server(self, data: bytes, time_ns: int) -> None:
        at = 0
        while at < len(data) and not self.given_up and not self._resuming:
            flight = self._answered_next()
            if flight is None:
                self._answered_unread(time_ns)
                return
            flight.end_ns = max(flight.end_ns, time_ns)
            if self._answering is not None:
                at = self._answering.feed(data, at, flight.response_body)
                flight.note_arrival(time_ns, self._budget)
                if self._answering.done:
                    self._body_done(Direction.TO_CLIENT, flight)
                continue
            kept = self._heads[Direction.TO_CLIENT]
            head, at = self._cut_head(kept, data, at)
            if head is None and not _may_begin_response(kept.bytes):
                raise MalformedHead("expected HTTP/")
            if head is not None:
                flight.wire_bytes += len(head)
                self._response_begun(flight, self._response_heads.read(head), time_ns)
                if self.switched is not None:
                    self.switched = replace(self.switched, from_server=data[at:])

    def _answered_unread(self, time_ns: int) -> None:
        """An answer to a request that never ended for us, or to none."""
        if self._heads[Direction.TO_SERVER].bytes:
            self._malformed(Direction.TO_SERVER, time_ns)
        else:
            self.abandon("connection_given_up", "unsolicited_response")

    def _answered_next(self) -> Flight | None:
        for flight in self._flights:
            if not flight.response_done:
                return flight
        return None

    def _response_begun(self, flight: Flight, head: ResponseHead, time_ns: int) -> None:
        if 100 <= head.status < 200 and head.status != 101:
            return
        self.is_unconfirmed = False
        flight.answered(head)
        if head.status == 101 or (flight.request.method == "CONNECT" and 200 <= head.status < 300):
            flight.request_done = flight.response_done = True
            if head.headers.get("upgrade", "").lower() == "h2c":
                self._switch(flight)
            self._give_up("upgraded")
            return
        self._answering = response_framing(flight.request.method, head.status, head.headers)
        if self._answering.done:
            self._body_done(Direction.TO_CLIENT, flight)
        self._let_go(time_ns)

    def _switch(self, flight: Flight) -> None:
        """The request goes on as the first stream of HTTP/2, and what came behind it is of HTTP/2 too."""
        self._flights.remove(flight)
        self._budget.release(flight.head_bytes)
        flight.head_bytes = 0
        flight.response, flight.response_done = None, False
        held = bytes(self._held.take()) if self._held is not None else b""
        self.switched = Switched(flight, held, b"")

    def _let_go(self, time_ns: int) -> None:
        """The server did not switch: what was held is HTTP."""
        if self._held is not None:
            held, self._held = bytes(self._held.take()), None
            if held:
                self._from_client(held, time_ns)

    # Both.

    def _cut_head(self, kept: Kept, data: bytes, at: int) -> tuple[bytes | None, int]:
        """Take bytes up to the empty line that ends a head. Raises MalformedHead where there is none within the limit."""
        if not kept.bytes:
            end = data.find(b"\r\n\r\n", at, at + HEAD_BYTES_MAX)
            if end >= 0:
                return data[at : end + 4], end + 4
        before = len(kept.bytes)
        taken = min(len(data), at + HEAD_BYTES_MAX - before + 1)
        kept.append(memoryview(data)[at:taken])
        if kept.refused == "memory_full":
            self.abandon("memory_full", "memory_full")
            return None, len(data)
        if kept.refused:
            kept.refused, kept.wanted = None, True
            raise MalformedHead("a head without an end")
        end = kept.bytes.find(b"\r\n\r\n", max(0, before - 3))
        if end < 0:
            return None, taken
        head = bytes(kept.take()[: end + 4])
        return head, at + end + 4 - before

    def _owner(self, direction: Direction) -> tuple[Framing | None, Flight | None]:
        if not self._flights:
            return None, None
        if direction is Direction.TO_SERVER:
            return self._sending, self._flights[-1]
        return self._answering, self._answered_next()

    def _body_done(self, direction: Direction, flight: Flight) -> None:
        if direction is Direction.TO_SERVER:
            self._sending = None
            flight.request_done = True
            if (flight.request.upgrades or flight.request.method == "CONNECT") and flight.response is None:
                self._held = Kept(self._budget, HEAD_BYTES_MAX)
        else:
            self._answering = None
            flight.response_done = True
        while self._flights and self._flights[0].request_done and self._flights[0].response_done:
            self._finish(self._flights.popleft())

    def _finish(self, flight: Flight) -> None:
        self._budget.release(flight.head_bytes)
        self._finished.append(flight.finish())

    def _ends_with_connection(self, flight: Flight) -> bool:
        return isinstance(self._answering, UntilClose) and flight is self._answered_next()

    def _malformed(self, direction: Direction, time_ns: int) -> None:
        """End with what is known; a request head that cannot be read is an exchange too."""
        if direction is Direction.TO_SERVER and self._sending is None:
            self._finished.append(unreadable("malformed", self._head_start_ns, time_ns))
            self.abandon("connection_given_up", "malformed")
        else:
            self.abandon("malformed", "malformed")

    def _count_unfinished_head(self, time_ns: int) -> None:
        if self._heads[Direction.TO_SERVER].take() and not self._resuming:
            self._finished.append(unreadable("request_incomplete", self._head_start_ns, time_ns))

    def _give_up(self, cause: Cause) -> None:
        self._land()
        self.given_up = cause

    def _resume(self) -> None:
        """Out of step: damage what is in flight and wait for a request line."""
        for flight in self._flights:
            flight.damage = flight.damage or "not_copied"
        self._land()
        self._resuming = self.is_unconfirmed = True
        self._pipelined = False

    def _land(self) -> None:
        """End all flights as they are, and hold nothing."""
        while self._flights:
            self._finish(self._flights.popleft())
        for kept in (*self._heads, self._held):
            if kept is not None:
                kept.take()
        self._sending = self._answering = self._held = None


def _may_begin_request(start: bytes | bytearray) -> bool:
    return bool(_REQUEST_LINE.match(start)) or any(method.startswith(start) for method in _METHODS)


def _may_begin_response(start: bytearray) -> bool:
    return start.startswith(b"HTTP/") or b"HTTP/".startswith(start)
