"""The Open Inference Protocol over gRPC, written by generated code: what servers really send, and what they must not."""

import random
import struct
from typing import Any

import numpy as np
import pytest

from collectors.decoders.decoder import ROWS_MAX, Call, Decoded, Undecodable
from collectors.decoders.open_inference_grpc import STREAM, UNARY, OpenInferenceGrpc, StreamCorrelation
from collectors.protocols import Exchange
from collectors.protocols.dialogue import Answer
from collectors.records.types import Tensor
from tests.collectors.generated import request, response, wrapped
from tests.collectors.grpc_conversation import message

DECODER = OpenInferenceGrpc()
RAW = {"raw_input_contents": [struct.pack("<2f", 1, 2)]}
X = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
P = {"name": "p", "datatype": "FP32", "shape": [1]}
HALF = struct.pack("<f", 0.5)
SHARED = {"shared_memory_region": {"string_param": "r"}, "shared_memory_byte_size": {"int64_param": 8}}
ASK = {"model_name": "m", "id": "r1", "inputs": [X], **RAW}
TOLD = {"model_name": "m", "model_version": "3", "outputs": [P], "raw_output_contents": [HALF]}


def exchange(
    asked: bytes,
    *answers: bytes,
    target: str = UNARY,
    status: int = 200,
    request_encoding: str = "",
    response_encoding: str = "",
    trailers: dict[str, str] | None = None,
) -> Exchange:
    return Exchange(
        method="POST",
        target=target,
        request_headers={"grpc-encoding": request_encoding},
        response_headers={"grpc-encoding": response_encoding},
        request_body=message(asked, request_encoding),
        response_body=b"".join(message(each, response_encoding) for each in answers),
        status=status,
        start_ns=1,
        end_ns=2,
        protocol="grpc",
        trailers=trailers or {"grpc-status": "0"},
    )


def decode(ask: dict[str, Any], told: dict[str, Any] = TOLD, **rest: Any) -> Decoded:
    asked, answer = request(**ask).SerializeToString(), response(**told).SerializeToString()
    return DECODER.decode(exchange(asked, answer, **rest), Call(""))


def refusal(ask: dict[str, Any], told: dict[str, Any] = TOLD) -> tuple[str, str]:
    with pytest.raises(Undecodable) as caught:
        decode(ask, told)
    return caught.value.reason, caught.value.where


def typed(datatype: str, shape: list[int], **contents: Any) -> dict[str, Any]:
    return {"model_name": "m", "inputs": [{"name": "x", "datatype": datatype, "shape": shape, "contents": contents}]}


def test_only_the_methods_that_infer_are_inferences() -> None:
    """The model is in the message."""
    assert [DECODER.call("POST", each) for each in (UNARY, STREAM)] == [Call(""), Call("")]
    others = [UNARY.replace("ModelInfer", "ModelMetadata"), UNARY + "/", "/grpc.health.v1.Health/Check"]
    assert [DECODER.call(*each) for each in [("GET", UNARY), *(("POST", each) for each in others)]] == [None] * 4


def test_raw_tensors_are_read() -> None:
    """Inputs, outputs, id, model, version and rows."""
    x = Tensor(name="x", shape=(1, 2), datatype="FP32", data=struct.pack("<2f", 1, 2))
    p = Tensor(name="p", shape=(1,), datatype="FP32", data=HALF)
    assert decode(ASK) == Decoded(model="m", version="3", id="r1", rows=1, inputs=(x,), outputs=(p,))


