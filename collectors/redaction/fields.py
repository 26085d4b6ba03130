"""Fields of JSON that is stored as text: rows that fit no tensor, and texts that clients fill with JSON of their own.

What a rule by name does to a column, it does to a field in such a text; the elements of a list bear the list's path.
"""

from collections.abc import Callable
from typing import Any

import msgspec

Change = Callable[[str, object], object]
"""What takes the place of the value at a path: KEPT, DROPPED or another value."""

KEPT, DROPPED = object(), object()


def may_be_json(text: str) -> bool:
    """A quick look: whether it begins as an object or a list does."""
    return text.lstrip(" \t\r\n")[:1] in ("{", "[")


def with_fields_changed(text: str, change: Change) -> str:
    """The text with `change` asked of every field of its objects, from the outermost inwards; itself where it is no JSON.

    Raises RecursionError and OverflowError for what is nested too deep or has numbers too large to be written again.

    >>> with_fields_changed('[{"a":{"b":1}},{"a":2}]', lambda path, value: DROPPED if path == "a.b" else KEPT)
    '[{"a":{}},{"a":2}]'
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text
    changes: list[str] = []

    def asked(path: str, found: object) -> object:
        said = change(path, found)
        if said is not KEPT:
            changes.append(path)
        return said

    changed = _walked(value, "", asked)
    return msgspec.json.encode(changed).decode() if changes else text


def _walked(value: Any, path: str, change: Change) -> Any:
    if isinstance(value, list):
        return [_walked(each, path, change) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, found in value.items():
        inner = f"{path}.{key}" if path else key
        said = change(inner, found)
        if said is not DROPPED:
            kept[key] = _walked(found, inner, change) if said is KEPT else said
    return kept
