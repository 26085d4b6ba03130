"""The sidecar's settings: read once, from flags or a YAML file, checked all at once, frozen.

Each setting documents itself in its declaration; `docs/sidecar.md` has all of them, and a test holds that.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml

from collectors.errors import InvalidSettings, SettingsFault

MIB = 1024 * 1024


class _Unexpected(Exception):
    """A value that does not fit; `faults` are given as (path below the value, found, expected)."""

    def __init__(self, *faults: tuple[str, object, str]) -> None:
        self.faults = faults


def _about(doc: str, read: Callable[[object], Any]) -> dict[str, Any]:
    """A setting's documentation and the function that reads its value or raises `_Unexpected`."""
    return {"doc": doc, "read": read}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _endpoint(value: object) -> Endpoint:
    expected = "HOST:PORT"
    if not isinstance(value, str):
        raise _Unexpected(("", value, expected))
    host, separator, port = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise _Unexpected(("", value, "[ADDRESS]:PORT for an IPv6 address"))
    if not (separator and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise _Unexpected(("", value, expected))
    return Endpoint(host, int(port))


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the sidecar listens, and the server that it forwards to from there."""

    listen: Endpoint
    upstream: Endpoint


def _listeners(value: object) -> tuple[Listener, ...]:
    if not isinstance(value, list) or not value:
        raise _Unexpected(("", value, "a list of {listen: HOST:PORT, upstream: HOST:PORT}"))
    readers = {"listen": _endpoint, "upstream": _endpoint}
    return tuple(Listener(**each) for each in _mappings(value, readers, required=tuple(readers)))


def _mappings(
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
                faults.append((f"[{position}].{key}", "an unknown key", f"one of {', '.join(readers)}"))
                continue
            try:
                read[-1][key] = readers[key](item.get(key))
            except _Unexpected as unexpected:
                faults += [(f"[{position}].{key}{path}", found, text) for path, found, text in unexpected.faults]
    if faults:
        raise _Unexpected(*faults)
    return read


def _url(value: object) -> str:
    if not isinstance(value, str) or urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
        raise _Unexpected(("", value, "http://HOST:PORT or https://HOST:PORT"))
    return value.rstrip("/")


def _directory(value: object) -> Path:
    if not isinstance(value, str) or not value:
        raise _Unexpected(("", value, "a directory"))
    return Path(value).expanduser()


def _whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _Unexpected(("", value, f"a whole number from {low} to {high}"))
        return value

    return read


def _pages(low: int, high: int) -> Callable[[object], int]:
    """Whole numbers, rounded up to whole pages of memory."""
    whole = _whole(low, high)
    return lambda value: (whole(value) + 4095) & -4096


def _number(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _Unexpected(("", value, f"a number from {low} to {high}"))
        return float(value)

    return read


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Unexpected(("", value, "true or false"))
    return value


def _one_of(*known: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in known:
            raise _Unexpected(("", value, f"one of {', '.join(known)}"))
        return str(value)

    return read


def _names(*known: str) -> Callable[[object], tuple[str, ...]]:
    """A list of names, of the known ones where there are any."""
    expected = f"a list of {', '.join(known) or 'names'}"

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise _Unexpected(("", value, expected))
        wrong = [(f"[{i}]", each, expected) for i, each in enumerate(value) if known and each not in known]
        if wrong:
            raise _Unexpected(*wrong)
        return tuple(map(str, value))

    return read


@dataclass(frozen=True, slots=True)
class RedactionRule:
    """What becomes of the tensors and columns whose name matches."""

    name: str
    action: str
    step: float = 0.0
    edges: tuple[float, ...] = ()


_RULE_READERS: dict[str, Callable[[object], Any]] = {
    "name": lambda value: str(value) if value else _refuse(value, "a name or pattern"),
    "action": _one_of("drop", "mask", "hash", "round", "bin"),
    "step": _number(0, 1e300),
    "edges": lambda value: (
        tuple(map(_number(-1e300, 1e300), value)) if isinstance(value, list) else _refuse(value, "a list of numbers")
    ),
}


def _refuse(value: object, expected: str) -> Any:
    raise _Unexpected(("", value, expected))


def _rules(value: object) -> tuple[RedactionRule, ...]:
    if not isinstance(value, list):
        raise _Unexpected(("", value, "a list of {name, action}"))
    return tuple(RedactionRule(**each) for each in _mappings(value, _RULE_READERS, required=("name", "action")))


@dataclass(frozen=True, slots=True)
class JsonRouteSetting:
    """An HTTP API that speaks JSON: which request lines it is for, and where names and values are."""

    path: str
    model: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    method: str = "POST"
    model_at: str | None = None
    version: str | None = None
    id: str | None = None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _Unexpected(("", value, "a text"))
    return value


def _places(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        raise _Unexpected(("", value, "names with a path each"))
    return tuple((str(name), path) for name, path in value.items())


_ROUTE_READERS: dict[str, Callable[[object], Any]] = {
    "path": _text,
    "model": _text,
    "inputs": _places,
    "outputs": _places,
    "method": _one_of("POST", "PUT", "GET"),
    "model_at": _text,
    "version": _text,
    "id": _text,
}


def _routes(value: object) -> tuple[JsonRouteSetting, ...]:
    if not isinstance(value, list):
        raise _Unexpected(("", value, "a list of {path, model, inputs, outputs}"))
    required = ("path", "model", "inputs", "outputs")
    return tuple(JsonRouteSetting(**each) for each in _mappings(value, _ROUTE_READERS, required=required))


def default_spool(listeners: tuple[Listener, ...]) -> Path:
    """One directory a sidecar: those of one machine differ in the port they listen on."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "outrider" / f"spool-{listeners[0].listen.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarSettings:
    """Everything that can be set about a sidecar."""

    listeners: tuple[Listener, ...] = field(
        metadata=_about(
            "Pairs of `listen: HOST:PORT` (where clients connect) and `upstream: HOST:PORT` (the inference server behind).",
            _listeners,
        )
    )
    monitor: str | None = field(
        metadata=_about("URL of the monitor that records are shipped to. Without it they stay in the spool.", _url),
        default=None,
    )
    spool: Path | None = field(
        metadata=_about(
            "Directory of the spool, where records wait for the monitor. By default one per listening port under "
            "`$XDG_STATE_HOME/outrider` (or `~/.local/state/outrider`).",
            _directory,
        ),
        default=None,
    )
    metrics: Endpoint | None = field(
        metadata=_about(
            "Where `/metrics`, `/health/live` and `/health/ready` are served. Without it they are not.", _endpoint
        ),
        default=None,
    )
    ring_bytes: int = field(
        metadata=_about(
            "Size of the memory between forwarder and capture worker. When it is full, bytes are forwarded and not copied.",
            _pages(4 * MIB, 4096 * MIB),
        ),
        default=64 * MIB,
    )
    connection_copy_bytes: int = field(
        metadata=_about(
            "How much one connection may have waiting in that memory; beyond it (at most twice this) its bytes are "
            "forwarded and not copied, so that one large transfer does not crowd out the rest.",
            _whole(MIB, 4096 * MIB),
        ),
        default=16 * MIB,
    )
    spool_quota_bytes: int = field(
        metadata=_about(
            "Most bytes of the spool on disk; records beyond it are dropped and counted.", _whole(MIB, 1 << 50)
        ),
        default=1024 * MIB,
    )
    spool_free_space_floor_bytes: int = field(
        metadata=_about("The spool leaves at least this much of its disk free for others.", _whole(0, 1 << 50)),
        default=256 * MIB,
    )
    ids: tuple[str, ...] = field(
        metadata=_about(
            "Where a prediction's id is looked for, first match wins: any of `body` (the protocol's own id), "
            "`x-request-id`, `traceparent`, `ce-id`. Without a match one is generated.",
            _names("body", "x-request-id", "traceparent", "ce-id"),
        ),
        default=("body", "x-request-id", "traceparent", "ce-id"),
    )
    default_model: str = field(
        metadata=_about(
            "What a model is called whose protocol does not tell its name: `/invocations`, Seldon v1 without an ingress.",
            _text,
        ),
        default="default",
    )
    payload_text: bool = field(
        metadata=_about(
            "Whether prompts and answers of language models are taken in, or only their lengths, tokens and timings. "
            "Texts that are taken in pass redaction as all others do.",
            _flag,
        ),
        default=False,
    )
    json_routes: tuple[JsonRouteSetting, ...] = field(
        metadata=_about(
            "HTTP APIs that speak JSON of their own: a list of {path, model, inputs, outputs}, with `path` a pattern of "
            "request paths and `inputs` and `outputs` names with the place of their values (`order.items[*].price`); "
            "optional are `method`, and the places `model_at`, `version` and `id`.",
            _routes,
        ),
        default=(),
    )
    sampling_rate: float = field(
        metadata=_about("The share of exchanges that is kept, from 0 to 1; written on every record.", _number(0, 1)),
        default=1.0,
    )
    sampling_by: Literal["exchange", "id"] = field(
        metadata=_about(
            "What decides which: `exchange` (chance) or `id` (the prediction's id, so the same ids are kept everywhere).",
            _one_of("exchange", "id"),
        ),
        default="exchange",
    )
    sampling_keep_errors: bool = field(
        metadata=_about("Exchanges that the server did not serve are always kept.", _flag), default=True
    )
    sampling_slow_seconds: float | None = field(
        metadata=_about("Exchanges that take at least this long are always kept.", _number(0, 86400)), default=None
    )
    redaction_rules: tuple[RedactionRule, ...] = field(
        metadata=_about(
            "What is changed before anything is stored: a list of {name, action}, where `name` is a tensor, a column "
            "(`x_3`) or a pattern of them (`card*`) and `action` is `drop`, `mask`, `hash`, `round` (with `step`) or "
            "`bin` (with `edges`).",
            _rules,
        ),
        default=(),
    )
    redaction_patterns: tuple[str, ...] | None = field(
        metadata=_about(
            "Which kinds of personal data are looked for in texts, ids and error messages; by default all that are "
            "known.",
            _names(),
        ),
        default=None,
    )
    redaction_text_chars_max: int | None = field(
        metadata=_about(
            "Texts longer than this are payload rather than categories: only their length is stored. 0 keeps all texts.",
            _whole(0, 1 << 30),
        ),
        default=64,
    )
    redaction_key_file: Path | None = field(
        metadata=_about("A file with the secret key (at least 16 bytes) of the action `hash`.", _directory),
        default=None,
    )


def read_settings(given: Mapping[str, object], *, source: str = "") -> SidecarSettings:
    """Settings from plain values, such as those of a YAML file. Raises InvalidSettings with every fault found."""
    known: dict[str, Field[Any]] = {each.name: each for each in fields(SidecarSettings)}
    prefix = f"{source}: " if source else ""
    faults = [
        SettingsFault(f"{prefix}{key}", "an unknown setting", f"one of {', '.join(known)}")
        for key in given
        if key not in known
    ]
    values = {}
    for name, declared in known.items():
        if given.get(name) is None:
            if declared.default is MISSING:
                faults.append(SettingsFault(f"{prefix}{name}", "nothing", str(declared.metadata["doc"])))
            continue
        try:
            values[name] = declared.metadata["read"](given[name])
        except _Unexpected as unexpected:
            faults += [
                SettingsFault(f"{prefix}{name}{path}", "nothing" if found is None else repr(found), expected)
                for path, found, expected in unexpected.faults
            ]
    if faults:
        raise InvalidSettings(faults)
    return SidecarSettings(**values)


def read_file(path: Path) -> Mapping[str, object]:
    """The plain values of a YAML file. Raises InvalidSettings."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidSettings([SettingsFault(str(path), error.strerror or "unreadable", "a YAML file")]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f"{path}:{place.line + 1}:{place.column + 1}" if place else str(path)
        raise InvalidSettings([SettingsFault(where, getattr(error, "problem", None) or str(error), "YAML")]) from error
    if not isinstance(values, Mapping):
        raise InvalidSettings([SettingsFault(str(path), type(values).__name__, "a mapping of settings")])
    return {str(key): value for key, value in values.items()}
