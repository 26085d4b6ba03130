"""The account of the tap: what passed since it was last told, from the counts that the tap keeps in shared memory.

Bytes passed = bytes copied + bytes not copied, by reason; connections are counted when they begin as passed, and when
they end as copied or not copied, by reason. What was told is kept with the worker's status, so that a successor goes
on from there.
"""

from collections.abc import Sequence

from collectors.records.types import Passed
from collectors.tap import segment as at
from collectors.tap.segment import UNCOPIED

TELL_NS = 5 * 10**9
"""How often: an entry of the monitor's catalog for each sidecar and interval, finer than any window worth judging."""


class Passing:
    """What one worker has to tell of the tap. `told` is what a predecessor has told, with the time as its first number."""

    def __init__(self, words: Sequence[int], told: Sequence[int], now_ns: int) -> None:
        self._words = words
        self._told = list(told) if len(told) == _NUMBERS else [now_ns, *[0] * (_NUMBERS - 1)]
        self._telling = self._told

    @property
    def told(self) -> list[int]:
        """What is in the spool."""
        return self._told

    @property
    def telling(self) -> list[int]:
        """What will be, once what was last asked for is."""
        return self._telling

    def since_told(self, now_ns: int, *, at_once: bool = False) -> Passed | None:
        """What passed since; None where nothing did, or too little time. A clock that was set back ends the wait."""
        if 0 <= now_ns - self._told[0] < TELL_NS and not at_once:
            return None
        self._telling = [now_ns, *_counts(self._words)]
        grown = [now - before for now, before in zip(self._telling[1:], self._told[1:], strict=True)]
        if not any(grown):
            return None
        connections, connections_copied, passed_bytes, copied_bytes, *uncopied = grown
        return Passed(
            start_ns=min(self._told[0], now_ns),
            end_ns=max(self._told[0], now_ns),
            connections=connections,
            connections_copied=connections_copied,
            bytes=passed_bytes,
            bytes_copied=copied_bytes,
            bytes_uncopied=_by_reason(uncopied[: len(UNCOPIED)]),
            connections_uncopied=_by_reason(uncopied[len(UNCOPIED) :]),
        )

    def is_told(self) -> None:
        """What was last asked for is in the spool."""
        self._told = self._telling


_NUMBERS = 5 + 2 * len(UNCOPIED)


def _counts(words: Sequence[int]) -> list[int]:
    return [
        words[at.CONNECTIONS],
        words[at.CONNECTIONS_COPIED],
        words[at.BYTES_TO_SERVER] + words[at.BYTES_TO_CLIENT],
        words[at.BYTES_COPIED],
        *(words[at.BYTES_UNCOPIED + i] for i in range(len(UNCOPIED))),
        *(words[at.CONNECTIONS_UNCOPIED + i] for i in range(len(UNCOPIED))),
    ]


def _by_reason(counts: Sequence[int]) -> dict[str, int]:
    return {reason.value: count for reason, count in zip(UNCOPIED, counts, strict=True) if count}
