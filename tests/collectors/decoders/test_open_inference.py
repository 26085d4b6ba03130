"""The Open Inference Protocol over HTTP: what servers really send, and what they must not."""

import gzip
import json
import struct
from typing import Any

import numpy as np
import pytest

from collectors.decoders.decoder import ROWS_MAX, Call, Decoded, Undecodable
from collectors.decoders.json_bodies import ERROR_CHARS_MAX
from collectors.decoders.open_inference import OpenInference
from collectors.decoders.raw_input import RawInput
from collectors.decoders.registry import Registry
from collectors.protocols import Exchange
from collectors.records.types import Tensor
from tests.collectors.decoders.exchanges import decode as decode_exchange

DECODER = OpenInference()
X = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}
ANSWER = {
    "model_name": "m",
    "model_version": "3",
    "outputs": [{"name": "p", "shape": [1], "datatype": "FP32", "data": [0.5]}],
}
P = Tensor(name="p", shape=(1,), datatype="FP32", data=struct.pack("<f", 0.5))
LENGTH = "inference-header-content-length"


def decode(
    request: Any,
    response: Any = ANSWER,
    *,
    status: int = 200,
    request_headers: dict[str, str] | None = None,
    response_headers: dict[str, str] | None = None,
    decoder: OpenInference | None = None,
) -> Decoded:
    """Decode an exchange whose bodies are JSON values or bytes, by a decoder that has seen nothing yet unless told."""
    request_body, response_body = (
        body if isinstance(body, bytes) else json.dumps(body).encode() for body in (request, response)
    )
    exchange = Exchange(
        method="POST",
        target="/v2/models/m/infer",
        request_headers=request_headers or {},
        response_headers=response_headers or {},
        request_body=request_body,
        response_body=response_body,
        status=status,
        start_ns=1,
        end_ns=2,
    )
    return (decoder or OpenInference()).decode(exchange, Call("m"))


def refusal(request: Any, response: Any = ANSWER, **rest: Any) -> tuple[str, str]:
    with pytest.raises(Undecodable) as caught:
        decode(request, response, **rest)
    return caught.value.reason, caught.value.where


def binary(
    tensors: list[tuple[str, list[int], str, bytes]], side: str = "inputs", **rest: Any
) -> tuple[bytes, dict[str, str]]:
    """A body of the binary tensor extension, with its header."""
    described = [
        {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(data)}}
        for name, shape, datatype, data in tensors
    ]
    head = json.dumps({side: described, **rest}).encode()
    return head + b"".join(data for *_, data in tensors), {LENGTH: str(len(head))}


# Which request lines are inference.


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("/v2/models/m/infer", Call("m")),
        ("/v2/models/m/versions/7/infer", Call("m", "7")),
        ("/v2/models/m/versions/v1.2-beta/infer?x=1", Call("m", "v1.2-beta")),
        ("/seldon/ns/dep/v2/models/m/infer/", Call("m")),
        ("http://host:8000/v2/models/m/infer", Call("m")),
        ("/v2/models/my%20model%C3%BC/infer", Call("my modelü")),
        ("/v2/models/m", None),
        ("/v2/models/m/ready", None),
        ("/v2/models/m/generate", None),
        ("/v2/models/m/infer_stream", None),
        ("/v2/health/live", None),
        ("/v2/repository/models/m/load", None),
        ("/v2/models//infer", None),
        ("/v2/models/" + "m" * 300 + "/infer", None),
        ("/v2/models/m/infer/" + "x" * 9000, None),
    ],
)
def test_an_inference_is_known_by_its_path(target: str, call: Call | None) -> None:
    """With any prefix, version and query."""
    assert DECODER.call("POST", target) == call


def test_only_a_post_is_an_inference() -> None:
    """A GET of the same path is not."""
    assert DECODER.call("GET", "/v2/models/m/infer") is None


# JSON bodies.


