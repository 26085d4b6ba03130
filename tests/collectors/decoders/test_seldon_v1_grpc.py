"""Seldon's V1 protocol over gRPC, written by generated code: every payload, its ids, its refusals."""

import random
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.decoders.registry import Registry, named
from collectors.decoders.seldon_v1_grpc import DEPTH_MAX, MODEL_PREDICT, PREDICT, SeldonV1Grpc
from collectors.protocols import Exchange
from tests.collectors.decoders.exchanges import columns, decode
from tests.collectors.generated import generated
from tests.collectors.grpc_conversation import message

DECODER = SeldonV1Grpc("default")
ANSWER = {"data": {"names": ["no", "yes"], "ndarray": [[0.75, 0.25]]}, "meta": {"puid": "p1"}}


def said(document: dict[str, Any]) -> bytes:
    """A message from its JSON form."""
    return bytes(ParseDict(document, generated("seldon").SeldonMessage()).SerializeToString())


def exchange(request: bytes, response: bytes = b"", headers: dict[str, str] | None = None, **rest: Any) -> Exchange:
    return Exchange(
        method="POST",
        target=PREDICT,
        request_headers=headers or {},
        response_headers={},
        request_body=message(request),
        response_body=message(response) if response else b"",
        start_ns=1,
        end_ns=2,
        protocol="grpc",
        **{"status": 200, "trailers": {"grpc-status": "0"}, **rest},
    )


def decoded(document: dict[str, Any], answer: dict[str, Any] = ANSWER, **rest: Any) -> Decoded:
    return DECODER.decode(exchange(said(document), said(answer), **rest), Call(""))


def test_both_services_predict() -> None:
    """Feedback and the steps of a graph are no predictions."""
    found = [Registry().find("POST", target) for target in (PREDICT, MODEL_PREDICT)]
    assert [each and each[0].name for each in found] == ["seldon_v1_grpc"] * 2
    assert DECODER.call("POST", "/seldon.protos.Seldon/SendFeedback") is None


def test_an_ingress_is_told_the_deployment() -> None:
    """In the metadata `seldon`; without it the settings' name holds."""
    for headers, model in (({}, "default"), ({"seldon": "income"}, "income")):
        found = exchange(said(ANSWER), said(ANSWER), headers)
        assert named(DECODER, found, Call("")).model == model
        assert DECODER.decode(found, Call("")).model == model


@pytest.mark.parametrize(
    "payload",
    [
        {"data": {"names": ["a", "b"], "tensor": {"shape": [2, 2], "values": [1.5, 2.5, -3.5, 4.5]}}},
        {"data": {"tensor": {"shape": [0, 2], "values": []}}},
        {"data": {"names": ["n", "s"], "ndarray": [[1.5, "a"], [2.5, "ü"]]}},
        {"data": {"names": ["a", "a"], "ndarray": [[1.5, 2.5]]}},
        {"data": {"ndarray": [[True, False], [False, None]]}},
        {"jsonData": {"a": 1.5, "b": {"c": ["x", None]}, "d": {}}},
        {"jsonData": [{"a": "x"}, {"a": "y"}]},
        {"jsonData": None},
        {"strData": "Zürich"},
        {"binData": "AP8="},
    ],
)
def test_a_payload_makes_the_columns_that_it_makes_over_http(payload: dict[str, Any]) -> None:
    """The JSON form of one message through the other decoder; objects by their names, for Protocol Buffers mix them."""
    over_http = decode("/api/v1.0/predictions", payload, ANSWER)
    over_grpc = decoded(payload)
    assert (over_grpc.rows, over_grpc.id) == (over_http.rows, over_http.id)
    assert over_grpc.inputs == tuple(sorted(over_http.inputs, key=lambda tensor: tensor.name))
    assert over_grpc.outputs == over_http.outputs


def test_a_tensor_of_tensorflow_is_read() -> None:
    """With its names; a single value fills the shape."""
    proto = generated("tensorflow").TensorProto(dtype=1, float_val=[1.5])
    for size in (2, 2):
        proto.tensor_shape.dim.add(size=size)
    request = generated("seldon").SeldonMessage()
    request.data.names.extend(["a", "b"])
    request.data.tftensor = proto.SerializeToString()
    found = DECODER.decode(exchange(request.SerializeToString(), said(ANSWER)), Call(""))
    assert (found.rows, columns(found.inputs)) == (2, {"a": [1.5, 1.5], "b": [1.5, 1.5]})


def test_the_id_is_the_puid() -> None:
    """Of the request, of its metadata, of the answer; none where nobody has one."""
    payload = {"data": {"ndarray": [[1.5]]}}
    assert decoded(payload | {"meta": {"puid": "p0"}}, headers={"seldon-puid": "p2"}).id == "p0"
    assert decoded(payload, headers={"seldon-puid": "p2"}).id == "p2"
    assert decoded(payload).id == "p1"
    assert decoded(payload, payload).id is None


def test_a_refusal_has_its_words() -> None:
    """Of gRPC's status; and of an answer that says itself that it failed."""
    request = said({"data": {"ndarray": [[1.5]]}})
    found = DECODER.decode(
        exchange(request, status=500, trailers={"grpc-status": "2", "grpc-message": "no model"}), Call("")
    )
    assert (found.error, found.outputs, found.rows) == ("no model", (), 1)
    failure = {"status": {"status": "FAILURE", "info": "too hot", "reason": "HEAT", "code": 500}}
    found = decoded({"data": {"ndarray": [[1.5]]}}, failure)
    assert (found.error, found.outputs) == ("too hot", ())


@pytest.mark.parametrize(
    ("document", "reason", "where"),
    [
        ({}, "request_not_protocol", "request"),
        ({"data": {"names": ["a"]}}, "request_not_protocol", "request.data"),
        ({"data": {"tensor": {"shape": [3], "values": [1]}}}, "shape_mismatch", "request.data.tensor"),
        ({"data": {"tensor": {"shape": [-1], "values": [1]}}}, "shape_invalid", "request.data.tensor.shape[0]"),
    ],
)
def test_what_is_no_payload_is_told_with_its_place(document: dict[str, Any], reason: str, where: str) -> None:
    """Nothing, names alone, a shape that its values do not fill."""
    with pytest.raises(Undecodable) as caught:
        decoded(document)
    assert (caught.value.reason, caught.value.where) == (reason, where)


def test_lists_in_lists_end_somewhere() -> None:
    """Deeper than any data, and before our own stack ends."""
    request = generated("seldon").SeldonMessage()
    value = request.jsonData
    for _ in range(DEPTH_MAX):
        value = value.list_value.values.add()
    value.number_value = 1.5
    with pytest.raises(Undecodable) as caught:
        DECODER.decode(exchange(request.SerializeToString(), said(ANSWER)), Call(""))
    assert (caught.value.reason, caught.value.where) == ("request_not_protocol", "request.jsonData")


def test_damaged_messages_are_refused_and_never_break_us() -> None:
    """Cut and changed at every place of a message with every kind of payload."""
    rng = random.Random(7)
    for payload in ({"data": {"ndarray": [[1.5, "a"], [None, True]]}}, {"jsonData": {"a": [1, {"b": "c"}]}}, ANSWER):
        whole = said(payload)
        for at in range(len(whole)):
            changed = bytearray(whole)
            changed[at] ^= 1 << rng.randrange(8)
            for body in (whole[:at], bytes(changed)):
                try:
                    DECODER.decode(exchange(body, said(ANSWER)), Call(""))
                except Undecodable as error:
                    assert error.where.startswith("request")
