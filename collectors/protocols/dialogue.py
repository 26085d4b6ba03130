"""A gRPC stream of many requests: which messages of the server answer which of the client's.

A stream may live for days, so it cannot be one exchange. Only the API's decoder can say what a message answers: it
lends a `Correlation`, and knows of no streams. The rules:

- An answer belongs to the open request whose key it carries; among several to the oldest that has none, for servers
  answer in order. Where requests have no key, or the answer none, all open requests are meant.
- A server that says which answer is the last may answer out of order (decoupled models). Where such an answer could
  belong to more than one open request, none of them is trusted: they are damaged, `ambiguous_answers`.
- A request ends with its last answer. Where answers do not say whether they are the last, it ends when the client asks
  again, or with the stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from collectors.protocols import grpc
from collectors.protocols.exchange import Damage, Direction, Exchange
from collectors.protocols.flight import Flight
from collectors.protocols.heads import RequestHead, ResponseHead
from collectors.protocols.memory import BODY_BYTES_MAX, Budget, Kept

OPEN_MAX = 256
"""Requests of one stream without their last answer; the oldest makes room."""

FAILED_STATUS = 500
"""Of an answer that says inside the stream that the request failed."""

OF_ONE_REQUEST = frozenset({"x-request-id", "ce-id", "traceparent", "grpc-trace-bin"})
"""Headers that name the stream: as the id of each of its requests they would join the wrong label."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a message of the server answers. `final` is None where it does not say."""

    key: str
    final: bool | None
    failed: bool


class Correlation(Protocol):
    """What an API's messages say about what belongs together. Never raises: what cannot be read has no key."""

    def key(self, message: bytes) -> str:
        """By what answers name this request; empty where it has no name."""
        ...

    def answer(self, message: bytes) -> Answer: ...


class _Open:
    """A request without its last answer."""

    __slots__ = ("answered", "final", "flight", "key")

    def __init__(self, flight: Flight, key: str) -> None:
        self.flight = flight
        self.key = key
        self.answered = False
        self.final: bool | None = None


class Dialogue:
    """One stream of requests and answers."""

    def __init__(self, budget: Budget, correlation: Correlation, request: RequestHead) -> None:
        self._budget = budget
        self._correlation = correlation
        headers = {name: text for name, text in request.headers.items() if name not in OF_ONE_REQUEST}
        self._request = RequestHead(request.method, request.target, headers, False)
        self._readers = (grpc.MessageReader(budget), grpc.MessageReader(budget))
        self._open: list[_Open] = []
        self._finished: list[Exchange] = []

    def take(self) -> list[Exchange]:
        """Drain the exchanges that ended."""
        finished, self._finished = self._finished, []
        return finished

    def asked(self, data: bytes, time_ns: int) -> None:
        """Take the next bytes from the client."""
        for message in self._readers[Direction.TO_SERVER].feed(data, time_ns):
            self._question(message, time_ns)

    def answered(self, response: ResponseHead, data: bytes, time_ns: int) -> None:
        """Take the next bytes from the server."""
        for message in self._readers[Direction.TO_CLIENT].feed(data, time_ns):
            self._answer(response, message, time_ns)

    def skip(self, direction: Direction, count: int) -> bool:
        """Step over bytes that were not copied; False where messages are lost with them."""
        return self._readers[direction].skip(count)

    def ended(self, response: ResponseHead | None, trailers: Mapping[str, str], damage: Damage | None) -> None:
        """The stream is over: `damage` where it did not end as it should."""
        status = grpc.http_status(response.headers if response else {}, trailers)
        for each in self._open:
            if damage in (None, "no_response", "request_incomplete", "response_incomplete"):
                self._end_open(each, response, trailers, status, broken=damage is not None)
            else:
                each.flight.damage = each.flight.damage or damage
                self._finish(each, 0)
        self._open.clear()
        if self._readers[Direction.TO_SERVER].is_midway:
            flight = self._flight(self._readers[Direction.TO_SERVER].start_ns)
            flight.damage = damage if damage not in (None, "no_response") else "request_incomplete"
            self._finished.append(flight.finish(protocol="grpc"))
        for reader in self._readers:
            reader.forget()

    def _end_open(
        self, each: _Open, response: ResponseHead | None, trailers: Mapping[str, str], status: int, *, broken: bool
    ) -> None:
        if each.answered and each.final is None:
            self._finish(each, 200)
        elif broken:
            each.flight.damage = each.flight.damage or ("response_incomplete" if each.answered else "no_response")
            self._finish(each, 0)
        else:
            each.flight.response = each.flight.response or response
            self._finish(each, status, trailers)

    def _question(self, message: grpc.Message, time_ns: int) -> None:
        for each in [each for each in self._open if each.answered and each.final is None]:
            self._open.remove(each)
            self._finish(each, 200)
        if len(self._open) >= OPEN_MAX:
            oldest = self._open.pop(0)
            oldest.flight.damage = oldest.flight.damage or "streams_max"
            self._finish(oldest, 0)
        flight = self._flight(message.start_ns)
        flight.request_body.append(message.framed)
        flight.damage = message.damage
        flight.end_ns = time_ns
        key = self._correlation.key(_payload(message, self._request.headers))
        self._open.append(_Open(flight, key))

    def _answer(self, response: ResponseHead, message: grpc.Message, time_ns: int) -> None:
        answer = self._correlation.answer(_payload(message, response.headers))
        meant = self._meant(answer)
        if not meant:
            flight = self._flight(message.start_ns)
            flight.damage = "no_request"
            self._finished.append(flight.finish(protocol="grpc"))
            return
        chosen = next((each for each in meant if not each.answered), meant[-1])
        if len(meant) > 1 and (answer.final is False or any(each.final is False for each in meant)):
            for each in meant:
                each.flight.damage = each.flight.damage or "ambiguous_answers"
        flight = chosen.flight
        flight.response = response
        flight.response_body.append(message.framed)
        flight.damage = flight.damage or message.damage
        flight.end_ns = max(flight.end_ns, time_ns)
        chosen.answered, chosen.final = True, answer.final
        if answer.final or answer.failed:
            self._open.remove(chosen)
            self._finish(chosen, FAILED_STATUS if answer.failed else 200)

    def _meant(self, answer: Answer) -> list[_Open]:
        """The open requests that this may answer."""
        named = [each for each in self._open if each.key == answer.key] if answer.key else self._open
        return named or [each for each in self._open if not each.key]

    def _flight(self, start_ns: int) -> Flight:
        bodies = Kept(self._budget, BODY_BYTES_MAX), Kept(self._budget, BODY_BYTES_MAX)
        return Flight(self._request, 0, start_ns, *bodies)

    def _finish(self, each: _Open, status: int, trailers: Mapping[str, str] | None = None) -> None:
        self._finished.append(each.flight.finish(protocol="grpc", status=status, trailers=trailers or {}))


def _payload(message: grpc.Message, headers: Mapping[str, str]) -> bytes:
    try:
        return grpc.payloads(message.framed, headers.get("grpc-encoding", ""))[0] if message.framed else b""
    except grpc.MalformedMessage:
        return b""  # the decoder will say what is wrong with it
