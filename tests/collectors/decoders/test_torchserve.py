"""TorchServe: what its handlers are sent, whatever it is."""

import pytest

from collectors.decoders.decoder import Call
from collectors.decoders.torchserve import TorchServe
from tests.collectors.decoders.exchanges import columns, decode, refusal

TARGET = "/predictions/m"
FORM = {"content-type": "multipart/form-data; boundary=xyz"}


def part(name: str, content: bytes, kind: bytes = b"") -> bytes:
    described = b"\r\nContent-Type: " + kind if kind else b""
    return (
        b'--xyz\r\nContent-Disposition: form-data; name="'
        + name.encode()
        + b'"'
        + described
        + b"\r\n\r\n"
        + content
        + b"\r\n"
    )


@pytest.mark.parametrize(
    ("target", "call"),
    [
        (TARGET, Call("m")),
        ("/predictions/m/1.0?x=1", Call("m", "1.0")),
        ("/explanations/m", None),
        ("/predictions", None),
        ("/models/m", None),
    ],
)
def test_a_prediction_is_known_by_its_path(target: str, call: Call | None) -> None:
    """With the version behind the model."""
    assert TorchServe().call("POST", target) == TorchServe().call("PUT", target) == call
    assert TorchServe().call("GET", target) is None


def test_bytes_are_one_row() -> None:
    """An image in, JSON of classes out."""
    decoded = decode(TARGET, b"\xff\xd8\xff", {"tabby": 0.5, "lynx": 0.25})
    assert (decoded.rows, columns(decoded.inputs)) == (1, {"input": [b"\xff\xd8\xff"]})
    assert columns(decoded.outputs) == {"tabby": [0.5], "lynx": [0.25]}


def test_text_stays_text() -> None:
    """In both directions; a type that says JSON does not make it so."""
    decoded = decode(TARGET, "good film", b"positive", response_headers={"content-type": "application/json"})
    assert columns(decoded.inputs) == {"input": ["good film"]}
    assert columns(decoded.outputs) == {"output": ["positive"]}


def test_json_is_one_request_to_the_handler() -> None:
    """A list is one value; an object its keys."""
    assert decode(TARGET, [[1, 2], [3, 4]], b"1").inputs[0].shape == (1, 2, 2)
    decoded = decode(TARGET, {"a": [1, 2]}, b"[0.5, 0.5]")
    assert columns(decoded.inputs) == {"a": ((1, 2), [1, 2])}
    assert columns(decoded.outputs) == {"output": ((1, 2), [0.5, 0.5])}


def test_the_envelope_of_kserve_has_rows() -> None:
    """Instances and predictions, as on KServe's own path."""
    decoded = decode(TARGET, {"instances": [[1], [2]]}, {"predictions": [3, 4]})
    assert (decoded.rows, columns(decoded.outputs)) == (2, {"output": [3, 4]})


def test_a_form_is_a_tensor_a_part() -> None:
    """By the parts' names; a part may be JSON."""
    form = (
        part("data", b"\xff\xd8", b"image/jpeg") + part("options", b'{"top": 3}', b"application/json") + b"--xyz--\r\n"
    )
    assert columns(decode(TARGET, form, b"1", request_headers=FORM).inputs) == {"data": [b"\xff\xd8"], "top": [3]}


def test_a_broken_form_is_refused() -> None:
    """Without an end, without names, with too many parts."""
    assert refusal(TARGET, part("a", b"1"), b"1", request_headers=FORM)[0] == "request_not_protocol"
    assert (
        refusal(TARGET, b"--xyz\r\nx: y\r\n\r\n1\r\n--xyz--", b"1", request_headers=FORM)[0] == "request_not_protocol"
    )
    assert refusal(TARGET, part("a", b"1") * 300, b"1", request_headers=FORM)[0] == "record_too_large"


def test_a_refusal_is_told_in_the_servers_words() -> None:
    """TorchServe's have a code and a message."""
    decoded = decode(TARGET, b"x", {"code": 503, "message": "no workers"}, status=503)
    assert (decoded.error, decoded.outputs) == ("no workers", ())
