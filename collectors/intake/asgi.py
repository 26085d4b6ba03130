"""An ASGI middleware: hands copies of requests and responses to a `Gathering`, and passes every message on unchanged.

Each message goes to the application, or to the client, before it is looked at; nothing is waited for and nothing is
held back, so streams stay streams. Bodies are copied up to a bound; a longer one is told as too large.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from collectors.decoders.decoder import Call, Decoder
from collectors.decoders.registry import Registry
from collectors.intake.gathering import Gathering
from collectors.intake.sniffing import reader_of
from collectors.pipeline import Provenance
from collectors.protocols.exchange import Damage, Exchange
from collectors.protocols.heads import KEPT_HEADERS

BODY_BYTES_MAX = 48 * 1024 * 1024
"""Of one body that is copied: what a record may hold."""

COPIED_BYTES_MAX = 128 * 1024 * 1024
"""Of all bodies in flight; beyond it exchanges are told as not seen for lack of memory."""

FAILED_STATUS = 500
"""What a server answers for an application that raised before it answered."""

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PROVENANCE = Provenance(captured_by="asgi")


class CaptureMiddleware:
    """Wraps an application. `routes` names the model behind a path that is of no serving API."""

    def __init__(
        self,
        app: App,
        gathering: Gathering,
        registry: Registry,
        *,
        routes: Mapping[str, str] | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
        copied_bytes_max: int = COPIED_BYTES_MAX,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._app = app
        self._gathering = gathering
        self._registry = registry
        self._routes = dict(routes or {})
        self._body_bytes_max = body_bytes_max
        self._copied_bytes_max = copied_bytes_max
        self._copied_bytes = 0
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found, model = None, None
        if scope["type"] == "http":
            target = str(scope.get("root_path", "")) + str(scope["path"])
            found, model = self._registry.find(scope["method"], target), self._routes.get(scope["path"])
        if found is None and (model is None or scope["method"] != "POST"):
            await self._app(scope, receive, send)
            return
        copy = _Copy(scope, self._clock(), self._body_bytes_max, self._has_room)

        async def received() -> Message:
            message = await receive()
            copy.received(message)
            return message

        async def sent(message: Message) -> None:
            await send(message)
            copy.sent(message)

        try:
            await self._app(scope, received, sent)
        finally:
            self._copied_bytes -= copy.copied_bytes
            exchange = copy.exchange(self._clock())
            self._gathering.offer(exchange, found or _read_by(exchange, model), _PROVENANCE, exchange.wire_bytes)

    def _has_room(self, count: int) -> bool:
        if self._copied_bytes + count > self._copied_bytes_max:
            return False
        self._copied_bytes += count
        return True


def _read_by(exchange: Exchange, model: str | None) -> tuple[Decoder, Call] | None:
    return None if model is None else reader_of(exchange, model, "")


class _Copy:
    """One exchange while it passes."""

    def __init__(self, scope: Scope, now_ns: int, body_bytes_max: int, has_room: Callable[[int], bool]) -> None:
        self._scope = scope
        self._start_ns = now_ns
        self._body_bytes_max = body_bytes_max
        self._has_room = has_room
        self._request = bytearray()
        self._response = bytearray()
        self._headers: dict[str, str] = {}
        self._status = 0
        self._is_request_whole = self._is_answered = False
        self._damage: Damage | None = None
        self.copied_bytes = 0

    def received(self, message: Message) -> None:
        if message["type"] == "http.request":
            self._keep(self._request, message.get("body", b""))
            self._is_request_whole = not message.get("more_body", False)

    def sent(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = int(message["status"])
            self._headers = _kept(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._keep(self._response, message.get("body", b""))
            self._is_answered = not message.get("more_body", False)

    def exchange(self, now_ns: int) -> Exchange:
        """What has passed: whole, or with what is wrong with it."""
        damage = self._damage
        if damage is None and self._status and not self._is_answered:
            damage = "response_incomplete"
        elif damage is None and self._status and not self._is_request_whole and self._status < 400:
            damage = "request_incomplete"
        return Exchange(
            method=self._scope["method"],
            target=self._scope["path"],
            request_headers=_kept(self._scope.get("headers", ())),
            response_headers=self._headers,
            request_body=b"" if damage else self._request,
            response_body=b"" if damage else self._response,
            status=self._status or FAILED_STATUS,
            start_ns=self._start_ns,
            end_ns=now_ns,
            wire_bytes=len(self._request) + len(self._response),
            damage=damage,
        )

    def _keep(self, body: bytearray, more: bytes) -> None:
        if self._damage is not None or not more:
            return
        if len(body) + len(more) > self._body_bytes_max:
            self._damage = "body_too_large"
        elif not self._has_room(len(more)):
            self._damage = "memory_full"
        else:
            self.copied_bytes += len(more)
            body += more


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in headers:
        key = KEPT_HEADERS.get(bytes(name).lower())
        if key is not None:
            kept[key] = bytes(value).decode("latin-1").strip()
    return kept