def test_a_json_exchange_becomes_tensors() -> None:
    """Inputs, outputs, id, version and rows."""
    decoded = decode(
        {"id": "r1", "inputs": [{"name": "x", "shape": [3, 2], "datatype": "FP64", "data": [[1, 2], [3, 4], [5, 6]]}]}
    )
    x = Tensor(name="x", shape=(3, 2), datatype="FP64", data=np.arange(1, 7, dtype="<f8").tobytes())
    assert decoded == Decoded(model="m", version="3", id="r1", rows=3, inputs=(x,), outputs=(P,))


def test_rows_of_the_response_may_be_others() -> None:
    """Both shapes are kept."""
    response = ANSWER | {"outputs": [{"name": "top", "shape": [5, 1], "datatype": "INT64", "data": [1, 2, 3, 4, 5]}]}
    decoded = decode({"inputs": [X]}, response)
    assert (decoded.rows, decoded.outputs[0].shape) == (1, (5, 1))


def test_requested_outputs_and_parameters_may_be_anything() -> None:
    """Names only, numbers, booleans, nested: none of it is read."""
    request = {
        "parameters": {"priority": 3, "flag": True, "ratio": 0.5, "nested": {"a": [1]}},
        "inputs": [X | {"parameters": {"content_type": "np", "n": 4}}],
        "outputs": [{"name": "p"}, {"name": "q", "parameters": {"binary_data": False, "classification": 2}}],
    }
    assert decode(request).inputs[0].name == "x"


def test_the_id_of_the_response_stands_in_for_a_missing_one() -> None:
    """Servers generate one and tell it to the client."""
    assert decode({"inputs": [X]}, ANSWER | {"id": "made"}).id == "made"
    assert decode({"id": 17, "inputs": [X]}).id == "17"


def test_a_request_without_inputs_is_one_row() -> None:
    """Some models need none."""
    assert decode({"inputs": []}).rows == 1


def test_columns_of_a_data_frame_are_tensors_of_their_own() -> None:
    """MLServer's `pd`: one input a column, null where a value is missing."""
    columns = [
        {"name": "age", "shape": [2], "datatype": "FP64", "data": [31.0, None], "parameters": {"content_type": "np"}},
        {"name": "job", "shape": [2, 1], "datatype": "BYTES", "data": [["clerk"], ["nurse"]]},
    ]
    decoded = decode({"parameters": {"content_type": "pd"}, "inputs": columns})
    assert decoded.rows == 2
    assert [(t.name, t.missing, t.items) for t in decoded.inputs] == [
        ("age", (1,), ()),
        ("job", (), ("clerk", "nurse")),
    ]


def test_nan_tokens_are_read() -> None:
    """They are no JSON, but Python writes them; texts that hold the same letters stay texts."""
    request = b'{"id": "NaN or \\"Infinity\\"", "inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [NaN, -Infinity, 1]}]}'
    decoded = decode(request)
    assert decoded.id == 'NaN or "Infinity"'
    assert np.array_equal(np.frombuffer(decoded.inputs[0].data, "<f4"), [np.nan, -np.inf, 1], equal_nan=True)


@pytest.mark.parametrize(
    ("request_body", "reason", "where"),
    [
        (b"", "request_not_json", "request"),
        (b"{", "request_not_json", "request"),
        (b'{"id": "a", "inputs": [], "x": NaN', "request_not_json", "request"),
        (b'{"x": ' + b"[" * 100_000, "request_not_json", "request"),
        (b'{"id": "\xff", "inputs": []}', "request_not_json", "request"),
        (b"[]", "request_not_protocol", "request"),
        ({"instances": [[1, 2]]}, "request_not_protocol", "request"),
        ({"inputs": {}}, "request_not_protocol", "request.inputs"),
        ({"inputs": [{"name": "x"}]}, "request_not_protocol", "request.inputs[0]"),
        ({"inputs": [X, X | {"shape": "1"}]}, "request_not_protocol", "request.inputs[1].shape"),
        ({"inputs": [X | {"datatype": 5}]}, "request_not_protocol", "request.inputs[0].datatype"),
        ({"inputs": [{k: v for k, v in X.items() if k != "data"}]}, "request_not_protocol", "request.inputs[0].data"),
        ({"inputs": [X | {"datatype": "INT322"}]}, "datatype_unknown", "request.inputs[0].datatype"),
        ({"inputs": [X | {"shape": [2, 2]}]}, "shape_mismatch", "request.inputs[0].data"),
        ({"inputs": [X | {"shape": [-1, 2]}]}, "shape_invalid", "request.inputs[0].shape[0]"),
        ({"inputs": [X, X | {"data": [1, "a"]}]}, "element_type", "request.inputs[1].data[1]"),
        ({"inputs": [X | {"shape": [ROWS_MAX + 1, 0], "data": []}]}, "record_too_large", "request.inputs[0].shape[0]"),
        ({"inputs": [X] * 17_000}, "record_too_large", "request.inputs"),
    ],
)
def test_a_request_that_is_not_the_protocol_is_refused_with_its_place(
    request_body: Any, reason: str, where: str
) -> None:
    """One reason from the closed list, and where in the body."""
    assert refusal(request_body) == (reason, where)


