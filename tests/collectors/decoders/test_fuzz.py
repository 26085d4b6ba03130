"""Foreign bytes: cut, replaced, repeated, spliced. Every decoder answers with tensors that add up, or with a reason."""

import os
import random
from collections.abc import Iterator
from math import prod
from typing import Any

import pytest

from collectors.decoders.decoder import Decoded, Undecodable
from collectors.decoders.generic_json import JsonRoute
from collectors.decoders.json_paths import Path
from collectors.decoders.registry import Registry
from collectors.protocols.exchange import Arrivals
from collectors.records.encoding import decode_batch, encode_batch
from collectors.records.types import ITEM_BYTES, Batch, Prediction
from tests.collectors.decoders.exchanges import body, exchange, sse

INPUTS = int(os.environ.get("OUTRIDER_FUZZ_INPUTS", "10000"))
"""Per decoder; a deep run asks for more."""

CHUNK = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "ü", "tool_calls": [{"index": 1}]}}]}
CHAT = {
    "model": "m",
    "n": 2,
    "messages": [{"role": "user", "content": [{"text": "a"}, {"image": 1}]}],
    "temperature": 0.5,
}
TENSOR = {"dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "2"}]}, "floatVal": [1.5]}
FORM = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n{"x": 1}\r\n--b--\r\n'
RESPONSE = {"id": "r", "status": "completed", "output": [{"type": "message", "content": [{"text": "a"}]}], "usage": {}}

SEEDS: dict[str, list[tuple[str, Any, Any, str, str]]] = {
    "predict_v1": [
        ("/v1/models/m:predict", {"instances": [[1, 2.5], [3, None]]}, {"predictions": [0.5, "NaN"]}, "", ""),
        ("/v1/models/m:predict", {"inputs": {"a": [{"b64": "AA=="}], "b": {"c": [1]}}}, {"outputs": {"p": [True]}}, "", ""),
        ("/v1/models/m:classify", {"context": {"a": 1}, "examples": [{"x": [1]}]}, {"results": [[["a", 0.5]]]}, "", ""),
    ],
    "torchserve": [
        ("/predictions/m", FORM, {"cat": 0.5}, "multipart/form-data; boundary=b", ""),
        ("/predictions/m", {"instances": [{"a": "x"}]}, {"predictions": [[1]]}, "application/json", ""),
    ],
    "seldon_v1": [
        ("/api/v1.0/predictions", {"data": {"names": ["a"], "ndarray": [[1], ["x"]]}}, {"data": {"tftensor": TENSOR}}, "", ""),
        ("/api/v1.0/predictions", {"data": {"tensor": {"shape": [1, 2], "values": [1, 2]}}}, {"binData": "AA=="}, "", ""),
    ],
    "invocations": [
        ("/invocations", b'a,"b"\n1,x\n2,y\n', b"0.5,0.25\n", "text/csv", "text/csv"),
        ("/invocations", b'{"a": [1]}\n{"a": [2]}\n', b'{"p": 1}\n', "application/jsonlines", ""),
        ("/invocations", {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"]]}}, {"predictions": {"a": [1]}}, "", ""),
        ("/invocations", CHAT, {"choices": [{"index": 0, "message": {"content": "a"}}]}, "", ""),
    ],
    "openai": [
        ("/v1/chat/completions", CHAT, sse(CHUNK, CHUNK, {"error": {"message": "e"}}), "", "text/event-stream"),
        ("/v1/completions", {"prompt": ["a", "b"], "n": 1}, {"choices": [{"index": 1, "text": "x"}], "usage": {"total_tokens": 3}}, "", ""),
        ("/v1/responses", {"input": [{"role": "user", "content": "x"}]}, sse({"type": "response.output_text.delta", "delta": "a"}, {"type": "response.completed", "response": RESPONSE}), "", "text/event-stream"),
        ("/v1/embeddings", {"input": ["a", "b"]}, {"data": [{"embedding": [1, 2]}, {"index": 1, "embedding": "AAAAAAAAAAA="}]}, "", ""),
    ],
    "triton_generate": [
        ("/v2/models/m/generate_stream", {"text_input": "a", "id": 3, "x": [1]}, sse({"text_output": "a", "y": [1]}, {"error": "e"}), "", "text/event-stream"),
    ],
    "generic_json": [
        ("/score", {"rows": [{"a": 1}, {"a": [2]}], "id": "i"}, {"scores": [0.5, {"x": 1}]}, "", ""),
    ],
}  # fmt: skip

ROUTE = JsonRoute(
    path="/score",
    model="m",
    inputs={"a": Path("rows[*].a"), "first": Path("rows[0]")},
    outputs={"p": Path("scores[*]")},
    id=Path("id"),
)
PIECES = [b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"NaN", b"1e999", b"-1", b"9" * 25, b"\xff", b"\r\n", b"[]", b"{}", b"true", b'"b64"', b"\\u0000", b"data: ", b"0.5"]  # fmt: skip


def spoilt(rng: random.Random, whole: bytes) -> bytes:
    """The same bytes with a few small faults."""
    data = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        at, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
        kind = rng.randrange(5)
        if kind == 0:
            data[at:end] = b""
        elif kind == 1:
            data[at:at] = rng.choice(PIECES)
        elif kind == 2 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 3:
            data[at:at] = data[at : min(end, at + 64)] * rng.randint(1, 8)
        else:
            data[at : at + 1] = rng.choice(PIECES)
    return bytes(data)


def hostile(rng: random.Random, seeds: list[tuple[str, Any, Any, str, str]]) -> Iterator[Any]:
    for _ in range(INPUTS):
        target, request, response, sent, answered = rng.choice(seeds)
        spoil = rng.randrange(3)
        yield exchange(
            target,
            spoilt(rng, body(request)) if spoil != 1 else body(request),
            spoilt(rng, body(response)) if spoil != 0 else body(response),
            status=rng.choice([200, 200, 200, 400]),
            request_headers={"content-type": sent},
            response_headers={"content-type": answered},
            arrivals=Arrivals([5, 90, 400], [2_000_000, 3_000_000, 9_000_000]),
            aborted=rng.random() < 0.2,
        )


def check(decoded: Decoded) -> None:
    """It can be stored: shapes account for elements, and a batch of it is read back."""
    for tensor in (*decoded.inputs, *decoded.outputs):
        found = len(tensor.items) if tensor.datatype == "BYTES" else len(tensor.data) // ITEM_BYTES[tensor.datatype]
        assert found == prod(tensor.shape)
        assert all(0 <= position < found for position in tensor.missing)
    record = Prediction(
        exchange="e",
        id="i",
        id_source="body",
        model=decoded.model,
        version=decoded.version,
        time_ns=1,
        error=decoded.error,
        rows=decoded.rows,
        inputs=decoded.inputs,
        outputs=decoded.outputs,
    )
    batch = Batch(sidecar="s", sequence=1, records=(record,))
    assert decode_batch(encode_batch(batch)).records[0].rows == decoded.rows  # type: ignore[union-attr]


@pytest.mark.parametrize("name", list(SEEDS))
def test_hostile_bodies_are_read_or_refused(name: str) -> None:
    """Nothing else is raised, and what is read can be stored."""
    rng = random.Random(name)
    registries = [Registry(keeps_text=keeps_text, routes=[ROUTE]) for keeps_text in (False, True)]
    read = refused = 0
    for each in hostile(rng, SEEDS[name]):
        found = rng.choice(registries).find("POST", each.target)
        assert found is not None
        assert found[0].name == name
        try:
            decoded = found[0].decode(each, found[1])
        except Undecodable as error:
            assert error.where
            refused += 1
        else:
            check(decoded)
            read += 1
    assert read > INPUTS // 50
    assert refused > INPUTS // 20


def test_seeds_are_read_as_they_are() -> None:
    """So that faults begin from what is right."""
    registry = Registry(routes=[ROUTE])
    for seeds in SEEDS.values():
        for target, request, response, sent, answered in seeds:
            whole = exchange(
                target,
                request,
                response,
                request_headers={"content-type": sent},
                response_headers={"content-type": answered},
            )
            found = registry.find("POST", target)
            assert found is not None
            check(found[0].decode(whole, found[1]))
