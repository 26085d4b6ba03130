"""Open Inference answers as server-sent events, as MLServer streams them."""

import json
import random
from typing import Any

import pytest

from collectors.decoders.decoder import Undecodable
from collectors.decoders.registry import Registry
from tests.collectors.decoders.exchanges import columns, decode, exchange, refusal, sse

PATH = "/v2/models/text/infer_stream"
ASKED = {"id": "q", "inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["how"]}]}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}


def told(*values: Any, version: str = "v1", datatype: str = "BYTES") -> dict[str, Any]:
    outputs = [{"name": "y", "shape": [len(values)], "datatype": datatype, "data": list(values)}]
    return {"model_name": "text", "model_version": version, "id": "q", "parameters": {}, "outputs": outputs}


def test_the_path_is_known() -> None:
    """With and without a version; the model is in it."""
    found = [Registry().find("POST", path) for path in (PATH, "/a/v2/models/m/versions/v%201/infer_stream?x=1")]
    assert [f and (f[0].name, f[1].model, f[1].version) for f in found] == [
        ("open_inference_stream", "text", ""),
        ("open_inference_stream", "m", "v 1"),
    ]


def test_answers_are_joined() -> None:
    """Outputs of one name along their first dimension; nulls stay where they are."""
    said = decode(PATH, ASKED, sse(told("a"), told("b", None), told("c"), done=False), response_headers=EVENTS)
    assert columns(said.outputs) == {"y": ["a", "b", None, "c"]}
    assert (said.model, said.version, said.id, said.rows, said.fidelity) == ("text", "v1", "q", 1, "full")
    assert columns(said.inputs) == {"x": ["how"]}


def test_generate_stream_with_open_inference_messages_is_the_same() -> None:
    """MLServer has both paths for it."""
    stream = sse(told("a"), told("b"), done=False)
    ours, other = (
        decode(path, ASKED, stream, response_headers=EVENTS) for path in (PATH, "/v2/models/text/generate_stream")
    )
    assert ours == other


def test_no_answer_at_all_is_no_fault() -> None:
    """A stream may be empty."""
    said = decode(PATH, ASKED, b"", response_headers=EVENTS)
    assert (said.outputs, said.error, said.fidelity) == ((), None, "full")


def test_what_is_no_stream_is_read_as_any_answer() -> None:
    """A whole response, or a refusal."""
    assert columns(decode(PATH, ASKED, told("a")).outputs) == {"y": ["a"]}
    assert decode(PATH, ASKED, {"error": "no model"}, status=404).error == "no model"


def test_a_stream_cut_short_is_truncated() -> None:
    """What came is kept."""
    said = decode(PATH, ASKED, sse(told("a"), done=False), response_headers=EVENTS, aborted=True)
    assert (columns(said.outputs), said.fidelity) == ({"y": ["a"]}, "truncated")


def test_an_error_in_the_stream_is_the_predictions_error() -> None:
    """After status 200, with what came before."""
    said = decode(PATH, ASKED, sse(told("a"), {"error": "out of memory"}, done=False), response_headers=EVENTS)
    assert (said.error, columns(said.outputs)) == ("out of memory", {"y": ["a"]})


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (sse("{", done=False), ("response_not_json", "response.events[0]")),
        (sse(told("a"), told(1, datatype="INT64"), done=False), ("shape_mismatch", "response.outputs")),
        (sse({"outputs": 3}, done=False), ("response_not_protocol", "response.outputs")),
    ],
)
def test_events_that_are_no_answers_are_refused(events: bytes, expected: tuple[str, str]) -> None:
    """With their place."""
    assert refusal(PATH, ASKED, events, response_headers=EVENTS) == expected


def test_hostile_streams_are_read_or_refused() -> None:
    """Cut and replaced: nothing else is raised."""
    rng = random.Random(3)
    whole = sse(told("a"), told("b"), {"error": "e"}, done=False)
    asked = json.dumps(ASKED).encode()
    for _ in range(2_000):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            at, end = sorted(rng.randint(0, len(data)) for _ in range(2))
            data[at:end] = rng.choice([b"", b"\n\n", b"data: ", rng.randbytes(2), b"[", b'{"error"'])
        each = exchange(PATH, asked, bytes(data), response_headers=EVENTS)
        found = Registry().find("POST", PATH)
        assert found is not None
        try:
            found[0].decode(each, found[1])
        except Undecodable as error:
            assert error.where
