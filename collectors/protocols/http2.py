"""A passive observer of HTTP/2: the bytes of both directions in, exchanges out; those of gRPC message by message.

Where bytes were not copied, what can be proved is read on: a hole inside the payload of one DATA frame costs its stream
and nothing else. Anywhere else the frames are lost, and with them the headers: every header block may refer to
earlier ones (HPACK), so nothing after a lost one can be trusted. The connection is *given up* then, as after malformed
bytes, and what passes on it is a gap. For the same reason a connection whose beginning was not seen cannot be read.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from collectors.protocols import grpc
from collectors.protocols.dialogue import Correlation, Dialogue
from collectors.protocols.exchange import Damage, Direction, Exchange, Protocol, Wanted, unreadable
from collectors.protocols.flight import Flight
from collectors.protocols.http2_frames import FrameReader, Kind, MalformedFrames, NoRoomForFrames, OverlongBlock
from collectors.protocols.http2_headers import Fields, HeaderBlocks, MalformedBlock, NoRoomForHeaders
from collectors.protocols.memory import BODY_BYTES_MAX, Budget, Kept

STREAMS_MAX = 1024
"""Streams open on one connection; servers allow 100 to some hundreds. A request beyond it is dropped and counted."""

CONNECTION_BYTES_MAX = 2 * BODY_BYTES_MAX
"""What the streams of one connection may hold: one largest exchange, both bodies."""

Cause = Literal["malformed", "memory_full", "connections_max", "out_of_step"]
"""Why the rest of a connection is not observed."""

Correlating = Callable[[str, str], Correlation | None]
"""What tells the messages of a stream with this method and target apart, where it is one of many requests."""

_DATA, _HEADERS, _RST_STREAM = int(Kind.DATA), int(Kind.HEADERS), int(Kind.RST_STREAM)
_EMPTY: Mapping[str, str] = {}


class _Stream:
    """One request and its response on their way, or a dialogue of many."""

    __slots__ = ("dialogue", "flight", "protocol", "trailers")

    def __init__(self, flight: Flight, dialogue: Dialogue | None, protocol: Protocol) -> None:
        self.flight = flight
        self.dialogue = dialogue
        self.protocol = protocol
        self.trailers: Mapping[str, str] = _EMPTY


class Http2:
    """Observes one connection from its first byte; `upgraded` is the request of HTTP/1.1 that asked for it."""

    def __init__(
        self, budget: Budget, wanted: Wanted, correlating: Correlating, *, upgraded: Flight | None = None
    ) -> None:
        self._budget = Budget(CONNECTION_BYTES_MAX, within=budget)
        self._wanted = wanted
        self._correlating = correlating
        self._readers = (FrameReader(self._budget, preface=True), FrameReader(self._budget))
        self._blocks = (HeaderBlocks(self._budget), HeaderBlocks(self._budget))
        self._streams: dict[int, _Stream] = {}
        self._last = 0
        self._finished: list[Exchange] = []
        self.given_up: Cause | None = None
        if upgraded is not None:
            upgraded.head_bytes = 0
            upgraded.request_done = True
            self._streams[1] = _Stream(upgraded, None, "http2")
            self._last = 1

    def received(self, direction: Direction, data: bytes, time_ns: int) -> None:
        """Take the next bytes of one direction."""
        if self.given_up or not data:
            return
        try:
            for kind, stream, payload, ends in self._readers[direction].feed(data):
                if kind == _DATA:
                    self._data(direction, stream, payload, ends, time_ns)
                elif kind == _RST_STREAM:
                    self._reset(stream)
                else:
                    fields = self._read(direction, stream, payload, time_ns)
                    if kind == _HEADERS and direction is Direction.TO_SERVER:
                        self._from_client(stream, fields, len(payload), ends, time_ns)
                    elif kind == _HEADERS:
                        self._from_server(stream, fields, len(payload), ends, time_ns)
        except (MalformedFrames, MalformedBlock) as fault:
            if isinstance(fault, OverlongBlock):
                self._note_unreadable(direction, fault.stream, time_ns)
            self.abandon("malformed", "malformed")
        except (NoRoomForFrames, NoRoomForHeaders):
            self.abandon("memory_full", "memory_full")

    def lost(self, direction: Direction, count: int) -> bool:
        """Step over bytes that were not copied; False where it is unknown how many exchanges were in them."""
        if self.given_up:
            return False
        missing = self._readers[direction].skip(count)
        stream = self._streams.get(missing[1]) if missing else None
        if missing is None or (stream and stream.dialogue and not stream.dialogue.skip(direction, count)):
            self.abandon("not_copied", "out_of_step")
            return False
        if stream is not None:
            if stream.dialogue is None:
                stream.flight.damage = stream.flight.damage or "not_copied"
            if missing[3]:
                self._half_closed(direction, missing[1], stream)
        return True

    def closed(self, time_ns: int) -> None:
        """Both directions have ended."""
        if not self.given_up:
            self._land(None)

    def abandon(self, damage: Damage, cause: Cause) -> None:
        """End what is in flight as damaged, and the observation with it."""
        self._land(damage)
        self.given_up = cause

    def take(self) -> list[Exchange]:
        """Drain the exchanges that ended."""
        finished, self._finished = self._finished, []
        return finished

    def _read(self, direction: Direction, number: int, block: bytes, time_ns: int) -> Fields:
        try:
            return self._blocks[direction].read(block)
        except MalformedBlock:
            self._note_unreadable(direction, number, time_ns)
            raise

    def _note_unreadable(self, direction: Direction, number: int, time_ns: int) -> None:
        """A request whose headers cannot be read is one all the same."""
        if direction is Direction.TO_SERVER and number > self._last:
            self._finished.append(unreadable("malformed", time_ns, time_ns, "http2"))

    def _from_client(self, number: int, fields: Fields, size: int, ends: bool, time_ns: int) -> None:
        stream = self._streams.get(number)
        if stream is None and number > self._last:
            if number % 2 == 0:
                raise MalformedFrames("a client's stream with a server's number")
            self._last = number
            stream = self._begun(number, fields, size, time_ns)
        if stream is not None and ends:
            self._half_closed(Direction.TO_SERVER, number, stream)

    def _begun(self, number: int, fields: Fields, size: int, time_ns: int) -> _Stream | None:
        request = fields.request
        wanted = self._wanted(request.method, request.target)
        bodies = Kept(self._budget, BODY_BYTES_MAX, wanted=wanted), Kept(self._budget, BODY_BYTES_MAX, wanted=wanted)
        flight = Flight(request, size, time_ns, *bodies)
        if len(self._streams) >= STREAMS_MAX:
            flight.damage = "streams_max"
        elif not self._budget.charge(size):
            flight.damage = "memory_full"
        if flight.damage:
            flight.head_bytes = 0
            self._finish(_Stream(flight, None, fields.protocol))
            return None
        correlation = self._correlating(request.method, request.target) if wanted else None
        dialogue = Dialogue(self._budget, correlation, request) if correlation else None
        stream = self._streams[number] = _Stream(flight, dialogue, fields.protocol)
        return stream

    def _from_server(self, number: int, fields: Fields, size: int, ends: bool, time_ns: int) -> None:
        stream = self._streams.get(number)
        if stream is None or (fields.response.status < 200 and stream.flight.response is None and not ends):
            return
        flight = stream.flight
        flight.wire_bytes += size
        flight.end_ns = max(flight.end_ns, time_ns)
        if flight.response is None:
            flight.answered(fields.response)
        else:
            stream.trailers = fields.response.headers
        if ends:
            self._half_closed(Direction.TO_CLIENT, number, stream)

    def _data(self, direction: Direction, number: int, payload: bytes, ends: bool, time_ns: int) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        flight = stream.flight
        if stream.dialogue is not None:
            self._said(stream.dialogue, flight, direction, payload, time_ns)
        elif direction is Direction.TO_SERVER:
            flight.request_body.append(payload)
        else:
            flight.response_body.append(payload)
            flight.note_arrival(time_ns, self._budget)
        if direction is Direction.TO_CLIENT or flight.response is None:
            flight.end_ns = max(flight.end_ns, time_ns)
        if ends:
            self._half_closed(direction, number, stream)

    def _said(self, dialogue: Dialogue, flight: Flight, direction: Direction, payload: bytes, time_ns: int) -> None:
        if direction is Direction.TO_SERVER:
            dialogue.asked(payload, time_ns)
        elif flight.response is not None:
            dialogue.answered(flight.response, payload, time_ns)
        self._finished += dialogue.take()

    def _half_closed(self, direction: Direction, number: int, stream: _Stream) -> None:
        """One direction of a stream has ended; a dialogue is over with the server's."""
        flight = stream.flight
        if direction is Direction.TO_SERVER:
            flight.request_done = True
        else:
            flight.response_done = True
        if flight.response_done and (flight.request_done or stream.dialogue is not None):
            del self._streams[number]
            if stream.dialogue is None:
                flight.cut_short()
            self._finish(stream)

    def _reset(self, number: int) -> None:
        """Whoever reset it, nothing more will come. After a whole response that is no harm."""
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.flight.cut_short()
            self._finish(stream)

    def _finish(self, stream: _Stream) -> None:
        flight = stream.flight
        self._budget.release(flight.head_bytes)
        response = flight.response
        if stream.dialogue is not None:
            stream.dialogue.ended(response, stream.trailers, flight.damage)
            self._finished += stream.dialogue.take()
            return
        status = None
        if stream.protocol == "grpc" and response is not None and response.status == 200:
            status = grpc.http_status(response.headers, stream.trailers)
        self._finished.append(flight.finish(protocol=stream.protocol, status=status, trailers=stream.trailers))

    def _land(self, damage: Damage | None) -> None:
        """End all streams as they are, and hold nothing."""
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.flight.damage = stream.flight.damage or damage
            stream.flight.cut_short()
            self._finish(stream)
        for part in (*self._readers, *self._blocks):
            part.forget()
