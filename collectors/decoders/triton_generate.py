"""The generate extension: `/v2/models/{model}[/versions/{version}]/generate` and `/generate_stream` (Triton, vLLM).

A request is an object of inputs by name, and `parameters`, which are not kept; an answer an object of outputs by name,
or server-sent events of such objects, where an error may come after status 200. Texts are payload: they are counted as
`{name}_chars`, and kept only where the settings allow it; the texts of a stream's pieces are joined. Other values of a
stream are those of its last piece that has them. MLServer takes and sends Open Inference messages on these paths: they
are read as on its `/infer` and `/infer_stream`.
"""

import re
from typing import Any

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import VERSION_CHARS_MAX, Call, Decoded
from collectors.decoders.elements import check_size
from collectors.decoders.events import events_of
from collectors.decoders.generation import Choice, Generation, column
from collectors.decoders.json_bodies import not_protocol, refusal_words, words_of
from collectors.decoders.open_inference_stream import OpenInferenceStream
from collectors.decoders.openai_answers import is_stream
from collectors.decoders.targets import called, matched
from collectors.decoders.undeclared import tensors_from_rows, value_from_json
from collectors.protocols.exchange import Arrivals, Exchange
from collectors.records.types import Tensor

_PATH = re.compile(r"[^?#]*?/v2/models/([^/?#]+)(?:/versions/([^/?#]+))?/generate(_stream)?/?(?:[?#]|$)")
_OF_STREAM = ("aborted", "pieces", "first_token_ms", "token_gap_ms_mean", "token_gap_ms_p95", "token_gap_ms_max")


class TritonGenerate:
    """Decodes `POST …/v2/models/{model}[/versions/{version}]/generate[_stream]`."""

    name = "triton_generate"

    def __init__(self, open_inference: OpenInferenceStream, *, keeps_text: bool) -> None:
        self._open_inference = open_inference
        self._keeps_text = keeps_text

    def call(self, method: str, target: str) -> Call | None:
        """The model this request line calls."""
        found = matched(_PATH, method, target)
        return called(found[1], found[2] or "") if found else None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        body = plain_body(exchange.request_body, exchange.request_headers.get("content-encoding", ""), "request")
        request = _object(body, "request")
        if isinstance(request.get("inputs"), list):
            return self._open_inference.decode(exchange, call)
        id = request.pop("id", None)
        request.pop("parameters", None)
        inputs = self._named(request, "request")
        answer: dict[str, Any] = {}
        outputs: tuple[Tensor, ...] = ()
        generation = Generation(self._keeps_text)
        if 200 <= exchange.status < 300:
            answer = _answer(exchange, generation)
            outputs = (*self._named(answer, "response"), *_timings(generation, exchange.start_ns))
        else:
            generation.error = refusal_words(exchange)
        check_size(inputs, outputs)
        version = generation.model or call.version
        return Decoded(
            model=call.model,
            version=version[:VERSION_CHARS_MAX],
            id=_text(id) or generation.id,
            rows=1,
            inputs=inputs,
            outputs=outputs,
            error=generation.error,
        )

    def _named(self, values: dict[str, Any], where: str) -> tuple[Tensor, ...]:
        """One row of values by name; texts as their lengths."""
        tensors: list[Tensor] = []
        for name, value in values.items():
            if isinstance(value, str):
                tensors.append(column(f"{name}_chars", [len(value)], "INT64"))
                if not self._keeps_text:
                    continue
            tensors += tensors_from_rows(name, [{name: value}], f"{where}.{name[:40]}")
        return tuple(tensors)


def _object(body: bytes | bytearray, where: str) -> dict[str, Any]:
    value = value_from_json(body, where)
    if not isinstance(value, dict):
        raise not_protocol(where, "expected an object")
    return value


def _answer(exchange: Exchange, generation: Generation) -> dict[str, Any]:
    """The outputs by name; those of a stream joined."""
    body = plain_body(exchange.response_body, exchange.response_headers.get("content-encoding", ""), "response")
    if not is_stream(body, exchange.response_headers.get("content-type", "").lower()):
        answer = _object(body, "response")
        _take_names(answer, generation)
        return answer
    generation.streamed = True
    arrivals = exchange.arrivals if body is exchange.response_body else None
    answer = _joined(bytes(body), arrivals, generation)
    generation.done = not exchange.aborted
    return answer


def _joined(body: bytes, arrivals: Arrivals | None, generation: Generation) -> dict[str, Any]:
    texts: dict[str, list[str]] = {}
    joined: dict[str, Any] = {}
    choice = generation.choice(0, "response")
    for where, event in events_of(body):
        if not event.data.strip() or event.data.strip() == "[DONE]":
            continue
        piece = _object(event.data.encode(), where)
        _take_names(piece, generation)
        if not piece:
            continue
        _note(choice, arrivals.time_ns(event.end) if arrivals else None)
        for name, value in piece.items():
            if isinstance(value, str):
                texts.setdefault(name, []).append(value)
            else:
                joined[name] = value
    return joined | {name: "".join(pieces) for name, pieces in texts.items()}


def _take_names(answer: dict[str, Any], generation: Generation) -> None:
    """What a piece says of itself, taken out of it."""
    answer.pop("model_name", None)
    version, id = _text(answer.pop("model_version", None)), _text(answer.pop("id", None))
    generation.model, generation.id = version or generation.model, id or generation.id
    if "error" in answer:
        generation.error = words_of(answer.pop("error")) or "error"


def _note(choice: Choice, time_ns: int | None) -> None:
    choice.pieces += 1
    if time_ns is not None:
        choice.times_ns.append(time_ns)


def _timings(generation: Generation, start_ns: int) -> list[Tensor]:
    return [tensor for tensor in generation.tensors(start_ns) if tensor.name in _OF_STREAM]


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
