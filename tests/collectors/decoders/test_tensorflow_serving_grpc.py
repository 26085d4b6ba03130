"""TensorFlow Serving over gRPC, written by generated code: every spelling of a tensor, examples, and what must not be."""

import json
import math
import os
import random
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from collectors.decoders.decoder import ROWS_MAX, Call, Decoded, Undecodable
from collectors.decoders.registry import Registry
from collectors.decoders.tensorflow_serving_grpc import CLASSIFY, PREDICT, REGRESS, TensorFlowServingGrpc
from collectors.protocols import Exchange
from collectors.records.types import ITEM_BYTES, Tensor
from tests.collectors.decoders.exchanges import columns, values
from tests.collectors.decoders.exchanges import decode as decode_rest
from tests.collectors.generated import generated
from tests.collectors.grpc_conversation import message

DECODER = TensorFlowServingGrpc()
FUZZ_INPUTS = int(os.environ.get("OUTRIDER_FUZZ_INPUTS", "10000"))
SPEC = {"name": "m", "version": {"value": 3}}


def tf() -> Any:
    return generated("tensorflow")


def proto(dtype: str, shape: list[int] | None, **rest: Any) -> dict[str, Any]:
    """A TensorProto; no shape is an unknown rank."""
    described = {"unknown_rank": True} if shape is None else {"dim": [{"size": size} for size in shape]}
    return {"dtype": f"DT_{dtype}", "tensor_shape": described, **rest}


def exchange(target: str, asked: Any, told: Any = None, **rest: Any) -> Exchange:
    given: dict[str, Any] = {"status": 200, "trailers": {"grpc-status": "0"}, **rest}
    return Exchange(
        method="POST",
        target=target,
        request_headers={},
        response_headers={},
        request_body=message(asked if isinstance(asked, bytes) else asked.SerializeToString()),
        response_body=b"" if told is None else message(told if isinstance(told, bytes) else told.SerializeToString()),
        start_ns=1,
        end_ns=2,
        protocol="grpc",
        **given,
    )


def predicted(
    inputs: dict[str, Any], outputs: dict[str, Any] | None = None, spec: dict[str, Any] = SPEC, **rest: Any
) -> Decoded:
    asked = tf().PredictRequest(model_spec={"name": "m"}, inputs=inputs)
    told = tf().PredictResponse(model_spec=spec, outputs=outputs or {})
    return DECODER.decode(exchange(PREDICT, asked, told, **rest), Call(""))


def one(tensor: dict[str, Any]) -> Tensor:
    (found,) = predicted({"x": tensor}).inputs
    return found


