"""OpenAI's API: what is asked, plain answers, streams, embeddings; prompts and answers are counted, not kept."""

import base64
import gzip
import struct
from typing import Any

import pytest

from collectors.decoders import generation
from collectors.decoders.decoder import Call
from collectors.decoders.openai import OpenAi
from collectors.decoders.registry import Registry, named
from collectors.protocols import sse as events_of
from tests.collectors.decoders.exchanges import arriving, columns, decode, exchange, refusal, sse

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}
ASK = {"model": "gpt", "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "2+2?"}]}


def chunk(*choices: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "model": "gpt-2024", "choices": list(choices)} | rest


def delta(index: int = 0, finish: str | None = None, **said: Any) -> dict[str, Any]:
    return {"index": index, "delta": said, "finish_reason": finish}


def tool(index: int, arguments: str, name: str | None = None) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments} | ({"name": name} if name else {})}


def outputs(stream: bytes, **rest: Any) -> dict[str, Any]:
    return columns(decode(CHAT, ASK | {"stream": True}, stream, response_headers=EVENTS, **rest).outputs)


# Which request lines.


@pytest.mark.parametrize(
    ("target", "call"),
    [
        (CHAT, Call("")),
        ("/openai/v1/completions?x=1", Call("")),
        ("/openai/deployments/my-gpt/chat/completions?api-version=1", Call("my-gpt")),
        (EMBEDDINGS, Call("")),
        ("/api/v3/responses", Call("")),
        ("/v1/models", None),
        ("/v1/responses/resp_1/cancel", None),
        ("/chat/completions", None),
    ],
)
def test_a_generation_is_known_by_its_path(target: str, call: Call | None) -> None:
    """With any prefix; Azure's paths name the deployment."""
    assert OpenAi("d", keeps_text=False).call("POST", target) == call


def test_the_body_names_the_model() -> None:
    """Also of an exchange that is not read any further."""
    found = Registry().find("POST", CHAT)
    assert found is not None
    assert named(found[0], exchange(CHAT, {"model": "gpt", "messages": 3}), found[1]) == Call("gpt")
    assert named(found[0], exchange(CHAT, b"{"), found[1]) == Call("")


# Plain answers.