@pytest.mark.parametrize(
    ("datatype", "contents", "field", "numpy_type"),
    [
        ("BOOL", [True, False, True], "bool_contents", "?"),
        ("INT8", [-128, 0, 127], "int_contents", "<i1"),
        ("INT16", [-32768, 5, 32767], "int_contents", "<i2"),
        ("INT32", [-(2**31), 200, 2**31 - 1], "int_contents", "<i4"),
        ("INT64", [-(2**63), 200, 2**63 - 1], "int64_contents", "<i8"),
        ("UINT8", [0, 128, 255], "uint_contents", "<u1"),
        ("UINT16", [0, 128, 65535], "uint_contents", "<u2"),
        ("UINT32", [0, 128, 2**32 - 1], "uint_contents", "<u4"),
        ("UINT64", [0, 128, 2**64 - 1], "uint64_contents", "<u8"),
        ("FP32", [0.1, -1e30, float("inf")], "fp32_contents", "<f4"),
        ("FP64", [0.1, -1e300, float("nan")], "fp64_contents", "<f8"),
    ],
)
def test_typed_tensors_are_read(datatype: str, contents: list[float], field: str, numpy_type: str) -> None:
    """To the same bytes as raw ones; small numbers too, which come in one byte each."""
    for values in (contents, [1, 0, 1]):
        (tensor,) = decode(typed(datatype, [3], **{field: values})).inputs
        assert tensor.data == np.array(values, numpy_type).tobytes()


def test_texts_are_read_typed_and_raw() -> None:
    """With NUL, and where they are no UTF-8."""
    texts = [b"a\x00b", "ü".encode(), b"\xff\xfe", b""]
    (tensor,) = decode(typed("BYTES", [2, 2], bytes_contents=texts)).inputs
    raw = b"".join(struct.pack("<I", len(each)) + each for each in texts)
    ask = {
        "model_name": "m",
        "inputs": [{"name": "x", "datatype": "BYTES", "shape": [2, 2]}],
        "raw_input_contents": [raw],
    }
    assert decode(ask).inputs == (tensor,)
    assert tensor.items == ("a\x00b", "ü", b"\xff\xfe", "")


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_halves_come_raw(datatype: str) -> None:
    """There is no typed field for them."""
    x = {"name": "x", "datatype": datatype, "shape": [2]}
    raw = b"\x00\x3c\x80\x3f"
    assert decode({"inputs": [x], "raw_input_contents": [raw]}).inputs[0].data == raw
    assert refusal(typed(datatype, [2], fp32_contents=[1, 2])) == ("request_not_protocol", "request.inputs[0].contents")


def test_unpacked_numbers_are_read() -> None:
    """Old writers send each by itself."""
    contents = b"\x10\x05" + b"\x10\x07"
    tensor = b"\x0a\x01x" + b"\x12\x05INT32" + b"\x18\x02" + b"\x2a" + bytes([len(contents)]) + contents
    asked = b"\x2a" + bytes([len(tensor)]) + tensor
    answer = response(**TOLD).SerializeToString()
    (x,) = DECODER.decode(exchange(asked, answer), Call("")).inputs
    assert (x.shape, x.data) == ((2,), struct.pack("<2i", 5, 7))


def test_raw_entries_skip_inputs_in_shared_memory() -> None:
    """Their elements never cross the wire, so the list has no entry for them."""
    inputs = [{**X, "name": "a"}, {**X, "name": "shm", "parameters": SHARED}, {**X, "name": "b"}]
    raw = [struct.pack("<2f", 1, 2), struct.pack("<2f", 3, 4)]
    decoded = decode({"model_name": "m", "inputs": inputs, "raw_input_contents": raw})
    assert [(each.name, each.data) for each in decoded.inputs] == [("a", raw[0]), ("b", raw[1])]
    assert decoded.fidelity == "truncated"
    assert refusal({"inputs": [inputs[1]]}) == ("shared_memory", "request.inputs")


def test_outputs_in_shared_memory_have_an_empty_entry() -> None:
    """Servers add one for every output."""
    outputs = [{**P, "name": "shm", "parameters": SHARED}, P]
    decoded = decode(ASK, {"outputs": outputs, "raw_output_contents": [b"", HALF]})
    assert [(each.name, each.data) for each in decoded.outputs] == [("p", HALF)]
    assert decoded.fidelity == "truncated"


def test_parameters_and_requested_outputs_are_passed_over() -> None:
    """Of any type, at every level."""
    parameters = {"a": {"bool_param": True}, "b": {"double_param": 0.5}, "c": {"uint64_param": 9}}
    ask = ASK | {"parameters": parameters, "outputs": [{"name": "p", "parameters": parameters}]}
    assert decode(ask | {"inputs": [X | {"parameters": parameters}]}).inputs == decode(ASK).inputs


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_messages_are_read(encoding: str) -> None:
    """In both directions."""
    assert decode(ASK, request_encoding=encoding, response_encoding=encoding) == decode(ASK)


