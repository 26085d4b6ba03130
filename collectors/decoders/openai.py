"""OpenAI's API and the many servers that speak it: chat and plain completions, responses, embeddings.

The model is the one the request names, the version what the server says it answered with where that is another name.
The id is the answer's, which the client sees. What a generation becomes is told in `generation.py`; embeddings are
vectors, one row a text. Prompts and answers are payload: counted, and kept only where the settings allow it.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from collectors.decoders import openai_answers
from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import VERSION_CHARS_MAX, Call, Decoded, Undecodable
from collectors.decoders.elements import check_size, tensor_from_json, tensor_from_raw
from collectors.decoders.generation import Generation, column
from collectors.decoders.json_bodies import not_protocol, read_json, refusal_words
from collectors.decoders.targets import called, matched
from collectors.decoders.undeclared import check_elements, check_rows
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

Api = Literal["chat/completions", "completions", "responses", "embeddings"]

_PATH = re.compile(
    r"[^?#]*?/(?:v[0-9]+|openai/deployments/([^/?#]+))/(chat/completions|completions|responses|embeddings)/?(?:[?#]|$)"
)


class _Message(msgspec.Struct):
    role: str = ""
    content: Any = None


class _Request(msgspec.Struct):
    model: str = ""
    messages: list[_Message] = []
    prompt: Any = None
    input: Any = None
    instructions: Any = None
    tools: list[Any] | None = None
    stream: bool | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None


class _Named(msgspec.Struct):
    model: str = ""


class _Embedding(msgspec.Struct):
    embedding: msgspec.Raw
    index: int = 0


class _EmbeddingUsage(msgspec.Struct):
    prompt_tokens: int | None = None


class _Embeddings(msgspec.Struct):
    data: list[_Embedding]
    id: str | None = None
    model: str | None = None
    usage: _EmbeddingUsage | None = None


_NAMED = msgspec.json.Decoder(_Named)
_REQUEST = msgspec.json.Decoder(_Request)
_EMBEDDINGS = msgspec.json.Decoder(_Embeddings)
_TEXT = msgspec.json.Decoder(str)


class OpenAi:
    """Decodes `POST …/v1/chat/completions|completions|responses|embeddings`, and Azure's paths of the same."""

    name = "openai"

    def __init__(self, model: str, *, keeps_text: bool) -> None:
        self._model = model
        self._keeps_text = keeps_text

    def call(self, method: str, target: str) -> Call | None:
        """The deployment in Azure's paths; elsewhere the model is in the body."""
        found = matched(_PATH, method, target)
        return called(found[1] or "") if found else None

    def named(self, exchange: Exchange) -> Call:
        """The model that the body names, however the rest of it reads. Raises Undecodable."""
        body = plain_body(exchange.request_body, exchange.request_headers.get("content-encoding", ""), "request")
        request: _Named = read_json(_NAMED, body, "request")
        return Call(request.model[:VERSION_CHARS_MAX])

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        found = _PATH.match(exchange.target)
        api: Any = found[2] if found else "chat/completions"
        return self.decode_api(exchange, call, api)

    def decode_api(self, exchange: Exchange, call: Call, api: Api) -> Decoded:
        """Read an exchange of one API, whatever its path. Raises Undecodable."""
        body = plain_body(exchange.request_body, exchange.request_headers.get("content-encoding", ""), "request")
        check_elements(body, "request")
        request: _Request = read_json(_REQUEST, body, "request")
        _check_request(request, api)
        if api == "embeddings":
            return self._embeddings(exchange, call, request)
        generation = Generation(self._keeps_text)
        if 200 <= exchange.status < 300:
            _read_answer(exchange, api, generation)
            outputs = generation.tensors(exchange.start_ns)
        else:
            generation.error = refusal_words(exchange)
            outputs = ()
        inputs = _asked(request, api, generation.positions, keeps_text=self._keeps_text)
        check_size(inputs, outputs)
        model = request.model[:VERSION_CHARS_MAX] or call.model or generation.model or self._model
        return Decoded(
            model=model,
            version=_version(generation.model, model),
            id=generation.id,
            rows=len(generation.positions),
            inputs=inputs,
            outputs=outputs,
            error=generation.error,
        )

    def _embeddings(self, exchange: Exchange, call: Call, request: _Request) -> Decoded:
        texts = _embedded(request.input)
        rows = len(texts)
        inputs = _texts_asked(texts, keeps_text=self._keeps_text)
        if not 200 <= exchange.status < 300:
            return Decoded(
                model=request.model[:VERSION_CHARS_MAX] or call.model or self._model,
                version="",
                id=None,
                rows=rows,
                inputs=inputs,
                outputs=(),
                error=refusal_words(exchange),
            )
        body = plain_body(exchange.response_body, exchange.response_headers.get("content-encoding", ""), "response")
        answer: _Embeddings = read_json(_EMBEDDINGS, body, "response")
        outputs = _vectors(answer.data)
        if answer.usage is not None and answer.usage.prompt_tokens is not None:
            lacking = [None] * (rows - 1)
            outputs = (*outputs, column("prompt_tokens", [answer.usage.prompt_tokens, *lacking], "INT64"))
        check_size(inputs, outputs)
        model = request.model[:VERSION_CHARS_MAX] or call.model or answer.model or self._model
        return Decoded(
            model=model,
            version=_version(answer.model, model),
            id=answer.id,
            rows=rows,
            inputs=inputs,
            outputs=outputs,
        )