def test_a_chat_becomes_columns() -> None:
    """What was asked, how it ended, how much it was; no words."""
    answer = {
        "id": "c1",
        "model": "gpt-2024",
        "choices": [{"index": 0, "message": {"content": "four", "refusal": None}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 1,
            "total_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }
    decoded = decode(CHAT, ASK | {"temperature": 0, "max_tokens": 5, "tools": [{}]}, answer)
    assert (decoded.model, decoded.version, decoded.id, decoded.rows) == ("gpt", "gpt-2024", "c1", 1)
    assert columns(decoded.inputs) == {
        "stream": [0],
        "tools": [1],
        "temperature": [0.0],
        "max_tokens": [5],
        "messages": [2],
        "prompt_chars": [12],
        "system_chars": [8],
        "attachments": [0],
    }
    assert columns(decoded.outputs) == {
        "finish_reason": ["stop"],
        "completion_chars": [4],
        "reasoning_chars": [0],
        "refused": [0],
        "tool_calls": [0],
        "tools_called": [None],
        "tool_argument_chars": [0],
        "prompt_tokens": [9],
        "completion_tokens": [1],
        "total_tokens": [10],
        "cached_tokens": [4],
        "reasoning_tokens": [0],
    }


def test_choices_are_rows_and_usage_stands_once() -> None:
    """So that sums over rows are right."""
    choices = [{"index": i, "message": {"content": "x" * i}, "finish_reason": "stop"} for i in range(3)]
    decoded = decode(CHAT, ASK | {"n": 3}, {"choices": choices, "usage": {"completion_tokens": 7}})
    assert decoded.rows == 3
    assert columns(decoded.inputs)["messages"] == [2, 2, 2]
    found = columns(decoded.outputs)
    assert (found["completion_chars"], found["completion_tokens"]) == ([0, 1, 2], [7, None, None])


def test_parts_of_a_content_are_texts_or_attachments() -> None:
    """Images are counted; audio too."""
    content = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    found = columns(decode(CHAT, {"model": "m", "messages": [{"role": "user", "content": content}]}, chunk()).inputs)
    assert (found["prompt_chars"], found["attachments"]) == ([5], [1])


def test_texts_are_kept_where_allowed() -> None:
    """Redaction still applies to them."""
    answer = chunk({"index": 0, "message": {"content": "four", "tool_calls": [tool(0, '{"a":1}', "f")]}})
    decoded = decode(CHAT, ASK, answer, registry=Registry(keeps_text=True))
    assert columns(decoded.inputs)["prompt"] == ['[["system","be brief"],["user","2+2?"]]']
    found = columns(decoded.outputs)
    assert (found["completion"], found["tool_arguments"]) == (["four"], ['{"a":1}'])


def test_confidence_is_the_mean_log_probability() -> None:
    """Where the client asked for it."""
    choice = {"index": 0, "message": {"content": "ab"}, "logprobs": {"content": [{"logprob": -1.0}, {"logprob": -3.0}]}}
    assert columns(decode(CHAT, ASK, chunk(choice)).outputs)["logprob_mean"] == [-2.0]


def test_a_refusal_of_the_server_keeps_what_was_asked() -> None:
    """With its words and no outputs."""
    decoded = decode(CHAT, ASK, {"error": {"message": "no such model", "code": "x"}}, status=404)
    assert (decoded.error, decoded.outputs, decoded.model, decoded.rows) == ("no such model", (), "gpt", 1)


def test_completions_have_a_prompt_each() -> None:
    """`n` choices answer the same prompt; prompts may be tokens."""
    choices = [{"index": i, "text": "x", "finish_reason": "length"} for i in range(4)]
    decoded = decode(COMPLETIONS, {"model": "m", "prompt": ["a", "bcd"], "n": 2}, {"choices": choices})
    assert columns(decoded.inputs)["prompt_chars"] == [1, 1, 3, 3]
    decoded = decode(COMPLETIONS, {"model": "m", "prompt": [1, 2, 3]}, {"choices": choices[:1]})
    assert columns(decoded.inputs)["prompt_tokens"] == [3]


# Streams.


def test_pieces_are_joined_per_choice_and_call() -> None:
    """Two choices, one with two calls at once, their arguments in turns."""
    stream = sse(
        chunk(delta(0, role="assistant", content=""), delta(1, role="assistant", content=None)),
        chunk(delta(0, content="It ")),
        chunk(delta(1, tool_calls=[tool(0, "", "weather")])),
        chunk(delta(1, tool_calls=[tool(1, "", "time")])),
        chunk(delta(0, content="rains")),
        chunk(delta(1, tool_calls=[tool(0, '{"city"'), tool(1, "{}")])),
        chunk(delta(1, tool_calls=[tool(0, ':"Ulm"}')])),
        chunk(delta(0, finish="stop")),
        chunk(delta(1, finish="tool_calls")),
        chunk(usage={"prompt_tokens": 9, "completion_tokens": 30}),
    )
    decoded = decode(CHAT, ASK | {"n": 2}, stream, response_headers=EVENTS, registry=Registry(keeps_text=True))
    found = columns(decoded.outputs)
    assert decoded.rows == 2
    assert found["completion"] == ["It rains", ""]
    assert found["tools_called"] == [None, "weather,time"]
    assert found["tool_arguments"] == ["", '{"city":"Ulm"}\n{}']
    assert found["finish_reason"] == ["stop", "tool_calls"]
    assert (found["pieces"], found["aborted"], found["prompt_tokens"]) == ([2, 4], [0, 0], [9, None])


def test_tokens_are_timed() -> None:
    """From the first byte of the request; the role that comes before the words is none."""
    stream = sse(
        chunk(delta(role="assistant", content="")), *[chunk(delta(content="x"))] * 4, chunk(delta(finish="stop"))
    )
    found = outputs(stream, arrivals=arriving(stream, 20, first_ms=100))
    assert found["first_token_ms"] == [120.0]
    assert found["token_gap_ms_mean"] == found["token_gap_ms_p95"] == found["token_gap_ms_max"] == [20.0]


def test_times_of_a_compressed_stream_are_unknown() -> None:
    """Its pieces are not where its events are."""
    stream = sse(chunk(delta(content="x", finish="stop")))
    whole = decode(
        CHAT,
        ASK,
        gzip.compress(stream),
        response_headers=EVENTS | {"content-encoding": "gzip"},
        arrivals=arriving(stream, 20, first_ms=100),
    )
    found = columns(whole.outputs)
    assert (found["completion_chars"], found["first_token_ms"]) == ([1], [None])


def test_an_error_may_come_after_status_200() -> None:
    """It is the prediction's, with what came before it; that is no abort."""
    stream = sse(chunk(delta(content="ab")), {"error": {"message": "engine died", "code": 500}})
    decoded = decode(CHAT, ASK, stream, response_headers=EVENTS)
    assert decoded.error == "engine died"
    found = columns(decoded.outputs)
    assert (found["completion_chars"], found["finish_reason"], found["aborted"]) == ([2], [None], [0])


def test_a_client_that_goes_away_is_an_abort() -> None:
    """What came is kept, and no usage is made up."""
    found = outputs(sse(chunk(delta(content="ab")), done=False) + b'data: {"id"', aborted=True)
    assert (found["aborted"], found["completion_chars"]) == ([1], [2])
    assert "completion_tokens" not in found


def test_a_stream_may_end_after_its_reason() -> None:
    """Many clients do not wait for the rest."""
    assert outputs(sse(chunk(delta(content="ab", finish="stop")), done=False))["aborted"] == [0]


def test_padding_and_unknown_fields_are_passed_over() -> None:
    """Obfuscation, reasoning, filters, comments; the declared type may lie."""
    stream = b": ping\r\n\r\n" + sse(
        {"choices": [], "prompt_filter_results": [{}]},
        chunk(delta(reasoning_content="hm"), obfuscation="xxxx"),
        chunk(delta(reasoning="so"), prompt_token_ids=[1]),
        chunk(delta(content="4", finish="stop")),
        newline="\r\n",
    )
    found = columns(decode(CHAT, ASK, stream, response_headers={"content-type": "application/json"}).outputs)
    assert (found["reasoning_chars"], found["completion_chars"], found["pieces"]) == ([4], [1], [3])


def test_a_stream_is_the_same_in_any_pieces() -> None:
    """Split inside a character too: it is read whole, from bytes."""
    stream = sse(chunk(delta(content="日本🙂", finish="stop")))
    reader = events_of.EventStream()
    found = [event.data for byte in stream for event in reader.feed(bytes([byte]))]
    assert found == [event.data for event in events_of.EventStream().feed(stream)]
    assert outputs(stream)["completion_chars"] == [3]


# Responses.


def test_the_end_of_a_response_is_the_record() -> None:
    """With its status, or the reason why it is incomplete."""
    items = [
        {"type": "reasoning", "summary": [{"text": "hmm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "four"}]},
        {"type": "function_call", "name": "f", "arguments": "{}"},
    ]
    response = {
        "id": "r1",
        "model": "gpt",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": items,
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }
    stream = sse(
        {"type": "response.created", "response": {"id": "r1", "model": "gpt", "status": "in_progress", "output": []}},
        {"type": "response.output_text.delta", "delta": "fo", "output_index": 1},
        {"type": "response.output_text.delta", "delta": "ur", "output_index": 1},
        {"type": "response.incomplete", "response": response},
        done=False,
    )
    request = {"model": "gpt", "instructions": "be brief", "input": [{"role": "user", "content": [{"text": "2+2"}]}]}
    decoded = decode(RESPONSES, request, stream, response_headers=EVENTS, arrivals=arriving(stream, 10, first_ms=5))
    found = columns(decoded.outputs)
    plain = columns(decode(RESPONSES, request, response).outputs)
    assert {name: found[name] for name in plain} == plain
    assert (found["finish_reason"], found["completion_chars"], found["tools_called"]) == (
        ["max_output_tokens"],
        [4],
        ["f"],
    )
    assert (found["pieces"], found["first_token_ms"], found["aborted"]) == ([2], [15.0], [0])
    assert columns(decoded.inputs)["prompt_chars"] == [11]


def test_a_response_may_fail_or_break_off() -> None:
    """Its error is the prediction's; without an end its pieces are the record."""
    failed = {"type": "response.failed", "response": {"id": "r1", "status": "failed", "error": {"message": "quota"}}}
    decoded = decode(RESPONSES, {"model": "m", "input": "x"}, sse(failed, done=False), response_headers=EVENTS)
    assert (decoded.error, columns(decoded.outputs)["finish_reason"]) == ("quota", ["failed"])
    broken = sse(
        {"type": "response.output_item.added", "item": {"type": "function_call", "name": "f"}, "output_index": 0},
        {"type": "response.function_call_arguments.delta", "delta": '{"a"', "output_index": 0},
        {"type": "error", "message": "overloaded"},
        done=False,
    )
    decoded = decode(RESPONSES, {"model": "m", "input": "x"}, broken, response_headers=EVENTS)
    found = columns(decoded.outputs)
    assert (decoded.error, found["tools_called"], found["tool_argument_chars"]) == ("overloaded", ["f"], [4])


# Embeddings.


def test_embeddings_are_vectors() -> None:
    """A row a text, in the order of the texts; numbers or base64."""
    packed = base64.b64encode(struct.pack("<2f", 3, 4)).decode()
    answer = {
        "model": "e-1",
        "data": [{"index": 1, "embedding": packed}, {"index": 0, "embedding": [1, 2.0]}],
        "usage": {"prompt_tokens": 6},
    }
    decoded = decode(EMBEDDINGS, {"model": "e", "input": ["a", "bcd"]}, answer)
    assert (decoded.model, decoded.version, decoded.rows) == ("e", "e-1", 2)
    assert columns(decoded.inputs) == {"input_chars": [1, 3]}
    assert columns(decoded.outputs) == {"embedding": ((2, 2), [1.0, 2.0, 3.0, 4.0]), "prompt_tokens": [6, None]}


@pytest.mark.parametrize(("asked", "rows"), [("a", 1), ([1, 2, 3], 1), ([[1], [2, 3]], 2), ([], 1)])
def test_what_is_embedded_is_texts_or_tokens(asked: Any, rows: int) -> None:
    """A list of numbers is one text."""
    assert decode(EMBEDDINGS, {"model": "e", "input": asked}, {"error": "no"}, status=400).rows == rows


# What cannot be read.


@pytest.mark.parametrize(
    ("target", "request_body", "response", "reason"),
    [
        (CHAT, {"model": "m"}, chunk(), ("request_not_protocol", "request")),
        (COMPLETIONS, {"model": "m"}, chunk(), ("request_not_protocol", "request")),
        (EMBEDDINGS, {"model": "m"}, {"data": []}, ("request_not_protocol", "request")),
        (CHAT, ASK, {"object": "x"}, ("response_not_protocol", "response")),
        (RESPONSES, {"model": "m", "input": "x"}, {"object": "x"}, ("response_not_protocol", "response")),
        (CHAT, ASK, b"<html>", ("response_not_json", "response")),
        (CHAT, ASK, sse("{"), ("response_not_json", "response.events[0]")),
        (
            CHAT,
            ASK,
            sse(chunk(delta(content="a")), chunk(3)),
            ("response_not_protocol", "response.events[1].choices[0]"),
        ),  # type: ignore[arg-type]
        (CHAT, ASK, chunk(usage={"total_tokens": 2**63}), ("element_range", "total_tokens")),
        (
            EMBEDDINGS,
            {"input": "x"},
            {"data": [{"embedding": [1]}, {"embedding": [1, 2]}]},
            ("shape_mismatch", "response.data[1].embedding"),
        ),
        (EMBEDDINGS, {"input": "x"}, {"data": [{"embedding": "%"}]}, ("element_type", "response.data[0].embedding")),
    ],
)
def test_other_bodies_are_refused(target: str, request_body: Any, response: Any, reason: tuple[str, str]) -> None:
    """With a reason and the place."""
    assert refusal(target, request_body, response) == reason


def test_choices_and_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their positions come from the server."""
    monkeypatch.setattr(generation, "CHOICES_MAX", 2)
    monkeypatch.setattr(generation, "TOOL_CALLS_MAX", 2)
    assert refusal(CHAT, ASK, chunk(*[delta(i) for i in range(3)]))[0] == "record_too_large"
    assert refusal(CHAT, ASK, chunk(delta(0, tool_calls=[tool(i, "") for i in range(3)])))[0] == "record_too_large"
