"""The path that KServe's V1 protocol and TensorFlow Serving share: both forms, and what both servers send."""

from typing import Any

import pytest

from collectors.decoders.decoder import Call
from collectors.decoders.predict_v1 import PredictV1
from tests.collectors.decoders.exchanges import columns, decode, refusal

PREDICT = "/v1/models/m:predict"
CLASSIFY = "/v1/models/m:classify"


@pytest.mark.parametrize(
    ("target", "call"),
    [
        (PREDICT, Call("m")),
        ("/v1/models/m/versions/7:predict", Call("m", "7")),
        ("/v1/models/m/labels/stable:classify", Call("m", "stable")),
        ("/prefix/v1/models/my%20model:regress?x=1", Call("my model")),
        ("/v1/models/m:explain", None),
        ("/v1/models/m", None),
        ("/v1/models/m/metadata", None),
        ("/health?next=/v1/models/m:predict", None),
        ("/v1/models/" + "m" * 300 + ":predict", None),
    ],
)
def test_a_prediction_is_known_by_its_path(target: str, call: Call | None) -> None:
    """With version or label; other verbs are no predictions."""
    assert PredictV1().call("POST", target) == call
    assert PredictV1().call("GET", target) is None


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        ([1.0, 2.0, 5.0], {"input": [1.0, 2.0, 5.0]}),
        ([[1, 2], [3, 4], [5, 6]], {"input": ((3, 2), [1, 2, 3, 4, 5, 6])}),
        (["a", "b", "c"], {"input": ["a", "b", "c"]}),
        ([{"x": 1, "s": "a"}, {"x": 2}, {"x": 3, "s": "c"}], {"x": [1, 2, 3], "s": ["a", None, "c"]}),
    ],
)
def test_instances_are_scalars_lists_or_objects(instances: list[Any], expected: dict[str, Any]) -> None:
    """Each element is a row."""
    decoded = decode(PREDICT, {"instances": instances, "signature_name": "s"}, {"predictions": [2.5, 3.0, 4.5]})
    assert (decoded.model, decoded.rows, decoded.id, decoded.error) == ("m", 3, None, None)
    assert columns(decoded.inputs) == expected
    assert columns(decoded.outputs) == {"output": [2.5, 3.0, 4.5]}


def test_both_forms_make_the_same_columns() -> None:
    """The row form and the column form of one request."""
    row = decode(PREDICT, {"instances": [[1, 2], [3, 4]]}, {"predictions": [0.1, 0.2]})
    column = decode(PREDICT, {"inputs": [[1, 2], [3, 4]]}, {"outputs": [0.1, 0.2]})
    assert row == column
    row = decode(
        PREDICT, {"instances": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}, {"predictions": [{"p": 1}, {"p": 2}]}
    )
    column = decode(PREDICT, {"inputs": {"a": [1, 2], "b": ["x", "y"]}}, {"outputs": {"p": [1, 2]}})
    assert row == column


def test_base64_is_bytes() -> None:
    """In a row by itself, and by name in an object."""
    b64 = {"b64": "iVBORwA="}
    assert columns(decode(PREDICT, {"instances": [b64]}, {"predictions": [b64]}).outputs) == {"output": [b"\x89PNG\0"]}
    decoded = decode(PREDICT, {"instances": [{"image_bytes": b64}]}, {"predictions": [1]})
    assert columns(decoded.inputs) == {"image_bytes": [b"\x89PNG\0"]}
    assert columns(decode(PREDICT, {"inputs": b64}, {"outputs": 1}).inputs) == {"input": [b"\x89PNG\0"]}


def test_nan_and_infinities_are_values() -> None:
    """TensorFlow Serving writes and reads the tokens."""
    decoded = decode(PREDICT, b'{"instances": [NaN, -Infinity]}', b'{"predictions": [Infinity, 1]}')
    assert columns(decoded.outputs) == {"output": [float("inf"), 1.0]}


def test_response_rows_may_be_others() -> None:
    """The predictions are the request's rows."""
    decoded = decode(PREDICT, {"instances": [1]}, {"predictions": [[1, 2], [3, 4]]})
    assert (decoded.rows, decoded.outputs[0].shape) == (1, (2, 2))


