"""Of what fuzzing found, the inputs that each reach something no smaller one does.

What an input reaches are the steps from line to line in our own files, as the interpreter tells them: finer than lines, and
without the instrumentation of the fuzzer, so the corpus means the same wherever it is read.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

COLLECTORS = str(Path(__file__).parent.parent.parent / "collectors")

INPUTS_MAX = 2000
"""Of those found, the smallest are looked at; each takes some milliseconds."""

Step = tuple[int, int, int]


def minimised(inputs: Iterable[bytes], take: Callable[[bytes], object]) -> list[bytes]:
    """The smallest first, each of them for what it adds."""
    reached: set[Step] = set()
    kept: list[bytes] = []
    for data in sorted(set(inputs), key=lambda found: (len(found), found))[:INPUTS_MAX]:
        steps = _reached(data, take)
        if not steps <= reached:
            reached |= steps
            kept.append(data)
    return kept


def _reached(data: bytes, take: Callable[[bytes], object]) -> set[Step]:
    steps: set[Step] = set()

    def called(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(COLLECTORS):
            return None
        code, before = id(frame.f_code), 0

        def passed(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before
            if event == "line":
                steps.add((code, before, frame.f_lineno))
                before = frame.f_lineno
            return passed

        return passed

    sys.settrace(called)
    try:
        take(data)
    finally:
        sys.settrace(None)
    return steps
