"""Answers of OpenAI's API and of servers that speak it, plain or in pieces, as generations.

Chat and completions send the same object whole (`message`, `text`) or in pieces (`delta`, `text`) to be joined per
choice and, for calls of tools, per position. The responses API sends typed events, and ends with one that holds the
whole response, which is then the record; where it never came, the pieces are. An error may come after status 200.
"""

from typing import Any

import msgspec

from collectors.decoders.decoder import Undecodable
from collectors.decoders.events import events_of
from collectors.decoders.generation import Choice, Generation, Usage
from collectors.decoders.json_bodies import read_json, words_of
from collectors.decoders.undeclared import check_elements
from collectors.protocols.exchange import Arrivals

_DONE = "[DONE]"
_REASONING_DELTAS = ("response.reasoning_text.delta", "response.reasoning_summary_text.delta")
_ARGUMENT_DELTAS = (
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
    "response.mcp_call_arguments.delta",
)
_TERMINAL = ("response.completed", "response.failed", "response.incomplete")


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Any = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    function: _Function | None = None
    custom: dict[str, Any] | None = None


class _Message(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


class _Logprob(msgspec.Struct):
    logprob: float | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Logprob] | None = None
    token_logprobs: list[float | None] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    message: _Message | None = None
    delta: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Answer(msgspec.Struct):
    """A chat completion, a completion, or a piece of either."""

    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class _Item(msgspec.Struct):
    """A part of a response's output."""

    type: str = ""
    name: str | None = None
    content: list[dict[str, Any]] | None = None
    summary: list[dict[str, Any]] | None = None
    arguments: Any = None
    input: Any = None


