"""What a language model was asked and what it said, as columns: how much, how fast, and how it ended.

A row is one choice; what concerns the request stands in each of its rows, and its usage in the first one only, so that
sums over rows are right. Texts are payload: they are counted, and kept only where the settings allow it. Pieces of a
stream grow the choices they name, so that a stream and a plain answer of the same words make the same columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from statistics import fmean

from collectors.decoders.decoder import Undecodable
from collectors.decoders.elements import tensor_of
from collectors.records.types import Datatype, Tensor

CHOICES_MAX = 1024
"""Choices of one answer; servers allow some hundred."""

TOOL_CALLS_MAX = 1024
"""Calls of tools in one choice."""

_LATE_SHARE = 0.95


@dataclass(slots=True)
class ToolCall:
    """A tool that the model wants called."""

    name: str = ""
    argument_chars: int = 0
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Choice:
    """One of the answers, while it grows."""

    chars: int = 0
    reasoning_chars: int = 0
    refusal_chars: int = 0
    texts: list[str] = field(default_factory=list)
    tools: dict[int, ToolCall] = field(default_factory=dict)
    finish_reason: str | None = None
    logprobs: list[float] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    pieces: int = 0

    def tool(self, position: int, where: str) -> ToolCall:
        """The call of this position; a new one where there is none yet."""
        if position not in self.tools and len(self.tools) >= TOOL_CALLS_MAX:
            raise Undecodable("record_too_large", where, f"found more than {TOOL_CALLS_MAX} calls of tools")
        return self.tools.setdefault(position, ToolCall())


@dataclass(slots=True)
class Usage:
    """Tokens, as the server counted them."""

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None
    cached: int | None = None
    reasoning: int | None = None


@dataclass(slots=True)
class Generation:
    """An answer, while it grows. `streamed` where it came in pieces, `done` where the stream said that it was all."""

    keeps_text: bool
    streamed: bool = False
    done: bool = False
    id: str | None = None
    model: str | None = None
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    choices: dict[int, Choice] = field(default_factory=dict)

    def choice(self, position: int, where: str) -> Choice:
        """The choice of this position; a new one where there is none yet."""
        if position not in self.choices and len(self.choices) >= CHOICES_MAX:
            raise Undecodable("record_too_large", where, f"found more than {CHOICES_MAX} choices")
        return self.choices.setdefault(position, Choice())

    def say(self, choice: Choice, text: str) -> None:
        """Words of an answer."""
        choice.chars += len(text)
        if self.keeps_text and text:
            choice.texts.append(text)

    def argue(self, call: ToolCall, arguments: str) -> None:
        """Arguments of a call."""
        call.argument_chars += len(arguments)
        if self.keeps_text and arguments:
            call.arguments.append(arguments)

    @property
    def positions(self) -> list[int]:
        """Of the choices, in order; a generation that never began is one row."""
        return sorted(self.choices) or [0]

    def tensors(self, start_ns: int) -> tuple[Tensor, ...]:
        """The columns of an answer to a request that began at this time."""
        choices = [self.choices.get(position, Choice()) for position in self.positions]
        tensors = [
            column("finish_reason", [choice.finish_reason for choice in choices], "BYTES"),
            column("completion_chars", [choice.chars for choice in choices], "INT64"),
            column("reasoning_chars", [choice.reasoning_chars for choice in choices], "INT64"),
            column("refused", [choice.refusal_chars > 0 for choice in choices], "BOOL"),
            column("tool_calls", [len(choice.tools) for choice in choices], "INT64"),
            column("tools_called", [_called(choice) for choice in choices], "BYTES"),
            column("tool_argument_chars", [_argument_chars(choice) for choice in choices], "INT64"),
        ]
        if any(choice.logprobs for choice in choices):
            means = [fmean(choice.logprobs) if choice.logprobs else None for choice in choices]
            tensors.append(column("logprob_mean", means, "FP64"))
        tensors += self._usage(len(choices))
        if self.streamed:
            tensors += self._stream(choices, start_ns)
        if self.keeps_text:
            tensors.append(column("completion", ["".join(choice.texts) for choice in choices], "BYTES"))
            arguments = ["\n".join("".join(call.arguments) for call in _calls(choice)) for choice in choices]
            tensors.append(column("tool_arguments", arguments, "BYTES"))
        return tuple(tensors)

    def _usage(self, rows: int) -> list[Tensor]:
        counted = {
            "prompt_tokens": self.usage.prompt,
            "completion_tokens": self.usage.completion,
            "total_tokens": self.usage.total,
            "cached_tokens": self.usage.cached,
            "reasoning_tokens": self.usage.reasoning,
        }
        lacking = [None] * (rows - 1)
        return [column(name, [count, *lacking], "INT64") for name, count in counted.items() if count is not None]

    def _stream(self, choices: Sequence[Choice], start_ns: int) -> list[Tensor]:
        ended = self.done or self.error is not None
        first = [_milliseconds(choice.times_ns[0] - start_ns) if choice.times_ns else None for choice in choices]
        gaps = [_gaps(choice.times_ns) for choice in choices]
        return [
            column("aborted", [not ended and choice.finish_reason is None for choice in choices], "BOOL"),
            column("pieces", [choice.pieces for choice in choices], "INT64"),
            column("first_token_ms", first, "FP64"),
            column("token_gap_ms_mean", [fmean(each) if each else None for each in gaps], "FP64"),
            column("token_gap_ms_p95", [_late(each) if each else None for each in gaps], "FP64"),
            column("token_gap_ms_max", [max(each) if each else None for each in gaps], "FP64"),
        ]


def column(name: str, values: Sequence[object], datatype: Datatype) -> Tensor:
    """One value a row; None is missing."""
    return tensor_of(name, (len(values),), values, datatype)


def _calls(choice: Choice) -> list[ToolCall]:
    return [choice.tools[position] for position in sorted(choice.tools)]


def _called(choice: Choice) -> str | None:
    return ",".join(call.name for call in _calls(choice)) or None


def _argument_chars(choice: Choice) -> int:
    return sum(call.argument_chars for call in choice.tools.values())


def _gaps(times_ns: Sequence[int]) -> list[float]:
    return [_milliseconds(later - sooner) for sooner, later in pairwise(times_ns)]


def _late(gaps: Sequence[float]) -> float:
    """The smallest gap that at least 95 % of them do not exceed."""
    return sorted(gaps)[ceil(_LATE_SHARE * len(gaps)) - 1]


def _milliseconds(nanoseconds: int) -> float:
    return max(0, nanoseconds) / 1e6
