"""A gRPC stream of many requests: which messages of the server answer which of the client's.

A stream may live for days, so it cannot be one exchange. Only the API's decoder can say what a message answers: it
lends a `Correlation`, and knows of no streams. The rules:

- An answer belongs to the open request whose key it carries; among several to the oldest that has none, for servers
  answer in order. Where requests have no key, or the answer none, all open requests are meant.
- A server that says which answer is the last may answer out of order (decoupled models). Where such an answer could
  belong to more than one open request, none of them is trusted: they are damaged, `ambiguous_answers`.
- A request ends with its last answer. Where answers do not say whether they are the last, it ends when the client asks
  again, or with the stream.
- Clients may ask thousands of times before the first answer. A request for which there is no room is dropped, but keeps
  its place among the open ones: answers that come in order would else be taken for those of the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from collectors.protocols import grpc
from collectors.protocols.exchange import Damage, Direction, Exchange
from collectors.protocols.flight import Flight
from collectors.protocols.heads import RequestHead, ResponseHead
from collectors.protocols.memory import BODY_BYTES_MAX, Budget, Kept

OPEN_MAX = 8192
"""Requests of one stream that are kept until their last answer; a client that asks ahead fills a window of some hundred kilobytes."""

PLACES_MAX = 65_536
"""Requests of one stream without their last answer, kept or not. Beyond it nobody knows any more which answers are whose."""

OPEN_BYTES = 1024
"""About what an open request weighs beside its messages."""

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
    """A request without its last answer; `flight` is None where there was no room to keep it."""

    __slots__ = ("answered", "final", "flight", "groups", "number")

    def __init__(self, number: int, flight: Flight | None, groups: "tuple[_Group, _Group]") -> None:
        self.number = number
        self.flight = flight
        self.groups = groups
        self.answered = False
        self.final: bool | None = None


class _Group:
    """Open requests, in the order they were asked, of which the same answers may be meant."""

    __slots__ = ("ambiguous_before", "key", "members", "partial", "unanswered")

    def __init__(self, key: str) -> None:
        self.key = key
        self.members: dict[int, _Open] = {}
        self.unanswered: dict[int, _Open] = {}
        self.partial = 0
        """Members that were told that more is to come."""
        self.ambiguous_before = 0
        """Members with a lower number are not trusted."""

    def add(self, each: _Open) -> None:
        self.members[each.number] = self.unanswered[each.number] = each

    def chosen(self) -> _Open:
        """The oldest without an answer; where all have one, the last."""
        return next(iter(self.unanswered.values()), None) or next(reversed(self.members.values()))

    def answered(self, each: _Open, final: bool | None) -> None:
        self.unanswered.pop(each.number, None)
        self.partial += (final is False) - (each.final is False)

    def remove(self, each: _Open) -> None:
        del self.members[each.number]
        self.unanswered.pop(each.number, None)
        self.partial -= each.final is False


class Dialogue:
    """One stream of requests and answers."""

    def __init__(self, budget: Budget, correlation: Correlation, request: RequestHead) -> None:
        self._budget = budget
        self._correlation = correlation
        headers = {name: text for name, text in request.headers.items() if name not in OF_ONE_REQUEST}
        self._request = RequestHead(request.method, request.target, headers, False)
        self._readers = (grpc.MessageReader(budget), grpc.MessageReader(budget))
        self._open = _Group("")
        self._keyed: dict[str, _Group] = {}
        self._settled: dict[int, _Open] = {}
        """Answered, without a word whether that was all."""
        self._asked = 0
        self._kept = 0
        self._lost = False
        """Whether there were more requests than places: what answers what is unknown from then on."""
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
        for each in list(self._open.members.values()):
            if damage in (None, "no_response", "request_incomplete", "response_incomplete"):
                self._end_open(each, response, trailers, status, broken=damage is not None)
            else:
                self._finish(each, 0, damage=damage)
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
            self._finish(each, 0, damage="response_incomplete" if each.answered else "no_response")
        else:
            if each.flight is not None:
                each.flight.response = each.flight.response or response
            self._finish(each, status, trailers)

    def _question(self, message: grpc.Message, time_ns: int) -> None:
        for each in list(self._settled.values()):
            self._finish(each, 200)
        flight = self._flight(message.start_ns)
        flight.request_body.append(message.framed)
        flight.damage = message.damage
        flight.end_ns = time_ns
        key = self._correlation.key(_payload(message, self._request.headers))
        if self._lost or len(self._open.members) >= PLACES_MAX:
            self._give_up()
            self._drop(flight, "streams_max")
        elif self._kept >= OPEN_MAX:
            self._drop(flight, "streams_max")
            self._open_up(key, None)
        elif not self._budget.charge(OPEN_BYTES):
            self._drop(flight, "memory_full")
            self._open_up(key, None)
        else:
            self._kept += 1
            self._open_up(key, flight)

    def _open_up(self, key: str, flight: Flight | None) -> None:
        named = self._keyed.setdefault(key, _Group(key))
        each = _Open(self._asked, flight, (self._open, named))
        self._asked += 1
        for group in each.groups:
            group.add(each)

    def _drop(self, flight: Flight, damage: Damage) -> None:
        flight.damage = flight.damage or damage
        self._finished.append(flight.finish(protocol="grpc", status=0))

    def _give_up(self) -> None:
        """Nothing that is open can be paired any more."""
        self._lost = True
        for each in list(self._open.members.values()):
            self._finish(each, 0, damage="streams_max")

    def _answer(self, response: ResponseHead, message: grpc.Message, time_ns: int) -> None:
        if self._lost:
            return
        answer = self._correlation.answer(_payload(message, response.headers))
        meant = self._meant(answer)
        if meant is None:
            self._drop(self._flight(message.start_ns), "no_request")
            return
        chosen = meant.chosen()
        if len(meant.members) > 1 and (answer.final is False or meant.partial):
            meant.ambiguous_before = self._asked
        flight = chosen.flight
        if flight is not None:
            flight.response = response
            flight.response_body.append(message.framed)
            flight.damage = flight.damage or message.damage
            flight.end_ns = max(flight.end_ns, time_ns)
        for group in chosen.groups:
            group.answered(chosen, answer.final)
        chosen.answered, chosen.final = True, answer.final
        if answer.final or answer.failed:
            self._finish(chosen, FAILED_STATUS if answer.failed else 200)
        elif answer.final is None:
            self._settled[chosen.number] = chosen
        else:
            self._settled.pop(chosen.number, None)

    def _meant(self, answer: Answer) -> _Group | None:
        """The open requests that this may answer, if there are any."""
        named = self._keyed.get(answer.key) if answer.key else self._open
        found = named if named is not None and named.members else self._keyed.get("")
        return found if found is not None and found.members else None

    def _flight(self, start_ns: int) -> Flight:
        bodies = Kept(self._budget, BODY_BYTES_MAX), Kept(self._budget, BODY_BYTES_MAX)
        return Flight(self._request, 0, start_ns, *bodies)

    def _finish(
        self, each: _Open, status: int, trailers: Mapping[str, str] | None = None, *, damage: Damage | None = None
    ) -> None:
        """Open no longer; one that was dropped has been told already."""
        ambiguous = any(each.number < group.ambiguous_before for group in each.groups)
        self._settled.pop(each.number, None)
        for group in each.groups:
            group.remove(each)
        named = each.groups[1]
        if not named.members and named.key:
            del self._keyed[named.key]
        flight = each.flight
        if flight is None:
            return
        self._kept -= 1
        self._budget.release(OPEN_BYTES)
        flight.damage = flight.damage or ("ambiguous_answers" if ambiguous else damage)
        self._finished.append(flight.finish(protocol="grpc", status=status, trailers=trailers or {}))


def _payload(message: grpc.Message, headers: Mapping[str, str]) -> bytes:
    try:
        return grpc.payloads(message.framed, headers.get("grpc-encoding", ""))[0] if message.framed else b""
    except grpc.MalformedMessage:
        return b""  # the decoder will say what is wrong with it
