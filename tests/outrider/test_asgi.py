"""The middleware as an application wires it: the end of the application is the end of its capture."""

import asyncio
from pathlib import Path

import pytest

from collectors.intake.asgi import Message, Receive, Scope, Send
from outrider.asgi import OutriderMiddleware

BODY = b'{"instances": [1, 2]}'


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b'{"predictions": [1, 2]}'})


async def call(middleware: OutriderMiddleware, scope: Scope, message: Message) -> list[str]:
    sent: list[str] = []

    async def receive() -> Message:
        return message

    async def send(reply: Message) -> None:
        sent.append(reply["type"])

    await middleware(scope, receive, send)
    return sent


@pytest.mark.parametrize("path", ["/v1/models/m:predict", "/predict"])
def test_what_was_recorded_is_in_the_spool_when_the_application_has_ended(tmp_path: Path, path: str) -> None:
    """Of a known path and of one of its own; the server hears of the end after that."""
    middleware = OutriderMiddleware(app, spool=tmp_path, routes={"/predict": "m"})
    scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    asyncio.run(call(middleware, scope, {"type": "http.request", "body": BODY}))
    sent = asyncio.run(call(middleware, {"type": "lifespan"}, {"type": "lifespan.shutdown"}))
    assert sent == ["lifespan.shutdown.complete"]
    assert (middleware.counts.offered, middleware.counts.settled, middleware.counts.lost) == (1, 1, 0)
