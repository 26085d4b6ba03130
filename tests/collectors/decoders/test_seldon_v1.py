"""Seldon's V1 protocol: its payloads, its ids, its refusals."""

import base64
import struct
from typing import Any

import pytest

from collectors.decoders.decoder import Call
from collectors.decoders.seldon_v1 import SeldonV1
from tests.collectors.decoders.exchanges import columns, decode, refusal

TARGET = "/seldon/ns/income/api/v1.0/predictions"
ANSWER = {"data": {"names": ["no", "yes"], "ndarray": [[0.75, 0.25]]}, "meta": {"puid": "p1"}}


def inputs(payload: dict[str, Any]) -> dict[str, Any]:
    return columns(decode(TARGET, payload, ANSWER).inputs)


@pytest.mark.parametrize(
    ("target", "call"),
    [
        (TARGET, Call("income")),
        ("/api/v1.0/predictions", Call("d")),
        ("/prefix/seldon/ns/a-b/api/v0.1/predictions?x", Call("a-b")),
        ("/api/v1.0/feedback", None),
        ("/api/v1.0/explanations", None),
    ],
)
def test_a_prediction_is_known_by_its_path(target: str, call: Call | None) -> None:
    """The deployment's name is there where an ingress is."""
    assert SeldonV1("d").call("POST", target) == call


def test_columns_have_the_names_given() -> None:
    """In both directions; the id is the puid."""
    decoded = decode(
        TARGET, {"data": {"names": ["a", "b"], "tensor": {"shape": [2, 2], "values": [1, 2, 3, 4]}}}, ANSWER
    )
    assert (decoded.model, decoded.rows, decoded.id) == ("income", 2, "p1")
    assert columns(decoded.inputs) == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
    assert columns(decoded.outputs) == {"no": [0.75], "yes": [0.25]}


def test_an_array_may_mix_types() -> None:
    """A column each; their names, where there are any."""
    assert inputs({"data": {"names": ["n", "s"], "ndarray": [[1, "a"], [2, "b"]]}}) == {"n": [1, 2], "s": ["a", "b"]}
    assert inputs({"data": {"names": [], "ndarray": [[1, "a"]]}}) == {"input_0": [1], "input_1": ["a"]}
    assert inputs({"data": {"ndarray": [[1, 2]]}}) == {"input": ((1, 2), [1, 2])}


def test_other_payloads() -> None:
    """A text, any JSON, bytes."""
    assert inputs({"strData": "hi"}) == {"input": ["hi"]}
    assert inputs({"jsonData": {"a": 1}}) == {"a": [1]}
    assert inputs({"binData": base64.b64encode(b"\0\1").decode()}) == {"input": [b"\0\1"]}


def tftensor(dtype: str, shape: list[int], **rest: Any) -> dict[str, Any]:
    return {"data": {"tftensor": {"dtype": dtype, "tensorShape": {"dim": [{"size": str(n)} for n in shape]}, **rest}}}


def test_a_single_value_of_a_tensor_fills_its_shape() -> None:
    """As TensorFlow writes constant tensors."""
    assert inputs(tftensor("DT_FLOAT", [2, 2], floatVal=[1.5])) == {"input": ((2, 2), [1.5] * 4)}
    assert inputs(tftensor("DT_INT64", [2], int64Val=[3, 4])) == {"input": [3, 4]}


def test_a_tensor_may_be_base64() -> None:
    """Its content, or each of its texts."""
    content = base64.b64encode(struct.pack("<2f", 1, 2)).decode()
    assert inputs(tftensor("DT_FLOAT", [2], tensorContent=content)) == {"input": [1.0, 2.0]}
    assert inputs(tftensor("DT_STRING", [2], stringVal=["YQ==", "Yg=="])) == {"input": ["a", "b"]}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, ("request_not_protocol", "request")),
        ({"data": {}}, ("request_not_protocol", "request.data")),
        (tftensor("DT_VARIANT", [1]), ("datatype_unknown", "request.data.tftensor.dtype")),
        (tftensor("DT_FLOAT", [100_000, 100_000], floatVal=[1]), ("record_too_large", "request.data.tftensor")),
        ({"data": {"tensor": {"shape": [3], "values": [1]}}}, ("shape_mismatch", "request.data.tensor.data")),
        ({"binData": "%"}, ("element_type", "request.binData")),
    ],
)
def test_other_bodies_are_refused(payload: dict[str, Any], reason: tuple[str, str]) -> None:
    """With a reason and the place."""
    assert refusal(TARGET, payload, ANSWER) == reason


def test_a_refusal_is_told_in_the_servers_words() -> None:
    """The info of a status; the id may be a header."""
    answer = {"status": {"code": 500, "info": "no model", "status": "FAILURE"}}
    decoded = decode(TARGET, {"strData": "x"}, answer, status=500, request_headers={"seldon-puid": "p9"})
    assert (decoded.error, decoded.id, decoded.outputs) == ("no model", "p9", ())