@pytest.mark.parametrize(
    ("response", "reason", "where"),
    [
        (b"<html>", "response_not_json", "response"),
        (b"", "response_not_json", "response"),
        ({"predictions": [1]}, "response_not_protocol", "response"),
        ({"outputs": [X | {"shape": [9]}]}, "shape_mismatch", "response.outputs[0].data"),
    ],
)
def test_a_response_that_is_not_the_protocol_is_refused(response: Any, reason: str, where: str) -> None:
    """Whatever its content type says."""
    assert refusal({"inputs": [X]}, response) == (reason, where)


# Refusals by the server.


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({"error": "no such model"}, "no such model"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"error": {"code": 5}}, None),
        (b"upstream connect error\nmore of it", "upstream connect error"),
        (b"<html>bad gateway</html>", None),
        (b"\xff\x00", None),
        (b"", None),
        ({"error": "x" * 5000}, "x" * ERROR_CHARS_MAX),
    ],
)
def test_a_refused_inference_keeps_its_inputs_and_the_servers_words(response: Any, error: str | None) -> None:
    """It has no outputs."""
    decoded = decode({"id": "a", "inputs": [X]}, response, status=404)
    assert (decoded.error, decoded.outputs, decoded.id, len(decoded.inputs)) == (error, (), "a", 1)


# Binary tensors.


def test_binary_tensors_are_taken_in_order() -> None:
    """Those that carry a size; the others are in the JSON."""
    raw = [("b", [1, 2], "FP32", struct.pack("<2f", 1, 2)), ("c", [2], "BYTES", b"\2\0\0\0\0\xff\1\0\0\0a")]
    body, headers = binary(raw)
    described = json.loads(body[: int(headers[LENGTH])])
    described["inputs"].insert(1, X)
    head = json.dumps(described).encode()
    decoded = decode(head + body[int(headers[LENGTH]) :], request_headers={LENGTH: str(len(head))})
    assert [t.name for t in decoded.inputs] == ["b", "x", "c"]
    assert decoded.inputs[2].items == (b"\x00\xff", "a")
    assert decoded.fidelity == "full"


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_halves_come_raw(datatype: str) -> None:
    """Two bytes each, as they are."""
    body, headers = binary([("x", [2], datatype, b"\x00\x3c\x80\x3f")])
    assert decode(body, request_headers=headers).inputs[0].data == b"\x00\x3c\x80\x3f"


def test_a_binary_response_is_read_too() -> None:
    """Also where the request was JSON."""
    body, headers = binary([("p", [1], "FP32", P.data)], "outputs", model_name="m", model_version="1")
    assert decode({"inputs": [X]}, body, response_headers=headers).outputs == (P,)


def test_a_lost_length_is_recovered() -> None:
    """The object tells its own end, and the sizes account for the rest."""
    raw = [("x", [2], "FP64", struct.pack("<2d", 1, 2)), ("y", [1], "BYTES", b'\3\0\0\0{}"')]
    body, _ = binary(raw)
    decoded = decode(body)
    assert (decoded.inputs[1].items, decoded.fidelity) == (('{}"',), "headers_lost")


