"""`/v2/models/{model}[/versions/{version}]/infer_stream`: one request of the Open Inference Protocol, answers as events.

MLServer sends each answer as a server-sent event that holds a whole response; over HTTP there is one request a stream.
Several answers are one prediction, as over gRPC: outputs of the same name are joined along their first dimension. A
stream that ended before its time is `truncated`; an answer that is no stream is read as any other.
"""

import re

import msgspec

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.decoders.elements import check_size
from collectors.decoders.events import events_of
from collectors.decoders.joining import joined_outputs
from collectors.decoders.json_bodies import read_json, words_of
from collectors.decoders.open_inference import OpenInference
from collectors.decoders.openai_answers import is_stream
from collectors.decoders.targets import called, matched
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

EVENTS_MAX = 65_536
"""Answers to one request, as over gRPC."""

_PATH = re.compile(r"[^?#]*?/v2/models/([^/?#]+)(?:/versions/([^/?#]+))?/infer_stream/?(?:[?#]|$)")
_NOTHING_ASKED = b'{"inputs":[]}'


class _Failed(msgspec.Struct):
    error: msgspec.Raw = msgspec.Raw()


_FAILED = msgspec.json.Decoder(_Failed)
_ANY = msgspec.json.Decoder()


class OpenInferenceStream:
    """Decodes `POST …/v2/models/{model}[/versions/{version}]/infer_stream`."""

    name = "open_inference_stream"

    def __init__(self, open_inference: OpenInference) -> None:
        self._one = open_inference

    def call(self, method: str, target: str) -> Call | None:
        """The model this request line calls."""
        found = matched(_PATH, method, target)
        return called(found[1], found[2] or "") if found else None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        headers = exchange.response_headers
        if not 200 <= exchange.status < 300:
            return self._one.decode(exchange, call)
        body = plain_body(exchange.response_body, headers.get("content-encoding", ""), "response")
        if not is_stream(body, headers.get("content-type", "").lower()):
            return self._one.decode(exchange, call)
        asked = self._one.decode(msgspec.structs.replace(exchange, status=0, response_body=b""), call)
        version, id, error = asked.version, asked.id, None
        several: list[tuple[Tensor, ...]] = []
        is_whole = asked.fidelity == "full" and not exchange.aborted
        for position, (where, event) in enumerate(events_of(body)):
            if position >= EVENTS_MAX:
                raise Undecodable("record_too_large", where, f"found more than {EVENTS_MAX} events")
            text = event.data.encode()
            failed: _Failed = read_json(_FAILED, text, where)
            if len(failed.error):
                error = error or words_of(_ANY.decode(failed.error)) or "error"
                continue
            answer = self._one.decode(
                msgspec.structs.replace(
                    exchange, request_body=_NOTHING_ASKED, request_headers={}, response_headers={}, response_body=text
                ),
                call,
            )
            several.append(answer.outputs)
            is_whole = is_whole and answer.fidelity == "full"
            version, id = answer.version or version, id or answer.id
        outputs = joined_outputs(several)
        check_size(asked.inputs, outputs)
        lost = asked.fidelity if asked.fidelity != "full" else "truncated"
        return msgspec.structs.replace(
            asked,
            version=version,
            id=id,
            outputs=outputs,
            error=error,
            fidelity="full" if is_whole else lost,
        )
