"""The generate extension, whole and in pieces."""

import json

import pytest

from collectors.decoders.decoder import Call
from collectors.decoders.registry import Registry
from tests.collectors.decoders.exchanges import arriving, columns, decode, refusal, sse

WHOLE = "/v2/models/llm/generate"
STREAM = "/v2/models/llm/versions/2/generate_stream"
EVENTS = {"content-type": "text/event-stream"}
ASK = {"id": "r1", "text_input": "hello", "parameters": {"temperature": 0}, "max_tokens": 20}


def piece(text: str, **rest: object) -> dict[str, object]:
    return {"model_name": "llm", "model_version": "1", "text_output": text} | rest


@pytest.mark.parametrize(("target", "call"), [(WHOLE, Call("llm")), (STREAM, Call("llm", "2"))])
def test_a_generation_is_known_by_its_path(target: str, call: Call) -> None:
    """Beside inference, which has its own decoder."""
    found = Registry().find("POST", target)
    assert found is not None
    assert (found[0].name, found[1]) == ("triton_generate", call)


def test_texts_are_counted_not_kept() -> None:
    """Other values are; parameters are not taken in."""
    decoded = decode(WHOLE, ASK, piece("hi there", score=[0.5, 0.7]))
    assert (decoded.id, decoded.version, decoded.rows) == ("r1", "1", 1)
    assert columns(decoded.inputs) == {"text_input_chars": [5], "max_tokens": [20]}
    assert columns(decoded.outputs) == {"text_output_chars": [8], "score": ((1, 2), [0.5, 0.7])}


def test_texts_are_kept_where_allowed() -> None:
    """Beside their lengths."""
    decoded = decode(WHOLE, ASK, piece("hi"), registry=Registry(keeps_text=True))
    assert columns(decoded.inputs)["text_input"] == ["hello"]
    assert columns(decoded.outputs)["text_output"] == ["hi"]


def test_pieces_are_joined_and_timed() -> None:
    """First token, gaps, and how many."""
    stream = sse(piece("a"), piece("bc"), piece("def", sequence_end=True), done=False)
    decoded = decode(STREAM, ASK, stream, response_headers=EVENTS, arrivals=arriving(stream, 10, first_ms=50))
    assert columns(decoded.outputs) == {
        "text_output_chars": [6],
        "sequence_end": [1],
        "aborted": [0],
        "pieces": [3],
        "first_token_ms": [50.0],
        "token_gap_ms_mean": [10.0],
        "token_gap_ms_p95": [10.0],
        "token_gap_ms_max": [10.0],
    }


def test_an_error_may_come_after_status_200() -> None:
    """With what came before it."""
    decoded = decode(STREAM, ASK, sse(piece("ab"), {"error": "out of memory"}, done=False), response_headers=EVENTS)
    assert decoded.error == "out of memory"
    assert columns(decoded.outputs)["text_output_chars"] == [2]


def test_an_aborted_stream_says_so() -> None:
    """Its last event may be cut."""
    stream = sse(piece("ab"), done=False) + b'data: {"text_'
    decoded = decode(STREAM, ASK, stream, response_headers=EVENTS, aborted=True)
    assert columns(decoded.outputs)["aborted"] == [1]


def test_mlserver_answers_with_inferences() -> None:
    """A whole one is read as what it is."""
    tensor = {"name": "x", "shape": [1], "datatype": "BYTES", "data": ["hi"]}
    decoded = decode(WHOLE, {"inputs": [tensor]}, {"model_name": "llm", "outputs": [tensor]})
    assert columns(decoded.outputs) == {"x": ["hi"]}


def test_other_bodies_are_refused() -> None:
    """With a reason and the place."""
    assert refusal(WHOLE, [1], piece("a")) == ("request_not_protocol", "request")
    assert refusal(STREAM, ASK, sse("{"), response_headers=EVENTS) == ("response_not_json", "response.events[0]")
    assert decode(WHOLE, ASK, json.dumps({"error": "no model"}), status=404).error == "no model"
