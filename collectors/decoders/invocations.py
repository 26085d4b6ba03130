"""`/invocations`: SageMaker's contract for containers, and MLflow's scoring server.

CSV, JSON, JSON lines and NumPy's arrays come as SageMaker's containers take them: a list of rows, `instances`, one object; a
container of many models has each at `/models/{model}/invoke`. MLflow adds
`dataframe_split`, `dataframe_records` and `inputs`, and passes `messages`, `prompt` and `input` on to a language model,
which answers as OpenAI's API does. Neither names the model: the endpoint's path, the target model or the settings do.
SageMaker's inference id is the prediction's, and the production variant that answered is the version.
"""

import re
from typing import Any

import msgspec

from collectors.decoders.decoder import VERSION_CHARS_MAX, Call, Decoded, Undecodable
from collectors.decoders.elements import check_size
from collectors.decoders.json_bodies import not_protocol, read_json, refusal_words
from collectors.decoders.openai import Api, OpenAi
from collectors.decoders.payloads import body_of, json_value, looks_like_json, table_or_value, upright
from collectors.decoders.targets import called, matched
from collectors.decoders.undeclared import (
    INPUT,
    OUTPUT,
    split_columns,
    tensors_from_columns,
    tensors_from_json,
    value_from_json,
)
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

_PATH = re.compile(
    r"[^?#]*?(?:(?:/(?:serving-)?endpoints/([^/?#]+))?/invocations|/models/([^/?#]+)/invoke)/?(?:[?#]|$)"
)
_VARIANTS = ("x-amzn-invoked-production-variant", "x-amzn-sagemaker-target-variant")


class _Split(msgspec.Struct):
    data: msgspec.Raw
    columns: list[str | int] | None = None


class _Request(msgspec.Struct):
    dataframe_split: _Split | None = None
    dataframe_records: msgspec.Raw = msgspec.Raw()
    instances: msgspec.Raw = msgspec.Raw()
    inputs: msgspec.Raw = msgspec.Raw()
    messages: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()


class _Response(msgspec.Struct):
    predictions: msgspec.Raw = msgspec.Raw()


_REQUEST = msgspec.json.Decoder(_Request)
_RESPONSE = msgspec.json.Decoder(_Response)


class Invocations:
    """Decodes `POST …/invocations` and `POST …/models/{model}/invoke`; `model` is the name of models that are called nothing."""

    name = "invocations"

    def __init__(self, model: str, language: OpenAi) -> None:
        self._model = model
        self._language = language

    def call(self, method: str, target: str) -> Call | None:
        """The endpoint this request line calls; /ping, /health and /version are no predictions."""
        found = matched(_PATH, method, target)
        return called(found[1] or found[2] or self._model) if found else None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        body = body_of(exchange.request_body, exchange.request_headers, "request")
        model = exchange.request_headers.get("x-amzn-sagemaker-target-model", call.model)[:VERSION_CHARS_MAX]
        version = _variant(exchange)
        id = exchange.request_headers.get("x-amzn-sagemaker-inference-id") or None
        language = _language_api(body)
        if language is not None:
            try:
                said = self._language.decode_api(exchange, Call(model, version), language)
            except Undecodable as error:
                if error.reason not in ("request_not_protocol", "response_not_protocol"):
                    raise  # else it is no language model: its keys only look like one's
            else:
                return _renamed(said, model, version or said.version, id or said.id)
        rows, inputs = _asked(body, exchange.request_headers.get("content-type", "").lower())
        outputs: tuple[Tensor, ...] = ()
        served = 200 <= exchange.status < 300
        if served:
            outputs = _answered(exchange, rows)
        check_size(inputs, outputs)
        return Decoded(
            model=model,
            version=version,
            id=id,
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            error=None if served else refusal_words(exchange),
        )


def _variant(exchange: Exchange) -> str:
    for headers in (exchange.response_headers, exchange.request_headers):
        for name in _VARIANTS:
            if headers.get(name):
                return headers[name][:VERSION_CHARS_MAX]
    return ""


def _renamed(said: Decoded, model: str, version: str, id: str | None) -> Decoded:
    return Decoded(
        model=model,
        version=version,
        id=id,
        rows=said.rows,
        inputs=said.inputs,
        outputs=said.outputs,
        error=said.error,
    )


def _language_api(body: bytes) -> Api | None:
    """Which kind of language model is asked, where one is: MLflow knows it by these keys."""
    if body[:1] != b"{":
        return None
    try:
        request = _REQUEST.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(request.messages):
        return "chat/completions"
    if len(request.prompt):
        return "completions"
    return "embeddings" if len(request.input) else None


def _asked(body: bytes, content_type: str) -> tuple[int, tuple[Tensor, ...]]:
    if looks_like_json(body, content_type):
        return _asked_in_json(json_value(body, content_type))
    return table_or_value(INPUT, body, content_type, "request")


def _asked_in_json(value: bytes) -> tuple[int, tuple[Tensor, ...]]:
    request: _Request = read_json(_REQUEST, value, "request") if value[:1] == b"{" else _Request()
    if request.dataframe_split is not None:
        return _split(request.dataframe_split)
    if len(request.inputs):
        return _inputs(bytes(request.inputs), "request.inputs")
    if len(request.dataframe_records):
        return tensors_from_json(INPUT, bytes(request.dataframe_records), "request.dataframe_records")
    if len(request.instances):
        return tensors_from_json(INPUT, bytes(request.instances), "request.instances")
    return tensors_from_json(INPUT, value, "request")


def _split(frame: _Split) -> tuple[int, tuple[Tensor, ...]]:
    """A data frame as its columns' names and its rows."""
    raw = bytes(frame.data)
    if raw[:1] != b"[":
        raise not_protocol("request.dataframe_split.data", "expected a list of rows")
    rows, tensors = tensors_from_json(INPUT, raw, "request.dataframe_split.data")
    names = [str(name) for name in frame.columns or ()]
    if not names or len(set(names)) < len(names):
        return rows, tensors
    if rows and len(tensors) == 1 and tensors[0].shape[1:] == (len(names),):
        return rows, split_columns(tensors[0], names)
    data = value_from_json(raw, "request.dataframe_split.data")
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        raise Undecodable("shape_mismatch", "request.dataframe_split.data", f"expected rows of {len(names)} cells")
    columns: dict[str, Any] = {name: [row[i] for row in data] for i, name in enumerate(names)}
    return rows, tensors_from_columns(columns, "request.dataframe_split.data")


def _inputs(raw: bytes, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """One tensor, or an object of tensors by name, whose first axis is the rows."""
    if raw[:1] != b"{":
        return tensors_from_json(INPUT, raw, where)
    tensors = tensors_from_columns(value_from_json(raw, where), where)
    return (tensors[0].shape[0] if tensors else 1), tensors


def _answered(exchange: Exchange, rows: int) -> tuple[Tensor, ...]:
    body = body_of(exchange.response_body, exchange.response_headers, "response")
    content_type = exchange.response_headers.get("content-type", "").lower()
    if not looks_like_json(body, content_type):
        return upright(rows, table_or_value(OUTPUT, body, content_type, "response")[1])
    value = json_value(body, content_type)
    if value[:1] == b"{":
        response: _Response = read_json(_RESPONSE, value, "response")
        predictions = bytes(response.predictions)
        if predictions[:1] == b"{":
            return tensors_from_columns(value_from_json(predictions, "response.predictions"), "response.predictions")
        if predictions:
            return tensors_from_json(OUTPUT, predictions, "response.predictions")[1]
    return tensors_from_json(OUTPUT, value, "response")[1]
