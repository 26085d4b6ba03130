"""Answers that come in pieces: when each came, and what is left of one that broke off."""

import json

import pytest

from collectors.decoders.identity import DEFAULT_IDS
from collectors.pipeline import Pipeline
from collectors.protocols import flight
from collectors.records.types import Prediction
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from tests.collectors.conversation import Step, Watched, chunked, post, server

ASK = post("/v1/chat/completions", json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode())
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def said(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'c1', 'model': 'm', 'choices': [choice]}, ensure_ascii=False)}\n\n".encode()


def piece(data: bytes) -> Step:
    return server(b"%x\r\n%b\r\n" % (len(data), data))


def test_pieces_are_noted_with_their_times() -> None:
    """The time of a byte is the time of the piece that brought it."""
    watched = Watched([ASK, server(HEAD), piece(b"ab"), piece(b"cde"), server(b"0\r\n\r\n")])
    (exchange,) = watched.exchanges
    assert exchange.arrivals is not None
    assert [exchange.arrivals.time_ns(count) for count in (1, 2, 3, 5, 6)] == [4, 4, 5, 5, None]
    assert (exchange.damage, exchange.aborted, bytes(exchange.response_body)) == (None, False, b"abcde")
    assert watched.budget.held == 0


def test_other_answers_have_no_times() -> None:
    """Nobody asks for them."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    (exchange,) = Watched([ASK, server(head + chunked(b"{}"))]).exchanges
    assert exchange.arrivals is None


def test_what_came_of_a_broken_stream_is_kept() -> None:
    """The client went away, or the server died; other answers that break off are damaged."""
    (exchange,) = Watched([ASK, server(HEAD), piece(b"ab")]).exchanges
    assert (exchange.aborted, exchange.damage, bytes(exchange.response_body)) == (True, None, b"ab")
    (exchange,) = Watched([ASK, server(HEAD.replace(b"text/event-stream", b"text/plain")), piece(b"ab")]).exchanges
    assert (exchange.aborted, exchange.damage) == (False, "response_incomplete")


def test_noted_times_are_bounded_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are memory like any other; times beyond the bound are unknown."""
    monkeypatch.setattr(flight, "ARRIVALS_MAX", 2)
    watched = Watched([ASK, server(HEAD), piece(b"a"), piece(b"b"), piece(b"c")], closes=False)
    assert watched.budget.held > 0
    (exchange,) = watched.close().exchanges
    assert exchange.arrivals is not None
    assert [exchange.arrivals.time_ns(count) for count in (1, 2, 3)] == [4, 5, None]
    assert watched.budget.held == 0


def test_a_stream_becomes_a_prediction_with_its_timings() -> None:
    """From the first byte to the record, cut inside a character."""
    words = said("grün")
    cut = words.index("ü".encode()) + 1
    pipeline = Pipeline("car", RedactionPolicy(), SamplingPolicy(), DEFAULT_IDS)
    time_ns = 1_000_000
    pipeline.opened(1, time_ns)
    steps = [ASK, server(HEAD), piece(words[:cut]), piece(words[cut:]), piece(said("!", "stop")), server(b"0\r\n\r\n")]
    for direction, data in steps:
        pipeline.received(1, direction, data, time_ns)
        time_ns += 1_000_000
    records, _ = pipeline.take()
    (prediction,) = [record for record in records if isinstance(record, Prediction)]
    found = {tensor.name: tensor for tensor in prediction.outputs}
    assert (prediction.model, prediction.id, prediction.id_source) == ("m", "c1", "body")
    assert found["completion_chars"].data == (5).to_bytes(8, "little")
    assert found["first_token_ms"].data == bytes.fromhex("0000000000000840")  # 3.0: its second piece completed it
    assert found["token_gap_ms_mean"].data == bytes.fromhex("000000000000f03f")  # 1.0