def _version(answered: str | None, model: str) -> str:
    return answered[:VERSION_CHARS_MAX] if answered and answered != model else ""


def _check_request(request: _Request, api: Api) -> None:
    if api == "chat/completions" and not request.messages:
        raise not_protocol("request", "expected messages")
    if api == "completions" and request.prompt is None:
        raise not_protocol("request", "expected a prompt")
    if api == "embeddings" and request.input is None:
        raise not_protocol("request", "expected an input")


def _read_answer(exchange: Exchange, api: Api, generation: Generation) -> None:
    body = plain_body(exchange.response_body, exchange.response_headers.get("content-encoding", ""), "response")
    streamed = openai_answers.is_stream(body, exchange.response_headers.get("content-type", "").lower())
    plain = body is exchange.response_body
    arrivals = exchange.arrivals if plain else None  # pieces of a compressed body are not where its events are
    if streamed and api == "responses":
        openai_answers.read_response_events(body, arrivals, generation)
    elif streamed:
        openai_answers.read_completion_events(body, arrivals, generation)
    elif api == "responses":
        openai_answers.read_response(body, generation)
    else:
        openai_answers.read_completion(body, generation)


def _asked(request: _Request, api: Api, positions: Sequence[int], *, keeps_text: bool) -> tuple[Tensor, ...]:
    """What was asked, in every row."""
    rows = len(positions)
    limit = next(
        (each for each in (request.max_tokens, request.max_completion_tokens, request.max_output_tokens) if each), None
    )
    tensors = [column("stream", [bool(request.stream)] * rows, "BOOL")]
    tensors.append(column("tools", [len(request.tools or ())] * rows, "INT64"))
    if request.temperature is not None:
        tensors.append(column("temperature", [request.temperature] * rows, "FP64"))
    if request.top_p is not None:
        tensors.append(column("top_p", [request.top_p] * rows, "FP64"))
    if limit is not None and abs(limit) < 2**63:
        tensors.append(column("max_tokens", [limit] * rows, "INT64"))
    if api == "completions":
        return (*tensors, *_prompts(request, positions, keeps_text=keeps_text))
    messages = request.messages if api == "chat/completions" else _response_messages(request)
    tensors.append(column("messages", [len(messages)] * rows, "INT64"))
    texts = [_texts_of(message.content) for message in messages]
    instructing = [m.role in ("system", "developer") for m in messages]
    tensors.append(column("prompt_chars", [sum(chars for chars, _ in texts)] * rows, "INT64"))
    system = sum(chars for (chars, _), instructs in zip(texts, instructing, strict=True) if instructs)
    tensors.append(column("system_chars", [system] * rows, "INT64"))
    tensors.append(column("attachments", [sum(others for _, others in texts)] * rows, "INT64"))
    if keeps_text:
        asked = msgspec.json.encode([[message.role, message.content] for message in messages]).decode()
        tensors.append(column("prompt", [asked] * rows, "BYTES"))
    return tuple(tensors)


