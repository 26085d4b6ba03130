"""`/invocations`: the forms that SageMaker's containers and MLflow's server take, and where names and ids come from."""

from typing import Any

import pytest

from collectors.decoders.decoder import Call
from collectors.decoders.registry import Registry
from tests.collectors.decoders.exchanges import columns, decode, refusal

TARGET = "/invocations"
CSV = {"content-type": "text/csv"}
LINES = {"content-type": "application/jsonlines"}
PREDICTIONS = {"predictions": [1, 2]}


def inputs(request: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    return columns(decode(TARGET, request, PREDICTIONS, request_headers=headers).inputs)


@pytest.mark.parametrize(
    ("target", "call"),
    [
        (TARGET, Call("d")),
        ("/endpoints/churn/invocations", Call("churn")),
        ("/serving-endpoints/llm/invocations?x=1", Call("llm")),
        ("/models/churn/invoke", Call("churn")),
        ("/models/churn", None),
        ("/ping", None),
        ("/invocations/x", None),
    ],
)
def test_the_endpoint_is_the_model(target: str, call: Call | None) -> None:
    """Or the name that the settings give."""
    found = Registry(model="d").find("POST", target)
    assert (found and found[1]) == call


def test_headers_name_model_variant_and_id() -> None:
    """Those of SageMaker; the variant that answered comes before the one that was asked."""
    asked = {
        "x-amzn-sagemaker-inference-id": "i7",
        "x-amzn-sagemaker-target-model": "a.tar.gz",
        "x-amzn-sagemaker-target-variant": "blue",
    }
    decoded = decode(TARGET, [[1]], b"1", request_headers=asked)
    assert (decoded.model, decoded.version, decoded.id) == ("a.tar.gz", "blue", "i7")
    answered = {"x-amzn-invoked-production-variant": "green"}
    assert decode(TARGET, [[1]], b"1", request_headers=asked, response_headers=answered).version == "green"


# The four forms of MLflow.


def test_a_data_frame_may_be_split() -> None:
    """Names and rows apart; numbers and texts in one row."""
    numbers = {"columns": ["a", "b"], "index": [0, 1], "data": [[1, 2.5], [3, 4]]}
    assert inputs({"dataframe_split": numbers}) == {"a": [1.0, 3.0], "b": [2.5, 4.0]}
    mixed = {"columns": ["n", "s"], "data": [[1, "x"], [None, "y"]]}
    assert inputs({"dataframe_split": mixed, "params": {"k": 1}}) == {"n": [1, None], "s": ["x", "y"]}
    assert inputs({"dataframe_split": {"data": [[1, 2]]}}) == {"input": ((1, 2), [1, 2])}


def test_a_data_frame_may_be_records() -> None:
    """A row is an object."""
    assert inputs({"dataframe_records": [{"a": 1, "s": "x"}, {"a": 2}]}) == {"a": [1, 2], "s": ["x", None]}


def test_instances_and_inputs() -> None:
    """As TensorFlow Serving has them."""
    assert inputs({"instances": [[1, 2], [3, 4]]}) == inputs({"inputs": [[1, 2], [3, 4]]})
    decoded = decode(TARGET, {"inputs": {"a": [1, 2], "b": ["x", "y"]}}, PREDICTIONS)
    assert (decoded.rows, columns(decoded.inputs)) == (2, {"a": [1, 2], "b": ["x", "y"]})


def test_rows_must_have_the_columns_that_are_named() -> None:
    """A row with fewer cells is told with its place."""
    frame = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3]]}}
    assert refusal(TARGET, frame, PREDICTIONS) == ("shape_mismatch", "request.dataframe_split.data")


def test_a_language_model_answers_as_one() -> None:
    """Requests with messages pass on to it, and come back unwrapped."""
    answer = {
        "id": "c1",
        "model": "llm",
        "choices": [{"index": 0, "message": {"content": "four"}, "finish_reason": "stop"}],
    }
    decoded = decode("/endpoints/chat/invocations", {"messages": [{"role": "user", "content": "2+2"}]}, answer)
    assert (decoded.model, decoded.id) == ("chat", "c1")
    assert columns(decoded.outputs)["completion_chars"] == [4]


