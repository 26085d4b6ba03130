"""Reads a declaration's plain values and collects every fault, each with its path, so that a user mends a file once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from monitor.definitions.sections import MODEL_NAME, UNIT_NS
from monitor.errors import Fault, InvalidInput

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


class Reader:
    """One document's reading: what a value should be, and the faults found so far."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, where: str, found: object, expected: str) -> None:
        self.faults.append(Fault(where, shown(found), expected))

    def unknown(self, where: str, key: object, keys: Sequence[str]) -> None:
        """A key that nobody reads: what it may have meant, or else all."""
        self.faults.append(Fault(where, "an unknown key", meant(key, keys)))

    def mapping(self, value: object, where: str, keys: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.fault(where, value, "a mapping")
            return {}
        for key in value:
            if key not in keys:
                self.unknown(f"{where}.{key}", key, keys)
        return value

    def sequence(self, value: object, where: str, most: int) -> Sequence[Any]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.fault(where, value, "a list")
            return ()
        if len(value) > most:
            self.fault(where, f"{len(value)} items", f"at most {most}")
            return ()
        return value

    def name(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not MODEL_NAME.fullmatch(value):
            self.fault(
                where, value, "a name of letters, digits, '.', '_', '-', at most 128, beginning with a letter or digit"
            )
            return ""
        return value

    def text(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not value:
            self.fault(where, value, "a text")
            return ""
        return value

    def whole(self, value: object, where: str, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fault(where, value, f"a whole number from {least} to {most}")
            return least
        return value

    def number(self, value: object, where: str, least: float, most: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.fault(where, value, f"a number from {least:g} to {most:g}")
            return least
        return float(value)

    def one_of(self, value: object, where: str, allowed: Sequence[str]) -> str:
        if value not in allowed:
            self.fault(where, value, meant(value, allowed))
            return allowed[0]
        return cast("str", value)

    def names(self, value: object, where: str, most: int) -> tuple[str, ...]:
        names = tuple(self.text(item, f"{where}[{i}]") for i, item in enumerate(self.sequence(value, where, most)))
        for name in {n for n in names if names.count(n) > 1}:
            self.fault(where, f"{name!r} twice", "each name once")
        return names

    def duration(self, value: object, where: str) -> int:
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if not match or (ns := int(float(match[1]) * UNIT_NS[match[2]])) <= 0:
            if where.endswith("lateness") and value in (0, "0", "0s"):
                return 0
            self.fault(where, value, "a duration such as 30s, 5m, 1h or 1d")
            return UNIT_NS["m"]
        return ns

    def zone(self, value: object, where: str) -> str:
        try:
            return ZoneInfo(str(value)).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fault(where, value, "an IANA time zone such as Europe/Paris")
            return "UTC"


def document_of(body: bytes, where: str) -> object:
    """A YAML (so also JSON) document. Raises InvalidInput with its line and column."""
    try:
        return yaml.safe_load(body)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}, line {mark.line + 1}, column {mark.column + 1}" if mark else where
        problem = getattr(error, "problem", None) or type(error).__name__
        raise InvalidInput(Fault(place, str(problem), "a YAML document")) from error


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of `30s`, `5m`, `1h`, `1d`. Raises InvalidInput."""
    reader = Reader()
    ns = reader.duration(text, "duration")
    if reader.faults:
        raise InvalidInput(reader.faults)
    return ns


def meant(key: object, known: Sequence[str]) -> str:
    """The name that looks like a mistyped one, or else all."""
    close = get_close_matches(str(key), known, n=1)
    return f"{close[0]}, perhaps" if close else "one of " + ", ".join(known)


def shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
