"""Copies of a gRPC server's calls, message by message, as the server's own library hands them over: no library here.

A call that has one request, or one answer, or both, is one exchange; a stream whose messages name what they answer is as
many as it has requests. Nothing here raises into the server: a fault of ours costs the copy of that call, and is counted.
"""

import base64
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from collectors.decoders.registry import Registry
from collectors.intake.gathering import Gathering
from collectors.pipeline import Provenance
from collectors.protocols import grpc
from collectors.protocols.dialogue import Dialogue
from collectors.protocols.exchange import Damage, Exchange
from collectors.protocols.flight import Flight
from collectors.protocols.heads import KEPT_HEADERS, RequestHead, ResponseHead
from collectors.protocols.memory import BODY_BYTES_MAX, BUFFERED_BYTES_MAX, Budget, Kept

OK, UNKNOWN = 0, 2
"""Codes of gRPC: of a call that went well, and of one whose handler raised."""

_PROVENANCE = Provenance(captured_by="grpc")
_CONTENT_TYPE = {"content-type": "application/grpc"}
_LOG = logging.getLogger(__name__)


class CallCopies:
    """What all calls of a server share: where exchanges go, and the room that copies may take."""

    def __init__(
        self,
        gathering: Gathering,
        registry: Registry,
        *,
        copied_bytes_max: int = BUFFERED_BYTES_MAX,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.gathering = gathering
        self.registry = registry
        self.budget = Budget(copied_bytes_max)
        self.clock = clock
        self.lock = threading.Lock()
        """The budget is one for all threads of the server."""
        self.failed = 0
        """Calls whose copy failed by a fault of ours; the log says which."""

    def begin(
        self, method: str, metadata: Iterable[tuple[str, str | bytes]] | None, *, streams: bool
    ) -> "CallCopy | None":
        """The copy of a call that begins now, or None where it is no inference. `streams`: many requests, many answers."""
        try:
            if not self.registry.is_inference("POST", method):
                return None
            headers = grpc.with_trace(_kept(metadata or ()))
            return CallCopy(self, RequestHead("POST", method, headers, False), streams=streams)
        except Exception:  # noqa: BLE001  (the server's call goes on, whatever is wrong with us)
            self.fail("begin")
            return None

    def fail(self, where: str) -> None:
        with self.lock:
            self.failed += 1
        _LOG.exception("grpc_copy_failed", extra={"where": where})

    def offer(self, exchange: Exchange) -> None:
        found = self.registry.find(exchange.method, exchange.target)
        self.gathering.offer(exchange, found, _PROVENANCE, exchange.wire_bytes)


class CallCopy:
    """One call while it passes. Each method may be called from any thread, and none of them raises."""

    def __init__(self, copies: CallCopies, request: RequestHead, *, streams: bool) -> None:
        self._copies = copies
        self._response = ResponseHead(200, dict(_CONTENT_TYPE))
        correlation = copies.registry.correlation(request.method, request.target) if streams else None
        start_ns = copies.clock()
        bodies = Kept(copies.budget, BODY_BYTES_MAX), Kept(copies.budget, BODY_BYTES_MAX)
        self._dialogue = Dialogue(copies.budget, correlation, request) if correlation is not None else None
        self._flight = Flight(request, 0, start_ns, *bodies)
        self._status, self._trailers = 0, dict[str, str]()
        self._waiting: list[bytes] = []
        self._is_watched = self._is_ended = self._is_completed = self._is_raised = False
        self._ends_with_answer = False

    def watched(self) -> None:
        """From now on the end of the call will be told; what came before takes room only from here on."""
        self._is_watched = True
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self.asked(message)

    def asked(self, message: bytes) -> None:
        """A message of the client."""
        if not self._is_watched:
            self._waiting.append(message)
            return
        self._safely("asked", self._ask, message)

    def answered(self, message: bytes) -> None:
        """A message of the server."""
        if self._is_watched:
            self._safely("answered", self._answer, message)
            if self._ends_with_answer:
                self._safely("ended", self._end, None, "")

    def completed(self) -> None:
        """The handler has returned."""
        self._is_completed = True

    def raised(self) -> None:
        """The handler has raised."""
        self._is_raised = True

    def ended(self, code: int | None, details: str, *, is_answered_later: bool = False) -> None:
        """The call is over; a code that is None was never set. A library may tell that before it makes the one answer."""
        if is_answered_later and self._is_completed and not code and self._flight.response is None:
            self._ends_with_answer = True
            return
        self._safely("ended", self._end, code, details)

    def _safely(self, where: str, step: Callable[..., None], *arguments: Any) -> None:
        try:
            with self._copies.lock:
                if self._is_ended:
                    return
                step(*arguments)
                finished = self._dialogue.take() if self._dialogue is not None else self._whole()
            for exchange in finished:
                self._copies.offer(exchange)
        except Exception:  # noqa: BLE001  (the server's call goes on, whatever is wrong with us)
            self._is_ended = True
            self._copies.fail(where)

    def _ask(self, message: bytes) -> None:
        if self._dialogue is not None:
            self._dialogue.asked(_framed(message), self._copies.clock())
        else:
            self._flight.request_body.append(_framed(message))

    def _answer(self, message: bytes) -> None:
        if self._dialogue is not None:
            self._dialogue.answered(self._response, _framed(message), self._copies.clock())
        else:
            self._flight.response = self._response
            self._flight.response_body.append(_framed(message))

    def _end(self, code: int | None, details: str) -> None:
        self._is_ended = True
        if code is None and self._is_raised:
            code = UNKNOWN
        damage: Damage | None = None
        if code is None and not self._is_completed:  # the client went away
            damage = "response_incomplete" if self._flight.response else "no_response"
        code = code or OK
        trailers = {"grpc-status": str(code)} | ({"grpc-message": quote(details)} if details else {})
        if self._dialogue is not None:
            self._dialogue.ended(self._response, trailers, damage)
            return
        self._flight.end_ns = self._copies.clock()
        self._flight.damage = self._flight.damage or damage
        self._status, self._trailers = grpc.HTTP_STATUS.get(code, 500), trailers

    def _whole(self) -> list[Exchange]:
        """The one exchange of a call that has ended."""
        if not self._is_ended:
            return []
        return [self._flight.finish(protocol="grpc", status=self._status, trailers=self._trailers)]


def _framed(message: bytes) -> bytes:
    """As messages are on the wire: libraries hand them over without."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _kept(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    kept = dict(_CONTENT_TYPE)
    for name, value in metadata:
        key = KEPT_HEADERS.get(name.lower().encode())
        if key is not None and key != "grpc-encoding":  # what we are handed is inflated
            kept[key] = base64.b64encode(value).decode() if isinstance(value, bytes) else value.strip()
    return kept