def test_keys_of_a_language_model_may_be_features() -> None:
    """Where the answer is none of a language model's."""
    assert inputs({"prompt": "abc", "size": 3}) == {"prompt": ["abc"], "size": [3]}


# The forms of SageMaker.


def test_csv_without_header_is_numbers() -> None:
    """A row a line; empty cells are missing."""
    assert inputs("1,2.5\n3,4\n", CSV) == {"input": ((2, 2), [1.0, 2.5, 3.0, 4.0])}
    assert inputs("1,,x\r\n2,+3,y", CSV) == {"input_0": [1, 2], "input_1": [None, 3], "input_2": ["x", "y"]}
    assert inputs("5\n6", CSV) == {"input": ((2, 1), [5, 6])}


def test_csv_with_header_has_its_names() -> None:
    """Where the first line has names only above numbers, or the type says so."""
    assert inputs('age,"na,me"\n31,x\n40,y', CSV) == {"age": [31, 40], "na,me": ["x", "y"]}
    declared = {"content-type": "text/csv; header=present"}
    assert inputs("a,b\nx,y", declared) == {"a": ["x"], "b": ["y"]}
    declared = {"content-type": "text/csv; header=absent"}
    assert inputs("a,b\n1,2", declared) == {"input": ((2, 2), ["a", "b", "1", "2"])}


def test_broken_csv_is_refused() -> None:
    """Lines of different lengths, open quotes, other encodings."""
    assert refusal(TARGET, "1,2\n3", b"1", request_headers=CSV) == ("shape_mismatch", "request[1]")
    assert refusal(TARGET, 'a,"b', b"1", request_headers=CSV)[0] == "request_not_protocol"
    assert refusal(TARGET, b"\xff,a", b"1", request_headers=CSV)[0] == "request_not_protocol"


def test_json_lines_are_rows() -> None:
    """One value a line, in both directions; a single one is a row too."""
    decoded = decode(
        TARGET, '{"features": [1, 2]}\n{"features": [3, 4]}\n', '{"score":0.5}\n{"score":0.7}', request_headers=LINES
    )
    assert columns(decoded.inputs) == {"features": ((2, 2), [1, 2, 3, 4])}
    assert columns(decoded.outputs) == {"score": [0.5, 0.7]}
    assert decode(TARGET, '{"features": [1]}', b"1", request_headers=LINES).rows == 1


def test_the_declared_type_may_lie() -> None:
    """The body decides: JSON as CSV, lines as JSON, JSON over several lines as JSON lines."""
    assert inputs([[1, 2]], CSV) == {"input": ((1, 2), [1, 2])}
    json_type = {"content-type": "application/json"}
    assert inputs('{"a": 1}\n{"a": 2}', json_type) == {"a": [1, 2]}
    assert inputs('{\n"a": 1,\n"b": 2\n}', LINES) == {"a": [1], "b": [2]}
    assert inputs("1,2\n3,4") == {"input": ((2, 2), [1, 2, 3, 4])}


def test_answers_to_many_rows_on_one_line_are_a_column() -> None:
    """Some containers write no line ends."""
    decoded = decode(TARGET, "1,2\n3,4", "0.25,0.75", request_headers=CSV, response_headers=CSV)
    assert columns(decoded.outputs) == {"output": [0.25, 0.75]}


def test_other_types_are_one_value() -> None:
    """Images and protocol buffers stay what they are."""
    decoded = decode(TARGET, b"\xff\xd8", b"\x08\x01\xff", request_headers={"content-type": "image/jpeg"})
    assert columns(decoded.inputs) == {"input": [b"\xff\xd8"]}
    assert columns(decode(TARGET, b"1", b"\x08\x01\xff").outputs) == {"output": [b"\x08\x01\xff"]}


def test_predictions_may_be_columns() -> None:
    """A data frame answered by its columns."""
    decoded = decode(TARGET, [[1], [2]], {"predictions": {"p": [0.1, 0.2], "label": ["a", "b"]}})
    assert columns(decoded.outputs) == {"p": [0.1, 0.2], "label": ["a", "b"]}


def test_a_refusal_keeps_the_request() -> None:
    """With MLflow's words."""
    decoded = decode(TARGET, [[1]], {"error_code": "BAD_REQUEST", "message": "no schema"}, status=400)
    assert (decoded.error, decoded.outputs, decoded.rows) == ("no schema", (), 1)
