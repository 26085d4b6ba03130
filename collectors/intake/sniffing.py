"""What reads a request that has lost its path: the body itself says which serving API it is of. Pure.

Media types are no help: loggers write the request's on the response.
"""

import re

import msgspec

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import Call, Decoded, Decoder, Undecodable
from collectors.decoders.invocations import Invocations
from collectors.decoders.open_inference import OpenInference
from collectors.decoders.openai import OpenAi
from collectors.decoders.predict_v1 import PredictV1
from collectors.decoders.seldon_v1 import SeldonV1
from collectors.protocols.exchange import Exchange

_LOOKED_AT_BYTES = 64 * 1024
"""Of a body: what tells the API comes before the numbers, or the numbers are short."""

_TENSORS = re.compile(rb'"inputs"\s*:\s*\[\s*\{')
_INSTANCES = re.compile(rb'"(?:instances|inputs|examples)"\s*:')
_SELDON = re.compile(rb'\{\s*(?:"meta"\s*:\s*\{.*?\}\s*,\s*)?"(?:data|strData|jsonData|binData)"\s*:', re.DOTALL)


class AsCalled:
    """Another decoder's reading, under the names of the call; with the id that came beside the bodies, where one did."""

    name = "as_called"

    def __init__(self, decoder: Decoder, id: str | None = None) -> None:
        self._decoder = decoder
        self._id = id

    def call(self, method: str, target: str) -> Call | None:
        """No request line is of its own."""
        return None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        decoded = self._decoder.decode(exchange, call)
        return msgspec.structs.replace(
            decoded, model=call.model, version=decoded.version or call.version, id=self._id or decoded.id
        )


def reader_of(exchange: Exchange, model: str, version: str) -> tuple[Decoder, Call]:
    """The decoder that the request's body asks for."""
    call = Call(model, version)
    try:
        plain = plain_body(exchange.request_body, exchange.request_headers.get("content-encoding", ""), "request")
    except Undecodable:
        return _anything(model), call  # says so again, where it is accounted
    start = bytes(plain[:_LOOKED_AT_BYTES])
    if start.lstrip()[:1] != b"{":
        return _anything(model), call
    if _TENSORS.search(start) and b'"datatype"' in plain:
        return OpenInference(), call
    if _INSTANCES.search(start):
        return PredictV1(), call
    if _SELDON.match(start.lstrip()):
        return SeldonV1(model), call
    return _anything(model), call


def _anything(model: str) -> Decoder:
    """Rows in, rows out: JSON of several forms, JSON lines, CSV."""
    return AsCalled(Invocations(model, OpenAi(model, keeps_text=False)))