@pytest.mark.parametrize("tail", [b"extra", b"\0"])
def test_a_lost_length_is_not_guessed(tail: bytes) -> None:
    """Bytes that no tensor claims are a disagreement."""
    body, _ = binary([("x", [1], "FP64", bytes(8))])
    assert refusal(body + tail) == ("binary_size", "request.inputs")


@pytest.mark.parametrize("length", ["99999", "-1", "x", "١", "9" * 30])
def test_a_length_that_cannot_be_is_refused(length: str) -> None:
    """Longer than the body, or no number."""
    assert refusal({"inputs": [X]}, request_headers={LENGTH: length}) == ("binary_size", "request.header")


@pytest.mark.parametrize("size", [4, 12, -8, 2**70])
def test_a_size_that_disagrees_is_refused(size: int) -> None:
    """With the shape, or with the bytes that are there."""
    head = json.dumps(
        {"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": size}}]}
    ).encode()
    reason, where = refusal(head + bytes(8), request_headers={LENGTH: str(len(head))})
    assert reason in ("binary_size", "shape_mismatch", "request_not_protocol")
    assert where.startswith("request.inputs[0]")


def test_of_a_raw_request_the_answer_is_read() -> None:
    """Header value 0: one tensor without name, shape and type, which is left out rather than guessed."""
    decoded = decode(bytes(16), {"outputs": [X]}, request_headers={LENGTH: "0"})
    assert (decoded.inputs, decoded.rows, decoded.fidelity) == ((), 1, "truncated")
    assert [each.name for each in decoded.outputs] == ["x"]


def raw_request(shape: tuple[int, ...], body: bytes) -> Decoded:
    registry = Registry(raw_inputs={"m": RawInput("pixels", "FP32", shape)})
    return decode_exchange(
        "/v2/models/m/infer", body, {"outputs": [X]}, registry=registry, request_headers={LENGTH: "0"}
    )


@pytest.mark.parametrize(
    ("shape", "body", "expected"),
    [((1, 2), struct.pack("<2f", 1, 2), (1, 2)), ((-1, 2), bytes(24), (3, 2)), ((1, -1), bytes(12), (1, 3))],
)
def test_a_raw_request_is_read_as_the_settings_declare_it(
    shape: tuple[int, ...], body: bytes, expected: tuple[int, ...]
) -> None:
    """Of that model; one axis may have any length."""
    said = raw_request(shape, body)
    (pixels,) = said.inputs
    assert (pixels.name, pixels.shape, pixels.data) == ("pixels", expected, body)
    assert (said.rows, said.fidelity) == (expected[0], "full")


@pytest.mark.parametrize("shape", [(1, 2), (-1, 4), (-1,)])
def test_a_raw_request_of_another_size_is_refused(shape: tuple[int, ...]) -> None:
    """Three bytes are no FP32."""
    with pytest.raises(Undecodable) as caught:
        raw_request(shape, b"abc")
    assert (caught.value.reason, caught.value.where) == ("shape_mismatch", "request")


# Shared memory.

SHARED = {
    "name": "s",
    "shape": [1, 2],
    "datatype": "FP32",
    "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 8},
}


def test_tensors_in_shared_memory_are_left_out() -> None:
    """The others, raw ones too, are read, and the record says that something is missing."""
    raw = struct.pack("<f", 7)
    inputs = [SHARED, {"name": "x", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}]
    head = json.dumps({"inputs": inputs}).encode()
    decoded = decode(head + raw, request_headers={LENGTH: str(len(head))})
    assert ([t.name for t in decoded.inputs], decoded.fidelity) == (["x"], "truncated")


def test_outputs_in_shared_memory_are_left_out() -> None:
    """The inputs are worth having without them."""
    decoded = decode({"inputs": [X]}, {"outputs": [SHARED]})
    assert (len(decoded.inputs), decoded.outputs, decoded.fidelity) == (1, (), "truncated")


def test_inputs_that_are_all_in_shared_memory_are_counted() -> None:
    """There is nothing to see."""
    assert refusal({"inputs": [SHARED]}) == ("shared_memory", "request.inputs")


# Compression.


