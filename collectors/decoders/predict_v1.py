"""`/v1/models/{model}:predict`: the path that KServe's V1 protocol and TensorFlow Serving's REST API share.

The row form has `instances` and `predictions`, the column form `inputs` and `outputs`; KServe's servers take both keys.
What has no name is called `input` and `output` in both forms, so that they make the same columns. `:classify` and
`:regress` have `examples`, objects of features, with features common to all of them in `context`; a class is a label
with a score, and becomes the tensors `label` and `score`.

KServe's servers take a CloudEvent for its data: in binary mode the body is as ever, in structured mode request and answer
lie in `data`, and the request's event names the prediction.
"""

import re

import msgspec

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import Call, Decoded
from collectors.decoders.elements import check_size
from collectors.decoders.json_bodies import not_protocol, read_json, refusal_words
from collectors.decoders.targets import called, matched
from collectors.decoders.undeclared import (
    INPUT,
    OUTPUT,
    check_cells,
    tensors_from_columns,
    tensors_from_json,
    tensors_from_rows,
    value_from_json,
)
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

_PATH = re.compile(
    r"[^?#]*?/v1/models/([^/?#:]+)(?:/(?:versions|labels)/([^/?#:]+))?:(predict|classify|regress)/?(?:[?#]|$)"
)

_EVENT_MARK = b'"specversion"'
"""Every structured event has it; what has it not is not read twice."""


class _Event(msgspec.Struct):
    """What a body says besides, where it is a CloudEvent in structured mode."""

    specversion: str | None = None
    id: str | None = None
    data: msgspec.Raw = msgspec.Raw()


class _Request(msgspec.Struct):
    instances: msgspec.Raw = msgspec.Raw()
    inputs: msgspec.Raw = msgspec.Raw()
    examples: msgspec.Raw = msgspec.Raw()
    context: msgspec.Raw = msgspec.Raw()


class _Response(msgspec.Struct):
    predictions: msgspec.Raw = msgspec.Raw()
    outputs: msgspec.Raw = msgspec.Raw()
    results: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()


_EVENT = msgspec.json.Decoder(_Event)
_REQUEST = msgspec.json.Decoder(_Request)
_RESPONSE = msgspec.json.Decoder(_Response)


class PredictV1:
    """Decodes `POST …/v1/models/{model}[/versions/{version}|/labels/{label}]:predict|classify|regress`."""

    name = "predict_v1"

    def call(self, method: str, target: str) -> Call | None:
        """The model this request line calls; status, metadata and explanations are no predictions."""
        found = matched(_PATH, method, target)
        return called(found[1], found[2] or "") if found else None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        body = plain_body(exchange.request_body, exchange.request_headers.get("content-encoding", ""), "request")
        id, body = _unwrapped(body, "request")
        rows, inputs = request_rows(body)
        outputs: tuple[Tensor, ...] = ()
        served = 200 <= exchange.status < 300
        if served:
            body = plain_body(exchange.response_body, exchange.response_headers.get("content-encoding", ""), "response")
            outputs = response_tensors(_unwrapped(body, "response")[1])
        check_size(inputs, outputs)
        return Decoded(
            model=call.model,
            version=call.version,
            id=id,
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            error=None if served else refusal_words(exchange),
        )


def _unwrapped(body: bytes | bytearray, where: str) -> tuple[str | None, bytes | bytearray]:
    """The id and the data of a CloudEvent in structured mode; any other body as it is. Raises Undecodable."""
    if _EVENT_MARK not in body:
        return None, body
    event: _Event = read_json(_EVENT, body, where)
    return (event.id, bytes(event.data)) if event.specversion and len(event.data) else (None, body)


def request_rows(body: bytes | bytearray) -> tuple[int, tuple[Tensor, ...]]:
    """The rows of a request and their tensors. Raises Undecodable."""
    request: _Request = read_json(_REQUEST, body, "request")
    if len(request.instances):
        return tensors_from_json(INPUT, bytes(request.instances), "request.instances")
    if len(request.examples):
        return _examples(request)
    if len(request.inputs):
        tensors = _columns(INPUT, bytes(request.inputs), "request.inputs")
        return (tensors[0].shape[0] if tensors else 1), tensors
    raise not_protocol("request", "expected instances, inputs or examples")


def response_tensors(body: bytes | bytearray) -> tuple[Tensor, ...]:
    """The tensors of an answer. Raises Undecodable."""
    response: _Response = read_json(_RESPONSE, body, "response")
    if len(response.predictions):
        return tensors_from_json(OUTPUT, bytes(response.predictions), "response.predictions")[1]
    if len(response.outputs):
        return _columns(OUTPUT, bytes(response.outputs), "response.outputs")
    if len(response.results) or len(response.result):
        return _results(bytes(response.results if len(response.results) else response.result))
    raise not_protocol("response", "expected predictions, outputs or results")


def _columns(name: str, raw: bytes, where: str) -> tuple[Tensor, ...]:
    """The column form: one tensor, or an object of tensors by name."""
    if raw[:1] != b"{":
        return tensors_from_json(name, raw, where)[1]
    columns = value_from_json(raw, where)
    return (
        tensors_from_columns(columns, where) if set(columns) != {"b64"} else tensors_from_rows(name, [columns], where)
    )


def _examples(request: _Request) -> tuple[int, tuple[Tensor, ...]]:
    """Examples with the features common to all."""
    examples = value_from_json(bytes(request.examples), "request.examples")
    if not isinstance(examples, list) or not all(isinstance(example, dict) for example in examples):
        raise not_protocol("request.examples", "expected a list of objects")
    shared = value_from_json(bytes(request.context), "request.context") if len(request.context) else {}
    if not isinstance(shared, dict):
        raise not_protocol("request.context", "expected an object")
    check_cells(len(examples) * len(shared), "request.context")
    rows = [shared | example for example in examples]
    return len(rows), tensors_from_rows(INPUT, rows, "request.examples")


def _results(raw: bytes) -> tuple[Tensor, ...]:
    """Values of a regression, or labels with their scores; rows with fewer classes than others lack the last ones."""
    rows = value_from_json(raw, "response.results")
    if not isinstance(rows, list) or not all(_is_classes(row) for row in rows) or not rows:
        return tensors_from_json(OUTPUT, raw, "response.results")[1]
    most = max(map(len, rows))
    check_cells(2 * most * len(rows), "response.results")
    lacking = [[None, None]]
    full = [row + lacking * (most - len(row)) for row in rows]
    labels, scores = ([[pair[side] for pair in row] for row in full] for side in (0, 1))
    return (
        *tensors_from_rows("label", labels, "response.results"),
        *tensors_from_rows("score", scores, "response.results"),
    )


def _is_classes(row: object) -> bool:
    return isinstance(row, list) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in row
    )