def test_the_batcher_adds_keys() -> None:
    """KServe's batcher answers with more than predictions."""
    decoded = decode(PREDICT, {"instances": [1]}, {"message": "", "batchId": "b", "predictions": [3]})
    assert columns(decoded.outputs) == {"output": [3]}


def test_a_classification_is_labels_with_scores() -> None:
    """Rows with fewer classes lack the last ones; features common to all examples are in every row."""
    request = {"context": {"site": "a"}, "examples": [{"x": 1.5}, {"x": [2.5, 3.5], "site": "b"}]}
    decoded = decode(CLASSIFY, request, {"results": [[["cat", 0.9], ["dog", 0.1]], [["dog", 1.0]]]})
    assert columns(decoded.inputs) == {"site": ["a", "b"], "x": ["1.5", "[2.5,3.5]"]}
    assert columns(decoded.outputs) == {
        "label": ((2, 2), ["cat", "dog", "dog", None]),
        "score": ((2, 2), [0.9, 0.1, 1.0, None]),
    }


def test_a_regression_is_a_value_a_row() -> None:
    """Whichever of its two spellings the key has."""
    for key in ("result", "results"):
        decoded = decode("/v1/models/m:regress", {"examples": [{"x": 1}, {"x": 2}]}, {key: [0.5, 0.7]})
        assert columns(decoded.outputs) == {"output": [0.5, 0.7]}


def test_a_refusal_keeps_the_request() -> None:
    """With the server's words."""
    decoded = decode(PREDICT, {"instances": [1]}, {"error": "bad shape"}, status=400)
    assert (decoded.error, decoded.outputs, columns(decoded.inputs)) == ("bad shape", (), {"input": [1]})


@pytest.mark.parametrize(
    ("request_body", "response", "reason"),
    [
        (b"x", {"predictions": []}, ("request_not_json", "request")),
        ([1], {"predictions": []}, ("request_not_protocol", "request")),
        ({"rows": [1]}, {"predictions": []}, ("request_not_protocol", "request")),
        ({"instances": [1]}, {"rows": []}, ("response_not_protocol", "response")),
        ({"instances": [1]}, b"<html>", ("response_not_json", "response")),
        ({"examples": [1]}, {"results": []}, ("request_not_protocol", "request.examples")),
    ],
)
def test_other_bodies_are_refused(request_body: Any, response: Any, reason: tuple[str, str]) -> None:
    """With a reason and the place."""
    assert refusal(PREDICT, request_body, response) == reason


def test_features_common_to_many_examples_are_bounded() -> None:
    """They are copied into every row."""
    request = {"context": {f"k{i}": 0 for i in range(3000)}, "examples": [{}] * 3000}
    assert refusal(CLASSIFY, request, {"results": [0]}) == ("record_too_large", "request.context")


def test_a_structured_event_is_its_data() -> None:
    """As KServe's servers take it, and answer; the request's event names the prediction."""
    event = {"specversion": "1.0", "id": "e-1", "source": "test", "type": "rows", "data": {"instances": [[1, 2]]}}
    answer = {"specversion": "1.0", "id": "e-2", "source": "m", "type": "answer", "data": {"predictions": [3.5]}}
    decoded = decode(PREDICT, event, answer)
    assert (decoded.rows, decoded.id) == (1, "e-1")
    assert columns(decoded.inputs) == {"input": ((1, 2), [1, 2])}
    assert columns(decoded.outputs) == {"output": [3.5]}


def test_a_column_may_be_called_as_an_attribute_of_an_event() -> None:
    """What has no data beside it is no event."""
    decoded = decode(PREDICT, {"instances": [{"specversion": 1}, {"specversion": 2}]}, {"predictions": [0, 1]})
    assert (decoded.id, columns(decoded.inputs)) == (None, {"specversion": [1, 2]})


def test_an_event_whose_data_is_no_request_is_told() -> None:
    """A text, as an event may carry."""
    reason, where = refusal(PREDICT, {"specversion": "1.0", "id": "e", "data": "rows"}, {"predictions": [1]})
    assert (reason, where) == ("request_not_protocol", "request")
