"""The middleware: every message passes unchanged and first, and a copy of the exchange becomes a record."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collectors.decoders.registry import Registry
from collectors.intake.asgi import CaptureMiddleware, Message, Receive, Scope, Send
from tests.collectors.intake.outlets import gathering, ledgers, predictions

REQUEST = json.dumps({"id": "7", "inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}).encode()
RESPONSE = json.dumps({"outputs": [{"name": "p", "shape": [1], "datatype": "FP32", "data": [0.5]}]}).encode()
TARGET = "/v2/models/income/infer"
App = Callable[[Scope, Receive, Send], Any]


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body and answers in two pieces."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"application/json")]})
    await send({"type": "http.response.body", "body": RESPONSE[:9], "more_body": True})
    await send({"type": "http.response.body", "body": RESPONSE[9:]})


class Talk:
    """One middleware around an application, and what a client sent and got."""

    def __init__(self, directory: Path, app: App = serve, **options: Any) -> None:
        self.directory = directory
        self.gathering = gathering(directory)
        self.middleware = CaptureMiddleware(app, self.gathering, Registry(), **options)
        self.got: list[Message] = []

    def ask(self, path: str = TARGET, *pieces: bytes, method: str = "POST") -> "Talk":
        bodies = list(pieces or (REQUEST,))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(b"X-Request-Id", b"r"), (b"cookie", b"s")],
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": bodies.pop(0), "more_body": bool(bodies)}

        async def send(message: Message) -> None:
            self.got.append(message)

        asyncio.run(self.middleware(scope, receive, send))
        return self

    def end(self) -> "Talk":
        assert self.gathering.stop(10)
        return self


def test_an_exchange_is_a_prediction(tmp_path: Path) -> None:
    """And the client got what the application sent, piece by piece."""
    talk = Talk(tmp_path).ask(TARGET, REQUEST[:5], REQUEST[5:]).end()
    assert [message.get("body") for message in talk.got] == [None, RESPONSE[:9], RESPONSE[9:]]
    (record,) = predictions(tmp_path)
    assert (record.model, record.id, record.captured_by, record.status) == ("income", "7", "asgi", 200)
    assert record.outputs[0].name == "p"


def test_paths_of_no_serving_api_pass_unseen(tmp_path: Path) -> None:
    """Nothing is even begun for them."""
    talk = Talk(tmp_path).ask("/health").ask(TARGET, method="GET")
    assert len(talk.got) == 6
    assert talk.gathering.counts.offered == 0


def test_a_route_names_its_model(tmp_path: Path) -> None:
    """And its bodies are read for what they are."""

    async def predict(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"[0.25, 0.75]"})

    Talk(tmp_path, predict, routes={"/predict": "income"}).ask("/predict", b'[{"a": 1}, {"a": 2}]').end()
    (record,) = predictions(tmp_path)
    assert (record.model, record.rows, record.inputs[0].name) == ("income", 2, "a")


def test_an_application_that_raises_is_recorded_and_raises(tmp_path: Path) -> None:
    """As the error that the server makes of it."""

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise ZeroDivisionError

    talk = Talk(tmp_path, fail)
    with pytest.raises(ZeroDivisionError):
        talk.ask()
    talk.end()
    (record,) = predictions(tmp_path)
    assert (record.status, record.outputs) == (500, ())


def test_an_answer_that_breaks_off_is_told(tmp_path: Path) -> None:
    """It is no prediction."""

    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})

    Talk(tmp_path, half).ask().end()
    (ledger,) = ledgers(tmp_path)
    assert dict(ledger.undecodable) == {"response_incomplete": 1}


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [({"body_bytes_max": 10}, "body_too_large"), ({"copied_bytes_max": 10}, "memory_full")],
)
def test_what_is_too_large_passes_and_is_told(tmp_path: Path, limits: dict[str, int], outcome: str) -> None:
    """Of one body, and of all in flight."""
    talk = Talk(tmp_path, **limits).ask().end()
    assert len(talk.got) == 3
    (ledger,) = ledgers(tmp_path)
    assert {**ledger.dropped, **ledger.undecodable} == {outcome: 1}


def test_room_is_given_back(tmp_path: Path) -> None:
    """After each exchange, whatever became of it."""
    talk = Talk(tmp_path, copied_bytes_max=len(REQUEST) + len(RESPONSE))
    for _ in range(3):
        talk.ask()
    talk.end()
    assert len(predictions(tmp_path)) == 3


def test_a_message_is_sent_before_it_is_looked_at(tmp_path: Path) -> None:
    """A client that is slow, or gone, is the application's affair as before."""
    order: list[str] = []

    async def run() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": REQUEST}

        async def send(message: Message) -> None:
            order.append(message["type"])
            if message["type"] == "http.response.body":
                raise ConnectionError

        scope = {"type": "http", "method": "POST", "path": TARGET, "headers": []}
        await Talk(tmp_path).middleware(scope, receive, send)

    with pytest.raises(ConnectionError):
        asyncio.run(run())
    assert order == ["http.response.start", "http.response.body"]


def test_a_websocket_passes(tmp_path: Path) -> None:
    """It is none of our business."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    talk = Talk(tmp_path, app)
    asyncio.run(talk.middleware({"type": "websocket", "path": TARGET}, None, None))  # type: ignore[arg-type]
    assert seen == ["websocket"] and talk.gathering.counts.offered == 0
