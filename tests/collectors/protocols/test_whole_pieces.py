"""The short way for requests and answers that come whole says what the general way says, which takes them in pieces."""

import random

import pytest

from collectors.protocols import Direction
from collectors.protocols.memory import Budget
from tests.collectors.conversation import Step, Watched, always, answer, chunked, client, get, in_pieces, post, server

BODY = b'{"inputs": []}'
STEPS: list[Step] = [
    post("/a", BODY),
    post("/b", b""),
    post("/c", BODY, x_request_id="1"),
    get("/d"),
    get("/d", "HEAD"),
    client(b"POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BODY)),
    answer(BODY),
    answer(b"", 204),
    answer(BODY, 500, content_type="text/plain"),
    server(b"HTTP/1.1 100 Continue\r\n\r\n"),
    server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BODY)),
    server(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: a\n\n"),
    server(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
    client(b"\r\n"),
    client(BODY),
]


@pytest.mark.parametrize("seed", range(400))
def test_whole_pieces_are_read_as_single_bytes_are(seed: int) -> None:
    """Any order of requests and answers, sound or not: the same exchanges and the same reason to give up."""
    rng = random.Random(seed)
    steps = [rng.choice(STEPS) if rng.random() < 0.3 else STEPS[0 if at % 2 == 0 else 6] for at in range(8)]
    whole, pieces = Watched(steps), Watched(in_pieces(steps, always(1)))
    assert whole.story == pieces.story
    assert whole.connection.opaque == pieces.connection.opaque


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("closes", [True, False])
def test_what_was_asked_whole_is_told_whatever_comes(direction: Direction, closes: bool) -> None:
    """A hole, an end, an eviction: nothing stays held, and the request is an exchange."""
    budget = Budget()
    watched = Watched([post("/a", BODY)], closes=False, budget=budget)
    assert budget.held > 0
    watched.lose(direction, 5)
    if closes:
        watched.close()
    else:
        watched.exchanges += watched.connection.evicted()
    assert [(each.target, each.damage) for each in watched.exchanges] == [("/a", "not_copied")]
    assert budget.held == 0


def test_an_answer_beyond_the_memory_is_refused_as_always() -> None:
    """The request is told as damaged by our lack of room, and gives its own back."""
    budget = Budget(300)
    watched = Watched([post("/a", BODY), answer(b"x" * 1000)], budget=budget)
    assert [each.damage for each in watched.exchanges] == ["memory_full"]
    assert budget.held == 0
