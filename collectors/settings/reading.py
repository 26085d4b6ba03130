"""How plain values become settings: each reader takes one value and answers it checked, or raises `Unexpected`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MIB = 1024 * 1024
UNKNOWN_KEY = "an unknown key"


class Unexpected(Exception):
    """A value that does not fit; `faults` are given as (path below the value, found, expected)."""

    def __init__(self, *faults: tuple[str, object, str]) -> None:
        self.faults = faults


def meant(key: object, known: list[str]) -> str:
    """The name that looks like a mistyped one, or else all."""
    close = get_close_matches(str(key), known, n=1)
    return f"{close[0]}, perhaps" if close else f"one of {', '.join(known)}"


def about(doc: str, read: Callable[[object], Any]) -> dict[str, Any]:
    """A setting's documentation and the function that reads its value or raises `Unexpected`."""
    return {"doc": doc, "read": read}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(value: object) -> Endpoint:
    expected = "HOST:PORT"
    if not isinstance(value, str):
        raise Unexpected(("", value, expected))
    host, separator, port = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise Unexpected(("", value, "[ADDRESS]:PORT for an IPv6 address"))
    if not (separator and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Unexpected(("", value, expected))
    return Endpoint(host, int(port))


def mappings(
    items: list[object], readers: Mapping[str, Callable[[object], Any]], *, required: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Read each mapping of a list, key by key; all faults of all of them at once."""
    faults: list[tuple[str, object, str]] = []
    read: list[dict[str, Any]] = []
    for position, item in enumerate(items):
        if not isinstance(item, Mapping):
            faults.append((f"[{position}]", item, f"a mapping with {', '.join(required)}"))
            continue
        read.append({})
        for key in (*required, *(each for each in item if each not in required)):
            if key not in readers:
                faults.append((f"[{position}].{key}", UNKNOWN_KEY, meant(key, list(readers))))
                continue
            try:
                read[-1][key] = readers[key](item.get(key))
            except Unexpected as unexpected:
                faults += [(f"[{position}].{key}{path}", found, text) for path, found, text in unexpected.faults]
    if faults:
        raise Unexpected(*faults)
    return read


def url(value: object) -> str:
    if not isinstance(value, str) or urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
        raise Unexpected(("", value, "http://HOST:PORT or https://HOST:PORT"))
    return value.rstrip("/")


def directory(value: object) -> Path:
    if not isinstance(value, str) or not value:
        raise Unexpected(("", value, "a directory"))
    return Path(value).expanduser()


def whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Unexpected(("", value, f"a whole number from {low} to {high}"))
        return value

    return read


def pages(low: int, high: int) -> Callable[[object], int]:
    """Whole numbers, rounded up to whole pages of memory."""
    read = whole(low, high)
    return lambda value: (read(value) + 4095) & -4096


def number(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Unexpected(("", value, f"a number from {low} to {high}"))
        return float(value)

    return read


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unexpected(("", value, "true or false"))
    return value


def one_of(*known: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in known:
            raise Unexpected(("", value, f"one of {', '.join(known)}"))
        return str(value)

    return read


def names(*known: str) -> Callable[[object], tuple[str, ...]]:
    """A list of names, of the known ones where there are any."""
    expected = f"a list of {', '.join(known) or 'names'}"

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Unexpected(("", value, expected))
        wrong = [(f"[{i}]", each, expected) for i, each in enumerate(value) if known and each not in known]
        if wrong:
            raise Unexpected(*wrong)
        return tuple(map(str, value))

    return read


def text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Unexpected(("", value, "a text"))
    return value


def places(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        raise Unexpected(("", value, "names with a path each"))
    return tuple((str(name), path) for name, path in value.items())


def refuse(value: object, expected: str) -> Any:
    raise Unexpected(("", value, expected))
