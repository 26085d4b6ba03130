"""TorchServe over gRPC, written by generated code: what handlers are sent, whatever it is."""

import random
from typing import Any

import pytest

from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.decoders.registry import Registry
from collectors.decoders.torchserve_grpc import PREDICTIONS, STREAM, TorchServeGrpc
from collectors.protocols import Exchange
from tests.collectors.decoders.exchanges import columns
from tests.collectors.generated import generated
from tests.collectors.grpc_conversation import message

DECODER = TorchServeGrpc()


def asked(version: str = "2", **inputs: bytes) -> bytes:
    request = generated("torchserve").PredictionsRequest(model_name="cats", model_version=version, input=inputs)
    return bytes(request.SerializeToString())


def told(prediction: bytes) -> bytes:
    return bytes(generated("torchserve").PredictionResponse(prediction=prediction).SerializeToString())


def exchange(request: bytes, *answers: bytes, target: str = PREDICTIONS, **rest: Any) -> Exchange:
    return Exchange(
        method="POST",
        target=target,
        request_headers={},
        response_headers={},
        request_body=message(request),
        response_body=b"".join(map(message, answers)),
        start_ns=1,
        end_ns=2,
        protocol="grpc",
        **{"status": 200, "trailers": {"grpc-status": "0"}, **rest},
    )


def decoded(request: bytes, *answers: bytes, **rest: Any) -> Decoded:
    return DECODER.decode(exchange(request, *answers, **rest), Call(""))


def test_the_methods_are_known() -> None:
    """One request each; pings and streams of many requests are not read."""
    found = [Registry().find("POST", target) for target in (PREDICTIONS, STREAM)]
    assert [each and each[0].name for each in found] == ["torchserve_grpc"] * 2
    assert not any(DECODER.call("POST", PREDICTIONS.replace("Predictions", m)) for m in ("Ping", "StreamPredictions2"))


def test_json_has_its_keys_and_the_rest_is_one_value() -> None:
    """Texts, and bytes as they are; in the order of the names."""
    said = decoded(asked(data=b'{"age": 41, "tags": ["a"]}', image=b"\xff\xd8\x00"), told(b'{"cat": 0.75}'))
    assert (said.model, said.version, said.rows, said.id) == ("cats", "2", 1, None)
    assert columns(said.inputs) == {"age": [41], "tags": ((1, 1), ["a"]), "image": [b"\xff\xd8\x00"]}
    assert columns(said.outputs) == {"cat": [0.75]}


def test_the_pieces_of_a_stream_are_one_answer() -> None:
    """Also where they split a character."""
    said = decoded(asked(data=b"hello"), told(b"gr\xc3"), told(b"\xbc"), told(b"n"), target=STREAM)
    assert (columns(said.inputs), columns(said.outputs)) == ({"data": ["hello"]}, {"output": ["grün"]})


def test_a_failed_call_keeps_the_servers_words() -> None:
    """And what it was sent."""
    trailers = {"grpc-status": "5", "grpc-message": "no model"}
    said = decoded(asked(data=b"x"), status=404, trailers=trailers)
    assert (said.error, said.outputs, columns(said.inputs)) == ("no model", (), {"data": ["x"]})


def test_the_model_is_named_by_the_message() -> None:
    """Whatever else is in it."""
    assert DECODER.named(exchange(asked(data=b"x"))) == Call("cats", "2")


def test_hostile_messages_are_read_or_refused() -> None:
    """Cut and replaced: nothing else is raised."""
    rng = random.Random(5)
    whole = (asked(data=b'{"a": [1, 2]}', text=b"x"), told(b'{"p": 0.5}'))
    refused = 0
    for _ in range(2_000):
        spoilt = []
        for side in whole:
            data = bytearray(side)
            at, end = sorted(rng.randint(0, len(data)) for _ in range(2))
            data[at:end] = rng.choice([b"", rng.randbytes(3), data[at:end] * 2])
            spoilt.append(bytes(data))
        try:
            decoded(*spoilt)
        except Undecodable as error:
            assert error.where
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("request_message", [b"\x0a\xff", b"\x0a\x01\xff", b"\x1a\x02\x0a\x05"])
def test_what_is_no_message_is_refused(request_message: bytes) -> None:
    """With its side."""
    with pytest.raises(Undecodable) as caught:
        decoded(request_message)
    assert caught.value.reason == "request_not_protocol"
