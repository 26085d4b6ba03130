"""TorchServe: `/predictions/{model}[/{version}]`. What the body means is for the model's handler to know.

JSON with `instances`, which TorchServe's KServe envelope sends on, has its rows. Any other body is one request to the
handler and one row: JSON by its keys, forms by their parts, texts and bytes as one value.
"""

import re

from collectors.decoders.decoder import Call, Decoded
from collectors.decoders.elements import check_size
from collectors.decoders.json_bodies import refusal_words
from collectors.decoders.payloads import body_of, form_tensors, looks_like_json, one_row
from collectors.decoders.predict_v1 import request_rows, response_tensors
from collectors.decoders.targets import called, matched
from collectors.decoders.undeclared import INPUT, OUTPUT
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

_PATH = re.compile(r"[^?#]*?/predictions/([^/?#]+)(?:/([^/?#]+))?/?(?:[?#]|$)")
_ENVELOPE = re.compile(rb'\s*\{\s*"instances"\s*:')
_ENVELOPED = re.compile(rb'\s*\{\s*"predictions"\s*:')


class TorchServe:
    """Decodes `POST|PUT …/predictions/{model}[/{version}]`."""

    name = "torchserve"

    def call(self, method: str, target: str) -> Call | None:
        """The model this request line calls; explanations and management are no predictions."""
        found = matched(_PATH, method, target, ("POST", "PUT"))
        return called(found[1], found[2] or "") if found else None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        rows, inputs = _asked(exchange)
        outputs: tuple[Tensor, ...] = ()
        served = 200 <= exchange.status < 300
        if served:
            outputs = _answered(exchange)
        check_size(inputs, outputs)
        return Decoded(
            model=call.model,
            version=call.version,
            id=None,
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            error=None if served else refusal_words(exchange),
        )


def _asked(exchange: Exchange) -> tuple[int, tuple[Tensor, ...]]:
    content_type = exchange.request_headers.get("content-type", "")
    body = body_of(exchange.request_body, exchange.request_headers, "request")
    if looks_like_json(body, content_type) and _ENVELOPE.match(body):
        return request_rows(body)
    form = form_tensors(body, content_type, "request")
    return 1, form if form is not None else one_row(INPUT, body, content_type, "request")


def _answered(exchange: Exchange) -> tuple[Tensor, ...]:
    body = body_of(exchange.response_body, exchange.response_headers, "response")
    if _ENVELOPED.match(body):
        return response_tensors(body)
    return one_row(OUTPUT, body, exchange.response_headers.get("content-type", ""), "response")
