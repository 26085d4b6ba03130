"""What reads a request that has lost its path: the body itself says which serving API it is of. Pure.

Media types are no help: loggers write the request's on the response.
"""

import re

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import Call, Decoded, Decoder, Undecodable
from collectors.decoders.elements import check_size
from collectors.decoders.open_inference import OpenInference
from collectors.decoders.payloads import body_of, csv_tensors, json_value, looks_like_json, one_row
from collectors.decoders.predict_v1 import PredictV1, request_rows, response_tensors
from collectors.decoders.seldon_v1 import SeldonV1
from collectors.decoders.undeclared import INPUT, OUTPUT, tensors_from_json
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

_LOOKED_AT_BYTES = 64 * 1024
"""Of a body: what tells the API comes before the numbers, or the numbers are short."""

_TENSORS = re.compile(rb'"inputs"\s*:\s*\[\s*\{')
_INSTANCES = re.compile(rb'"(?:instances|inputs|examples)"\s*:')
_SELDON = re.compile(rb'\{\s*(?:"meta"\s*:\s*\{.*?\}\s*,\s*)?"(?:data|strData|jsonData|binData)"\s*:', re.DOTALL)
_ENVELOPED = re.compile(rb'\s*\{\s*"(?:predictions|outputs|results?)"\s*:')


class AnyBody:
    """Reads JSON, JSON lines and CSV without a protocol around them: rows in, rows out."""

    name = "any_body"

    def call(self, method: str, target: str) -> Call | None:
        """No request line is of its own."""
        return None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        asked = body_of(exchange.request_body, exchange.request_headers, "request")
        rows, inputs = _asked(asked, exchange.request_headers.get("content-type", ""))
        answered = body_of(exchange.response_body, exchange.response_headers, "response")
        if _ENVELOPED.match(answered):
            outputs = response_tensors(answered)
        else:
            found = _rows(OUTPUT, answered, exchange.response_headers.get("content-type", ""), "response")
            outputs = upright(rows, found[1])
        check_size(inputs, outputs)
        return Decoded(model=call.model, version=call.version, id=None, rows=rows, inputs=inputs, outputs=outputs)


def reader_of(exchange: Exchange, model: str, version: str) -> tuple[Decoder, Call]:
    """The decoder that the request's body asks for."""
    call = Call(model, version)
    try:
        plain = plain_body(exchange.request_body, exchange.request_headers.get("content-encoding", ""), "request")
    except Undecodable:
        return AnyBody(), call  # says so again, where it is accounted
    start = bytes(plain[:_LOOKED_AT_BYTES])
    if start.lstrip()[:1] != b"{":
        return AnyBody(), call
    if _TENSORS.search(start) and b'"datatype"' in plain:
        return OpenInference(), call
    if _INSTANCES.search(start):
        return PredictV1(), call
    if _SELDON.match(start.lstrip()):
        return SeldonV1(model), call
    return AnyBody(), call


def upright(rows: int, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Answers to n rows on one line of CSV, as some servers write them, are a column of n."""
    if rows > 1 and len(tensors) == 1 and tensors[0].shape == (1, rows):
        return tuple(
            Tensor(name=t.name, shape=(rows,), datatype=t.datatype, data=t.data, items=t.items, missing=t.missing)
            for t in tensors
        )
    return tensors


def _asked(body: bytes, content_type: str) -> tuple[int, tuple[Tensor, ...]]:
    """The rows of a request: of its envelope, where it has one."""
    if looks_like_json(body, ""):
        value = json_value(body, content_type)
        if value[:1] == b"{" and _INSTANCES.search(value[:_LOOKED_AT_BYTES]):
            return request_rows(value)
        return tensors_from_json(INPUT, value, "request")
    return _rows(INPUT, body, content_type, "request")


def _rows(name: str, body: bytes, content_type: str, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """The rows of a body whose form only itself tells."""
    if looks_like_json(body, ""):
        return tensors_from_json(name, json_value(body, content_type), where)
    if not body.strip():
        raise Undecodable("request_not_protocol" if where == "request" else "response_not_protocol", where, "no body")
    try:
        return csv_tensors(name, body, content_type, where)
    except Undecodable as error:
        if error.reason == "record_too_large":
            raise
        return 1, one_row(name, body, "", where)