def _response_messages(request: _Request) -> list[_Message]:
    """What the responses API was asked, as messages."""
    found = [_Message("system", request.instructions)] if request.instructions else []
    items = request.input if isinstance(request.input, list) else [request.input] if request.input else []
    for item in items:
        role = item.get("role") if isinstance(item, dict) else "user"
        content = item.get("content", item.get("output")) if isinstance(item, dict) else item
        found.append(_Message(role if isinstance(role, str) else "", content))
    return found


def _texts_of(content: object) -> tuple[int, int]:
    """Characters of text in a content, and how many parts of it are none."""
    if isinstance(content, str):
        return len(content), 0
    chars = others = 0
    for part in content if isinstance(content, list) else ():
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            chars += len(text)
        else:
            others += 1
    return chars, others


def _prompts(request: _Request, positions: Sequence[int], *, keeps_text: bool) -> tuple[Tensor, ...]:
    """Each choice of a completion has its prompt: `n` of them answer the same."""
    prompts = _embedded(request.prompt)
    share = max(1, request.n or 1)
    chosen = [prompts[position // share] if 0 <= position // share < len(prompts) else None for position in positions]
    return _texts_asked(chosen, keeps_text=keeps_text, name="prompt")


def _embedded(found: object) -> list[object]:
    """A text or a list of tokens is one; a list of either is many."""
    many = isinstance(found, list) and bool(found) and not isinstance(found[0], int)
    texts = found if isinstance(found, list) and many else [found]
    check_rows(len(texts), "request")
    return texts


def _texts_asked(texts: Sequence[object], *, keeps_text: bool, name: str = "input") -> tuple[Tensor, ...]:
    chars = column(f"{name}_chars", [len(each) if isinstance(each, str) else None for each in texts], "INT64")
    tokens = column(f"{name}_tokens", [len(each) if isinstance(each, list) else None for each in texts], "INT64")
    found = tuple(each for each in (chars, tokens) if len(each.missing) < len(texts))
    if not keeps_text:
        return found
    return (*found, column(name, [each if isinstance(each, str) else None for each in texts], "BYTES"))


def _vectors(data: Sequence[_Embedding]) -> tuple[Tensor, ...]:
    """One matrix of all embeddings, in the order of their texts; numbers, or base64 of their FP32 bytes."""
    check_rows(len(data), "response.data")
    rows: list[bytes] = []
    for position, each in enumerate(sorted(data, key=lambda each: each.index)):
        where = f"response.data[{position}].embedding"
        raw = bytes(each.embedding)
        if raw[:1] == b'"':
            rows.append(_packed(read_json(_TEXT, raw, where), where))
        else:
            size = raw.count(b",") + (1 if raw.strip(b"[] \t\r\n") else 0)
            rows.append(tensor_from_json("embedding", (size,), "FP32", raw, where).data)
        if len(rows[-1]) != len(rows[0]):
            raise Undecodable("shape_mismatch", where, "found vectors of different lengths")
    if not rows:
        return ()
    return (tensor_from_raw("embedding", (len(rows), len(rows[0]) // 4), "FP32", b"".join(rows), "response.data"),)


def _packed(text: str, where: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError) as error:
        raise Undecodable("element_type", where, "expected base64") from error
