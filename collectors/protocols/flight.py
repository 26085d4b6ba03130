"""A request on its way, with what is known of its response."""

from array import array
from collections.abc import Mapping

from collectors.protocols.exchange import Arrivals, Damage, Exchange, Protocol
from collectors.protocols.heads import EVENT_STREAM, RequestHead, ResponseHead
from collectors.protocols.memory import Budget, Kept

ARRIVALS_MAX = 16_384
"""Pieces of one event stream whose time is noted; a long answer of a language model has some thousand."""

_ARRIVAL_BYTES = 16
_NONE: Mapping[str, str] = {}


class Flight:
    """Grows while bytes pass, and becomes an exchange."""

    __slots__ = (
        "_arrival_counts",
        "_arrival_times",
        "aborted",
        "damage",
        "end_ns",
        "head_bytes",
        "request",
        "request_body",
        "request_done",
        "response",
        "response_body",
        "response_done",
        "start_ns",
        "wire_bytes",
    )

    def __init__(
        self, request: RequestHead, head_bytes: int, start_ns: int, request_body: Kept, response_body: Kept
    ) -> None:
        self.request = request
        self.head_bytes = self.wire_bytes = head_bytes
        self.request_body = request_body
        self.request_done = False
        self.response: ResponseHead | None = None
        self.response_body = response_body
        self.response_done = False
        self.start_ns = start_ns
        self.end_ns = start_ns
        self.damage: Damage | None = None
        self.aborted = False
        self._arrival_counts: array[int] | None = None
        self._arrival_times: array[int] | None = None

    def answered(self, response: ResponseHead) -> None:
        """Take the head of the final response; of an event stream it will be noted when its pieces come."""
        self.response = response
        if self.response_body.wanted and response.headers.get("content-type", "").lower().startswith(EVENT_STREAM):
            self._arrival_counts, self._arrival_times = array("Q"), array("Q")

    @property
    def is_event_stream(self) -> bool:
        return self._arrival_counts is not None

    def note_arrival(self, time_ns: int, budget: Budget) -> None:
        """A piece of the response's body has come. What is noted is released with the heads."""
        counts, times = self._arrival_counts, self._arrival_times
        if counts is None or times is None or len(counts) >= ARRIVALS_MAX:
            return
        count = len(self.response_body.bytes)
        if (not counts or count > counts[-1]) and budget.charge(_ARRIVAL_BYTES):
            self.head_bytes += _ARRIVAL_BYTES
            counts.append(count)
            times.append(max(time_ns, times[-1] if times else 0))

    def cut_short(self) -> None:
        """Nothing more will come of it. Of an event stream, what came is worth keeping."""
        if self.response is None:
            self.damage = self.damage or "no_response"
        elif not self.request_done:
            self.damage = self.damage or "request_incomplete"
        elif not self.response_done:
            self.aborted = self.is_event_stream
            if not self.aborted:
                self.damage = self.damage or "response_incomplete"

    def finish(
        self, *, protocol: Protocol = "http1", status: int | None = None, trailers: Mapping[str, str] = _NONE
    ) -> Exchange:
        """What became of it; holds nothing more. `status` where it is another than the response head's."""
        request_body, response_body = self.request_body.take(), self.response_body.take()
        wire_bytes = self.wire_bytes + len(request_body) + len(response_body)
        damage = self.damage or self.request_body.refused or self.response_body.refused
        if damage:
            request_body = response_body = bytearray()
        response = self.response
        return Exchange(
            method=self.request.method,
            target=self.request.target,
            request_headers=self.request.headers,
            response_headers=response.headers if response else _NONE,
            request_body=request_body,
            response_body=response_body,
            status=(response.status if response else 0) if status is None else status,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            wire_bytes=wire_bytes,
            damage=damage,
            arrivals=self._arrivals(),
            aborted=self.aborted and not damage,
            protocol=protocol,
            trailers=trailers,
        )

    def _arrivals(self) -> Arrivals | None:
        if self._arrival_counts is None or self._arrival_times is None:
            return None
        return Arrivals(self._arrival_counts, self._arrival_times)