def refused(tensor: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(Undecodable) as caught:
        one(tensor)
    return caught.value.reason, caught.value.where


def example(**features: Any) -> dict[str, Any]:
    def feature(value: Any) -> dict[str, Any]:
        listed = value if isinstance(value, list) else [value]
        if isinstance(listed[0], int):
            return {"int64_list": {"value": listed}}
        kind = "float_list" if isinstance(listed[0], float) else "bytes_list"
        return {kind: {"value": [v.encode() if isinstance(v, str) else v for v in listed]}}

    return {"features": {"feature": {name: feature(value) for name, value in features.items()}}}


def classified(examples: Any, rows: list[list[tuple[str, float]]]) -> Decoded:
    asked = tf().ClassificationRequest(model_spec={"name": "m"}, input=examples)
    found = [{"classes": [{"label": label, "score": score} for label, score in row]} for row in rows]
    told = tf().ClassificationResponse(model_spec=SPEC, result={"classifications": found})
    return DECODER.decode(exchange(CLASSIFY, asked, told), Call(""))


def test_the_service_and_its_methods_are_known() -> None:
    """Predict, Classify and Regress; metadata, MultiInference and other services are not read."""
    assert all(DECODER.call("POST", target) == Call("") for target in (PREDICT, CLASSIFY, REGRESS))
    others = [PREDICT.replace("Predict", "GetModelMetadata"), PREDICT.replace("Predict", "MultiInference"), "/x"]
    assert not any(DECODER.call("POST", target) for target in others)
    assert DECODER.call("GET", PREDICT) is None
    found = Registry().find("POST", PREDICT)
    assert found is not None
    assert found[0].name == "tensorflow_serving_grpc"


ARRAYS: dict[str, npt.NDArray[Any]] = {
    "FLOAT": np.array([[1.5, -2, math.inf]], np.float32),
    "DOUBLE": np.array([[1e300, -0.5, 0]]),
    "INT32": np.array([[2**31 - 1, -(2**31), 0]], np.int32),
    "INT16": np.array([[32767, -32768, 0]], np.int16),
    "INT8": np.array([[127, -128, 0]], np.int8),
    "UINT8": np.array([[255, 0, 128]], np.uint8),
    "UINT16": np.array([[65535, 0, 128]], np.uint16),
    "INT64": np.array([[2**63 - 1, -(2**63), 0]], np.int64),
    "UINT32": np.array([[2**32 - 1, 0, 300]], np.uint32),
    "UINT64": np.array([[2**64 - 1, 0, 300]], np.uint64),
    "BOOL": np.array([[True, False, True]]),
    "HALF": np.array([[1.5, -0.0, 65504]], np.float16),
}
FIELDS = {
    "FLOAT": "float_val",
    "DOUBLE": "double_val",
    "INT64": "int64_val",
    "BOOL": "bool_val",
    "HALF": "half_val",
    "UINT32": "uint32_val",
    "UINT64": "uint64_val",
}


@pytest.mark.parametrize("dtype", list(ARRAYS))
def test_every_datatype_is_read_raw_and_typed(dtype: str) -> None:
    """`tensor_content` and the typed list of the datatype make the same tensor, NumPy's bytes."""
    array = ARRAYS[dtype]
    plain = array.view(np.uint16) if dtype == "HALF" else array
    raw = one(proto(dtype, [1, 3], tensor_content=array.tobytes()))
    typed = one(proto(dtype, [1, 3], **{FIELDS.get(dtype, "int_val"): plain.ravel().tolist()}))
    assert raw == typed
    assert (raw.name, raw.shape, raw.data) == ("x", (1, 3), array.tobytes())
    assert ITEM_BYTES[raw.datatype] == array.itemsize


def test_bfloat16_is_the_upper_half_of_a_float() -> None:
    """Raw, and as integers that hold its bits."""
    bits = [0x3F80, 0xBF80]
    typed, raw = (
        one(proto("BFLOAT16", [2], half_val=bits)),
        one(proto("BFLOAT16", [2], tensor_content=struct.pack("<2H", *bits))),
    )
    assert typed == raw
    assert (typed.datatype, values(typed)) == ("BF16", [1.0, -1.0])


def test_texts_are_read_as_they_are() -> None:
    """With NUL, bytes that are no UTF-8, and nothing in them."""
    tensor = one(proto("STRING", [2, 2], string_val=[b"a\0b", b"\xff\xfe", b"", "ü".encode()]))
    assert (tensor.shape, tensor.items) == ((2, 2), ("a\0b", b"\xff\xfe", "", "ü"))


def test_texts_in_the_content_have_their_lengths_first() -> None:
    """As TensorFlow encodes a list of texts: lengths as varints, then the texts."""
    long = "x" * 300
    tensor = one(proto("STRING", [2], tensor_content=b"\x01\xac\x02a" + long.encode()))
    assert tensor.items == ("a", long)
    assert refused(proto("STRING", [2], tensor_content=b"\x05\x01a")) == ("binary_size", "request.inputs['x']")


@pytest.mark.parametrize("shape", [[], [1], [4], [2, 3, 4]])
def test_one_value_fills_the_whole_shape(shape: list[int]) -> None:
    """Of numbers and of texts."""
    count = math.prod(shape)
    numbers = one(proto("FLOAT", shape, float_val=[0.5]))
    texts = one(proto("STRING", shape, string_val=[b"a"]))
    assert (numbers.shape, values(numbers)) == (tuple(shape), [0.5] * count)
    assert (texts.shape, texts.items) == (tuple(shape), ("a",) * count)


def test_the_last_value_stands_for_all_that_follow() -> None:
    """And zeros where there is none at all: so TensorFlow packs and reads tensors."""
    assert values(one(proto("INT64", [5], int64_val=[7, -1]))) == [7, -1, -1, -1, -1]
    assert values(one(proto("INT32", [3]))) == [0, 0, 0]
    assert one(proto("STRING", [2])).items == ("", "")


def test_a_shape_of_unknown_rank_leaves_the_elements_in_a_row() -> None:
    """As many as there are."""
    assert one(proto("FLOAT", None, float_val=[1, 2])).shape == (2,)
    assert one(proto("INT16", None, tensor_content=b"\1\0\2\0\3\0")).shape == (3,)
    assert one(proto("STRING", None, string_val=[b"a"])).shape == (1,)


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (proto("COMPLEX64", [1], scomplex_val=[1, 2]), ("datatype_unknown", "request.inputs['x'].dtype")),
        (proto("QINT8", [1], int_val=[1]), ("datatype_unknown", "request.inputs['x'].dtype")),
        (proto("INVALID", [1]), ("datatype_unknown", "request.inputs['x'].dtype")),
        (proto("FLOAT", [-1], float_val=[1]), ("shape_invalid", "request.inputs['x'].tensor_shape.shape[0]")),
        (proto("FLOAT", [1], float_val=[1, 2]), ("shape_mismatch", "request.inputs['x']")),
        (proto("FLOAT", [2], tensor_content=b"\0" * 4), ("shape_mismatch", "request.inputs['x']")),
        (proto("FLOAT", [2**40], float_val=[1]), ("record_too_large", "request.inputs['x']")),
        (proto("STRING", [2**40], string_val=[b"a"]), ("record_too_large", "request.inputs['x']")),
        (proto("INT8", [1], int_val=[300]), ("element_range", "request.inputs['x']")),
        (proto("UINT8", [1], int_val=[-1]), ("element_range", "request.inputs['x']")),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_place(tensor: dict[str, Any], expected: tuple[str, str]) -> None:
    """A bomb in a few bytes too: the shape may say anything."""
    assert refused(tensor) == expected


def test_tensors_are_told_by_name() -> None:
    """However the map was written; rows are those of the batch, not of a scalar or a table beside it."""
    said = predicted(
        {
            "keep": proto("FLOAT", [], float_val=[1]),
            "b": proto("FLOAT", [3, 2], float_val=[0]),
            "a": proto("INT64", [3], int64_val=[1, 2, 3]),
            "vocabulary": proto("STRING", [9], string_val=[b"w"]),
        },
        {"y": proto("FLOAT", [3], float_val=[0.5])},
    )
    assert [tensor.name for tensor in said.inputs] == ["a", "b", "keep", "vocabulary"]
    assert (said.rows, columns(said.outputs)) == (3, {"y": [0.5] * 3})


def test_the_version_is_the_one_that_answered() -> None:
    """Else the number that was asked for, else the label; version 0 is one too."""
    x = {"x": proto("FLOAT", [1], float_val=[1])}
    assert (predicted(x).model, predicted(x).version, predicted(x).id) == ("m", "3", None)
    assert predicted(x, spec={"name": "m", "version": {"value": 0}}).version == "0"
    for choice, expected in (({"version": {"value": 7}}, "7"), ({"version_label": "stable"}, "stable"), ({}, "")):
        asked = tf().PredictRequest(model_spec={"name": "m", **choice}, inputs=x)
        whole = exchange(PREDICT, asked, tf().PredictResponse())
        assert DECODER.named(whole) == Call("m", expected)
        assert DECODER.decode(whole, Call("")).version == expected


def test_a_failed_call_keeps_its_inputs_and_the_servers_words() -> None:
    """Status and text come in the trailers."""
    trailers = {"grpc-status": "3", "grpc-message": "wrong shape%3A [2]"}
    said = predicted({"x": proto("FLOAT", [2], float_val=[1, 2])}, status=400, trailers=trailers)
    assert (said.error, said.outputs, columns(said.inputs)) == ("wrong shape: [2]", (), {"x": [1, 2]})


def test_examples_become_a_tensor_a_feature() -> None:
    """Numbers, texts, lists; what an example lacks is missing."""
    said = classified(
        {
            "example_list": {
                "examples": [
                    example(age=41, income=1.5, town="Ulm", scores=[0.5, 0.25]),
                    example(age=-3, town="Aix", scores=[1.0]),
                ]
            }
        },
        [[("yes", 0.75), ("no", 0.25)], [("no", 1.0)]],
    )
    assert said.rows == 2
    assert columns(said.inputs) == {
        "age": [41, -3],
        "income": [1.5, None],
        "town": ["Ulm", "Aix"],
        "scores": ((2, 2), [0.5, 0.25, 1.0, None]),
    }
    assert [tensor.datatype for tensor in said.inputs] == ["INT64", "FP32", "FP32", "BYTES"]
    assert columns(said.outputs) == {
        "label": ((2, 2), ["yes", "no", "no", None]),
        "score": ((2, 2), [0.75, 0.25, 1.0, None]),
    }
    assert (said.model, said.version) == ("m", "3")


def test_features_of_the_context_stand_in_every_row() -> None:
    """Unless an example has its own."""
    context = {"examples": [example(x=1.0), example(x=2.0, site="b")], "context": example(site="a")}
    said = classified({"example_list_with_context": context}, [[("a", 1.0)], [("b", 1.0)]])
    assert columns(said.inputs) == {"site": ["a", "b"], "x": [1.0, 2.0]}


def test_a_feature_of_two_kinds_is_refused() -> None:
    """A column has one type."""
    examples = {"example_list": {"examples": [example(x=1), example(x="a")]}}
    with pytest.raises(Undecodable, match=r"request.input\[1\].x") as caught:
        classified(examples, [])
    assert caught.value.reason == "element_type"


def test_regressions_are_one_number_a_row() -> None:
    """As REST names them."""
    asked = tf().RegressionRequest(
        model_spec={"name": "m"}, input={"example_list": {"examples": [example(x=1.0), example(x=2.0)]}}
    )
    told = tf().RegressionResponse(model_spec=SPEC, result={"regressions": [{"value": 0.5}, {"value": 0}]})
    said = DECODER.decode(exchange(REGRESS, asked, told), Call(""))
    assert (said.rows, columns(said.outputs)) == (2, {"output": [0.5, 0.0]})


def test_the_same_classification_over_rest_makes_the_same_columns() -> None:
    """One model, two doors."""
    rest = decode_rest(
        "/v1/models/m:classify",
        {"examples": [{"x": 1.5}, {"x": 2.5}]},
        {"results": [[["a", 0.75], ["b", 0.25]], [["a", 0.5], ["b", 0.5]]]},
    )
    rows = [[("a", 0.75), ("b", 0.25)], [("a", 0.5), ("b", 0.5)]]
    ours = classified({"example_list": {"examples": [example(x=1.5), example(x=2.5)]}}, rows)
    assert (ours.rows, columns(ours.inputs), columns(ours.outputs)) == (
        rest.rows,
        columns(rest.inputs),
        columns(rest.outputs),
    )


def test_the_published_model_is_read(shared_data: Path) -> None:
    """half_plus_two, as its own metadata describes it: y = x / 2 + 2."""
    with tarfile.open(shared_data / "tfserving_samples" / "tfserving_testdata.tar.gz") as archive:
        names = [name for name in archive.getnames() if name.endswith(".json")]
        described = [json.loads(archive.extractfile(name).read()) for name in names]  # type: ignore[union-attr]
    assert described
    signatures = [d["metadata"]["signature_def"]["signature_def"] for d in described if "metadata" in d]
    x = signatures[0]["serving_default"]["inputs"]["x"]
    said = predicted(
        {"x": {"dtype": x["dtype"], "tensor_shape": {"dim": [{"size": 3}]}, "float_val": [1, 2, 5]}},
        {"y": proto("FLOAT", [3], float_val=[2.5, 3, 4.5])},
    )
    assert (columns(said.inputs), columns(said.outputs)) == ({"x": [1, 2, 5]}, {"y": [2.5, 3, 4.5]})


def test_too_many_rows_are_refused() -> None:
    """A first dimension beyond it is not a batch."""
    assert refused(proto("BOOL", [ROWS_MAX + 1], bool_val=[True])) == ("record_too_large", "request.inputs")


def seeds() -> list[tuple[str, bytes, bytes]]:
    batch = [example(a=[1.5, 2.0], b=3, c="x"), example(a=[0.5])]
    listed = {"example_list_with_context": {"examples": batch, "context": example(d="y")}}
    tensors = {
        "x": proto("FLOAT", [2, 1], float_val=[0.5]),
        "t": proto("STRING", [2], string_val=[b"a"]),
        "h": proto("HALF", [2], half_val=[15360, 1]),
        "i": proto("INT64", [2], int64_val=[1, -1]),
    }
    rows = {"classifications": [{"classes": [{"label": "a", "score": 0.5}]}, {}]}
    pairs = [
        (PREDICT, tf().PredictRequest(model_spec=SPEC, inputs=tensors), tf().PredictResponse(outputs=tensors)),
        (CLASSIFY, tf().ClassificationRequest(model_spec=SPEC, input=listed), tf().ClassificationResponse(result=rows)),
        (
            REGRESS,
            tf().RegressionRequest(model_spec=SPEC, input=listed),
            tf().RegressionResponse(result={"regressions": [{"value": 1}, {}]}),
        ),
    ]
    return [(target, asked.SerializeToString(), told.SerializeToString()) for target, asked, told in pairs]


def test_hostile_messages_are_read_or_refused() -> None:
    """Cut, replaced, repeated: tensors that add up, or a reason with its place."""
    rng = random.Random(11)
    read = turned_down = 0
    sources = seeds()
    for _ in range(FUZZ_INPUTS):
        target, *sides = rng.choice(sources)
        spoilt = []
        for side in sides:
            data = bytearray(side)
            for _ in range(rng.randrange(4)):
                at, end = sorted(rng.randint(0, len(data)) for _ in range(2))
                kind = rng.randrange(4)
                if kind == 0:
                    data[at:end] = b""
                elif kind == 1:
                    data[at:at] = rng.randbytes(rng.randint(1, 4))
                elif kind == 2 and data:
                    data[at % len(data)] = rng.randrange(256)
                else:
                    data[at:at] = data[at:end]
            spoilt.append(bytes(data))
        try:
            said = DECODER.decode(exchange(target, *spoilt), Call(""))
        except Undecodable as error:
            assert error.where
            turned_down += 1
            continue
        read += 1
        for tensor in (*said.inputs, *said.outputs):
            found = len(tensor.items) if tensor.datatype == "BYTES" else len(tensor.data) // ITEM_BYTES[tensor.datatype]
            assert found == math.prod(tensor.shape)
    assert read > FUZZ_INPUTS // 50
    assert turned_down > FUZZ_INPUTS // 20


@pytest.mark.parametrize("shape", [[3], [2, 2], [2, 1, 3]])
def test_random_tensors_come_back_from_generated_code(shape: list[int]) -> None:
    """Each datatype, raw or typed, against NumPy."""
    rng = np.random.default_rng(len(shape))
    for dtype, array in ARRAYS.items():
        bits = rng.integers(0, 2 if dtype == "BOOL" else 256, math.prod(shape) * array.itemsize, np.uint8)
        made = bits.view(array.dtype).reshape(shape)
        plain = made.view(np.uint16) if dtype == "HALF" else made
        typed = one(proto(dtype, shape, **{FIELDS.get(dtype, "int_val"): plain.ravel().tolist()}))
        assert (typed.shape, len(typed.data)) == (tuple(shape), made.nbytes)
        found = np.frombuffer(typed.data, made.dtype).reshape(shape)
        assert np.array_equal(found, made, equal_nan=made.dtype.kind == "f")
