"""Places in a JSON value: `order.items[*].price`, `scores[0]`, `["a.b"].c`.

`[*]` stands for every element of a list; a place with one has a row for each. Names with other characters than letters,
digits, `_` and `-` are quoted in brackets. What is not there is None.
"""

import re
from collections.abc import Sequence
from typing import Any

STEPS_MAX = 32
"""Steps of one path."""

_EVERY = ("every",)
_STEP = re.compile(r'\.?([A-Za-z0-9_-]+)|\["([^"]+)"\]|\[(\d{1,9})\]|(\[\*\])')


class Path:
    """A place, read once."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError where the text is no path."""
        self.text = text
        self._steps = _steps(text)

    @property
    def is_many(self) -> bool:
        """Whether it has a row for each element of a list."""
        return _EVERY in self._steps

    def find(self, value: object) -> list[object]:
        """The values at this place: one, or one a row."""
        found: list[object] = [value]
        for step in self._steps:
            found = _next(found, step)
        return found


def _steps(text: str) -> Sequence[tuple[Any, ...]]:
    at = 1 if text.startswith("$") else 0
    steps: list[tuple[Any, ...]] = []
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None or len(steps) >= STEPS_MAX:
            raise ValueError(f'found {text[at : at + 20]!r}, expected a name, [0], [*] or ["name"]')
        name, quoted, index, _ = step.groups()
        steps.append(("name", name or quoted) if name or quoted else ("index", int(index)) if index else _EVERY)
        at = step.end()
    return steps


def _next(found: list[object], step: tuple[Any, ...]) -> list[object]:
    if step == _EVERY:
        return [each for value in found if isinstance(value, list) for each in value]
    if step[0] == "name":
        return [value.get(step[1]) if isinstance(value, dict) else None for value in found]
    return [value[step[1]] if isinstance(value, list) and step[1] < len(value) else None for value in found]