def test_compressed_bodies_are_inflated_first() -> None:
    """The length header speaks of the plain body, as Triton reads it; responses may compress without a word."""
    body, headers = binary([("x", [1], "FP64", bytes(8))])
    decoded = decode(
        gzip.compress(body),
        gzip.compress(json.dumps(ANSWER).encode()),
        request_headers=headers | {"content-encoding": "gzip"},
    )
    assert (decoded.rows, decoded.outputs) == (1, (P,))


def test_a_compressed_error_is_read() -> None:
    """And a damaged one is no error of ours."""
    request = {"inputs": [X]}
    assert decode(request, gzip.compress(b'{"error": "e"}'), status=500).error == "e"
    assert decode(request, b"\x1f\x8bzzz", status=500).error is None


# Exchanges of floats alone are read in one go; everything else more closely.

ODD_OR_NOT = [
    {"shape": [2], "datatype": "FP32", "data": [1, -2.5]},
    {"shape": [2], "datatype": "FP32", "data": [1e39, 1e-50]},
    {"shape": [2], "datatype": "FP64", "data": [0.1, 12345678901234567890]},
    {"shape": [1, 2], "datatype": "FP32", "data": [[1.5, 2.5]]},
    {"shape": [2], "datatype": "FP16", "data": [70000, 1.0]},
    {"shape": [2], "datatype": "FP32", "data": [None, 1.0]},
    {"shape": [0], "datatype": "FP32", "data": []},
    {"shape": [], "datatype": "FP32", "data": [1.0]},
    {"shape": [2], "datatype": "INT64", "data": [9007199254740993, -1]},
    {"shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
    {"shape": [1], "datatype": "FP32", "data": [1.0], "parameters": {"content_type": "np"}},
    {"shape": [3], "datatype": "FP32", "data": [1.0]},
    {"shape": [-1, -1], "datatype": "FP32", "data": [1.0]},
    {"shape": [1] * 40, "datatype": "FP32", "data": [1.0]},
    {"shape": [1], "datatype": "FP99", "data": [1.0]},
    {"shape": [1], "datatype": "FP32"},
]
GZIPPED = {"content-encoding": "gzip"}


def said(
    request: dict[str, Any], response: dict[str, Any], decoder: OpenInference | None = None, *, status: int = 200
) -> object:
    try:
        return decode(request, response, decoder=decoder, status=status)
    except Undecodable as error:
        return error.reason, error.where


def said_carefully(request: dict[str, Any], response: dict[str, Any], status: int = 200) -> object:
    """What is compressed is never read the quick way."""
    try:
        return decode(gzip.compress(json.dumps(request).encode()), response, status=status, request_headers=GZIPPED)
    except Undecodable as error:
        return error.reason, error.where


@pytest.mark.parametrize("tensor", ODD_OR_NOT)
@pytest.mark.parametrize("beside", [[], [X], [{"name": "i", "shape": [1], "datatype": "INT32", "data": [7]}]])
@pytest.mark.parametrize("status", [200, 201, 400])
def test_the_quick_way_says_what_the_careful_one_says(
    tensor: dict[str, Any], beside: list[dict[str, Any]], status: int
) -> None:
    """The same tensors, or the same refusal, whether what is odd is asked or answered."""
    odd = {"id": 7, "inputs": [*beside, {"name": "t", **tensor}]}
    assert said(odd, ANSWER, status=status) == said_carefully(odd, ANSWER, status)
    odd_answer = {"model_version": 4, "outputs": odd["inputs"]}
    assert said({"inputs": [X]}, odd_answer, status=status) == said_carefully({"inputs": [X]}, odd_answer, status)


def test_what_a_decoder_has_seen_changes_nothing() -> None:
    """It remembers of which models the quick way is in vain: in any order, what it says is what a new one says."""
    decoder, rng = OpenInference(), np.random.default_rng(11)
    for _ in range(2000):
        tensor = ODD_OR_NOT[0 if rng.random() < 0.9 else rng.integers(len(ODD_OR_NOT))]
        request = {"inputs": [{"name": "t", **tensor}]}
        assert said(request, ANSWER, decoder) == said(request, ANSWER)