def test_a_refused_inference_keeps_its_inputs_and_the_servers_words() -> None:
    """They are in the trailers, percent-encoded."""
    asked = request(**ASK).SerializeToString()
    refused = exchange(asked, status=404, trailers={"grpc-status": "5", "grpc-message": "no %27m%27"})
    decoded = DECODER.decode(refused, Call(""))
    assert (decoded.error, decoded.outputs, decoded.model, len(decoded.inputs)) == ("no 'm'", (), "m", 1)


@pytest.mark.parametrize(
    ("ask", "reason", "where"),
    [
        ({"inputs": [X | {"datatype": "INT322"}], **RAW}, "datatype_unknown", "request.inputs[0].datatype"),
        ({"inputs": [X | {"shape": [-1, 2]}], **RAW}, "shape_invalid", "request.inputs[0].shape[0]"),
        ({"inputs": [X | {"shape": [2, 2]}], **RAW}, "shape_mismatch", "request.inputs[0]"),
        ({"inputs": [X, X], **RAW}, "binary_size", "request.inputs"),
        (
            {"inputs": [X | {"contents": {"fp32_contents": [1]}}], **RAW},
            "request_not_protocol",
            "request.inputs[0].contents",
        ),
        (typed("INT8", [1], int_contents=[128]), "element_range", "request.inputs[0].contents"),
        (typed("UINT8", [1], uint_contents=[256]), "element_range", "request.inputs[0].contents"),
        (typed("INT32", [2], int_contents=[1]), "shape_mismatch", "request.inputs[0].contents"),
        (typed("FP32", [1], fp64_contents=[1]), "request_not_protocol", "request.inputs[0].contents"),
        (typed("BYTES", [2], bytes_contents=[b"a"]), "shape_mismatch", "request.inputs[0]"),
        (typed("INT8", [2**53]), "shape_mismatch", "request.inputs[0].contents"),
        (
            {"inputs": [X | {"shape": [ROWS_MAX + 1, 0]}], "raw_input_contents": [b""]},
            "record_too_large",
            "request.inputs[0].shape[0]",
        ),
        ({"model_name": "m" * 300}, "request_not_protocol", "request.model_name"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused_with_its_place(
    ask: dict[str, Any], reason: str, where: str
) -> None:
    """One reason from the closed list."""
    assert refusal(ask) == (reason, where)


@pytest.mark.parametrize(
    ("asked", "answers", "reason", "where"),
    [
        (b"\x0a", [b""], "request_not_protocol", "request"),
        (b"\x0a\x02\xff\xff", [b""], "request_not_protocol", "request.model_name"),
        (b"", [b"\x0b"], "response_not_protocol", "response"),
        (b"", [], "response_not_protocol", "response"),
        (b"", [b"", b""], "response_not_protocol", "response"),
        (b"\x08\x01" * 1_000_001, [b""], "record_too_large", "request"),
    ],
)
def test_messages_that_are_none_are_refused(asked: bytes, answers: list[bytes], reason: str, where: str) -> None:
    """Also where there is none, or more than one."""
    with pytest.raises(Undecodable) as caught:
        DECODER.decode(exchange(asked, *answers), Call(""))
    assert (caught.value.reason, caught.value.where) == (reason, where)


def test_the_model_is_told_without_reading_the_rest() -> None:
    """For the account of exchanges that are not kept."""
    asked = request(model_name="mü", model_version="2", inputs=[X]).SerializeToString() + b"\x0b"
    assert DECODER.named(exchange(asked)) == Call("mü", "2")
    with pytest.raises(Undecodable):
        DECODER.named(exchange(b"\x0a"))


# Streams.


def stream(*answers: bytes, status: int = 200, **trailers: str) -> Decoded:
    asked = request(**ASK).SerializeToString()
    return DECODER.decode(exchange(asked, *answers, target=STREAM, status=status, trailers=trailers), Call(""))


def test_answers_of_triton_and_of_mlserver_are_the_same() -> None:
    """The one wrapped, the other bare, on the same path."""
    told = response(**TOLD)
    assert stream(wrapped(told)) == stream(told.SerializeToString()) == decode(ASK)


def test_several_answers_are_one_prediction() -> None:
    """Outputs are joined along their first dimension; an empty last answer adds nothing."""
    texts = [
        response(id="r1", outputs=[{"name": "t", "datatype": "BYTES", "shape": [1]}], raw_output_contents=[item])
        for item in (b"\x01\0\0\0a", b"\x02\0\0\0bc")
    ]
    last = response(id="r1", parameters={"triton_final_response": {"bool_param": True}})
    (tensor,) = stream(*map(wrapped, [*texts, last])).outputs
    assert (tensor.shape, tensor.items) == ((2,), ("a", "bc"))
    assert stream().outputs == ()


def test_answers_that_do_not_fit_together_are_refused() -> None:
    """Other dimensions, another datatype."""
    other = response(outputs=[P | {"shape": [1, 1]}], raw_output_contents=[HALF])
    with pytest.raises(Undecodable) as caught:
        stream(wrapped(response(**TOLD)), wrapped(other))
    assert caught.value.reason == "shape_mismatch"


def test_an_error_inside_the_stream_is_the_servers_words() -> None:
    """The stream itself ended well."""
    decoded = stream(wrapped(response(id="r1"), error="out of memory"), status=500)
    assert (decoded.error, decoded.outputs) == ("out of memory", ())
    assert stream(status=503, **{"grpc-message": "gone"}).error == "gone"


def test_what_an_answer_answers_is_read() -> None:
    """Its id, whether it is the last, whether it failed; of bare and wrapped ones."""
    correlation = StreamCorrelation()
    assert correlation.key(request(**ASK).SerializeToString()) == "r1"
    final = {"triton_final_response": {"bool_param": True}}
    more = {"triton_final_response": {"bool_param": False}}
    told = response(id="a", **TOLD)
    answers = [
        (wrapped(response(id="a", parameters=final)), Answer("a", True, False)),
        (wrapped(response(id="a", parameters=more, **TOLD)), Answer("a", False, False)),
        (wrapped(told), Answer("a", None, False)),
        (told.SerializeToString(), Answer("a", None, False)),
        (wrapped(error="no"), Answer("", None, True)),
        (wrapped(response(id="a"), error="no"), Answer("a", None, True)),
        (b"", Answer("", None, False)),
        (b"\x0b", Answer("", None, False)),
    ]
    assert [correlation.answer(each) for each, _ in answers] == [expected for _, expected in answers]
    assert correlation.key(b"\x0b") == ""


def test_hostile_messages_are_read_or_refused() -> None:
    """Ten thousand mutations of sound ones."""
    rng = random.Random(4)
    contents = {"int_contents": [1, -2, 300]}
    sound = [
        request(**ASK, parameters={"p": {"string_param": "x"}}).SerializeToString(),
        request(**typed("INT32", [3], **contents)).SerializeToString(),
        request(**typed("BYTES", [2], bytes_contents=[b"a", b"b"])).SerializeToString(),
        response(**TOLD, parameters={"triton_final_response": {"bool_param": True}}).SerializeToString(),
    ]
    sound.append(wrapped(response(**TOLD)))
    correlation = StreamCorrelation()
    outcomes = set()
    for _ in range(10_000):
        asked, answer = (_mutated(rng, rng.choice(sound)) for _ in range(2))
        correlation.key(asked)
        correlation.answer(answer)
        try:
            outcomes.add(type(DECODER.decode(exchange(asked, answer, target=rng.choice([UNARY, STREAM])), Call(""))))
        except Undecodable as error:
            outcomes.add(type(error))
    assert outcomes == {Decoded, Undecodable}


def _mutated(rng: random.Random, data: bytes) -> bytes:
    mutable = bytearray(data)
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(mutable)) if mutable else 0
        mutable[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
    return bytes(mutable)