class _Reason(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[_Item] | None = None
    usage: _Usage | None = None
    error: Any = None
    incomplete_details: _Reason | None = None


class _ResponseEvent(msgspec.Struct):
    type: str = ""
    response: _Response | None = None
    item: _Item | None = None
    delta: Any = None
    output_index: int = 0
    error: Any = None
    message: str | None = None


_ANSWER = msgspec.json.Decoder(_Answer)
_RESPONSE = msgspec.json.Decoder(_Response)
_RESPONSE_EVENT = msgspec.json.Decoder(_ResponseEvent)


def is_stream(body: bytes | bytearray, content_type: str) -> bool:
    """Whether an answer came as events; the body decides, for declared types may lie."""
    start = body[:16].lstrip()[:1]
    return start not in (b"{", b"[") and (content_type.startswith("text/event-stream") or start in (b"d", b"e", b":"))


def read_completion(body: bytes | bytearray, generation: Generation) -> None:
    """A whole chat completion or completion. Raises Undecodable."""
    check_elements(body, "response")
    answer: _Answer = read_json(_ANSWER, body, "response")
    if answer.choices is None and answer.error is None:
        raise Undecodable("response_not_protocol", "response", "expected choices")
    _grow(generation, answer, None, "response")


def read_completion_events(body: bytes | bytearray, arrivals: Arrivals | None, generation: Generation) -> None:
    """The pieces of a chat completion or completion. Raises Undecodable."""
    generation.streamed = True
    for where, event in events_of(body):
        if event.data.strip() == _DONE:
            generation.done = True
        elif event.data.strip():
            answer: _Answer = read_json(_ANSWER, event.data.encode(), where)
            _grow(generation, answer, arrivals.time_ns(event.end) if arrivals else None, where)


def read_response(body: bytes | bytearray, generation: Generation) -> None:
    """A whole response of the responses API. Raises Undecodable."""
    check_elements(body, "response")
    response: _Response = read_json(_RESPONSE, body, "response")
    if response.output is None and response.error is None:
        raise Undecodable("response_not_protocol", "response", "expected output")
    _take_response(generation, response, "response")


def read_response_events(body: bytes | bytearray, arrivals: Arrivals | None, generation: Generation) -> None:
    """The events of a response. Raises Undecodable."""
    generation.streamed = True
    spoken = generation.choice(0, "response")
    for where, event in events_of(body):
        if not event.data.strip() or event.data.strip() == _DONE:
            continue
        said: _ResponseEvent = read_json(_RESPONSE_EVENT, event.data.encode(), where)
        if said.type in _TERMINAL and said.response is not None:
            generation.done = True
            whole = Choice(times_ns=spoken.times_ns, pieces=spoken.pieces)
            generation.choices[0] = whole
            _take_response(generation, said.response, where)
            return
        _note_error(generation, said.error or said.message if said.type == "error" else None)
        if said.response is not None:
            generation.id, generation.model = said.response.id, said.response.model
        if _hear(generation, spoken, said, where):
            _note_time(spoken, arrivals.time_ns(event.end) if arrivals else None)


def _grow(generation: Generation, answer: _Answer, time_ns: int | None, where: str) -> None:
    generation.id = generation.id or answer.id
    generation.model = generation.model or answer.model
    _note_error(generation, answer.error)
    if answer.usage is not None:
        generation.usage = _usage(answer.usage)
    for piece in answer.choices or ():
        choice = generation.choice(piece.index, where)
        choice.finish_reason = piece.finish_reason or choice.finish_reason
        if piece.logprobs is not None:
            choice.logprobs += _logprobs(piece.logprobs)
        before = _heard(choice)
        if piece.text:
            generation.say(choice, piece.text)
        message = piece.delta or piece.message
        if message is not None:
            _add_message(generation, choice, message, where)
        if _heard(choice) != before:
            _note_time(choice, time_ns)


def _heard(choice: Choice) -> tuple[int, ...]:
    """What grows when the model says anything."""
    arguments = sum(call.argument_chars for call in choice.tools.values())
    return choice.chars, choice.reasoning_chars, choice.refusal_chars, len(choice.tools), arguments


def _note_time(choice: Choice, time_ns: int | None) -> None:
    choice.pieces += 1
    if time_ns is not None:
        choice.times_ns.append(time_ns)


def _note_error(generation: Generation, error: object) -> None:
    if error is not None:
        generation.error = generation.error or words_of(error) or "error"


def _add_message(generation: Generation, choice: Choice, message: _Message, where: str) -> None:
    text, thought = _texts(message.content)
    generation.say(choice, text)
    choice.reasoning_chars += len(thought) or len(_said(message.reasoning_content) or _said(message.reasoning))
    choice.refusal_chars += len(message.refusal or "")
    for position, called in enumerate(message.tool_calls or ()):
        tool = choice.tool(position if called.index is None else called.index, where)
        function = called.function or _custom(called.custom)
        tool.name = tool.name or function.name or ""
        generation.argue(tool, _said(function.arguments))
    if message.function_call is not None:
        tool = choice.tool(0, where)
        tool.name = tool.name or message.function_call.name or ""
        generation.argue(tool, _said(message.function_call.arguments))


def _custom(custom: dict[str, Any] | None) -> _Function:
    found = custom or {}
    return _Function(_said(found.get("name")), found.get("input"))


def _texts(content: object) -> tuple[str, str]:
    """What is said and what is thought in a content: a text, or a list of parts."""
    if not isinstance(content, list):
        return _said(content), ""
    said, thought = [], []
    for part in content:
        if isinstance(part, dict):
            said.append(_said(part.get("text")))
            thinking = part.get("thinking")
            inner = thinking if isinstance(thinking, list) else []
            thought += [_said(each.get("text")) for each in inner if isinstance(each, dict)] or [_said(thinking)]
        else:
            said.append(_said(part))
    return "".join(said), "".join(thought)


def _said(value: object) -> str:
    if isinstance(value, dict):  # some servers send arguments as an object, not as its text
        return msgspec.json.encode(value).decode()
    return value if isinstance(value, str) else ""


def _logprobs(found: _Logprobs) -> list[float]:
    whole = [each.logprob for each in found.content or ()] + list(found.token_logprobs or ())
    return [each for each in whole if each is not None]


def _usage(found: _Usage) -> Usage:
    asked = found.prompt_tokens_details or found.input_tokens_details or _Details()
    answered = found.completion_tokens_details or found.output_tokens_details or _Details()
    return Usage(
        prompt=found.prompt_tokens if found.prompt_tokens is not None else found.input_tokens,
        completion=found.completion_tokens if found.completion_tokens is not None else found.output_tokens,
        total=found.total_tokens,
        cached=asked.cached_tokens,
        reasoning=answered.reasoning_tokens,
    )


def _take_response(generation: Generation, response: _Response, where: str) -> None:
    generation.id, generation.model = response.id, response.model
    _note_error(generation, response.error)
    if response.usage is not None:
        generation.usage = _usage(response.usage)
    choice = generation.choice(0, where)
    reason = response.incomplete_details.reason if response.incomplete_details else None
    choice.finish_reason = reason or response.status
    for item in response.output or ():
        _take_item(generation, choice, item, where)


def _take_item(generation: Generation, choice: Choice, item: _Item, where: str) -> None:
    if item.type == "reasoning":
        parts = [*(item.content or ()), *(item.summary or ())]
        choice.reasoning_chars += sum(len(_said(part.get("text"))) for part in parts)
    elif item.type == "message":
        for part in item.content or ():
            generation.say(choice, _said(part.get("text")))
            choice.refusal_chars += len(_said(part.get("refusal")))
    elif item.type.endswith("_call"):
        tool = choice.tool(len(choice.tools), where)
        tool.name = item.name or item.type
        generation.argue(tool, _said(item.arguments) or _said(item.input))


def _hear(generation: Generation, choice: Choice, said: _ResponseEvent, where: str) -> bool:
    """Grow by one event of a response; whether it said anything."""
    before = _heard(choice)
    text = _said(said.delta)
    if said.type == "response.output_text.delta":
        generation.say(choice, text)
    elif said.type == "response.refusal.delta":
        choice.refusal_chars += len(text)
    elif said.type in _REASONING_DELTAS:
        choice.reasoning_chars += len(text)
    elif said.type in _ARGUMENT_DELTAS:
        generation.argue(choice.tool(said.output_index, where), text)
    elif said.type == "response.output_item.added" and said.item is not None and said.item.type.endswith("_call"):
        choice.tool(said.output_index, where).name = said.item.name or said.item.type
    return _heard(choice) != before
