"""The parts of the settings that are more than one value, with their readers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collectors.settings.reading import (
    Endpoint,
    Unexpected,
    endpoint,
    mappings,
    number,
    one_of,
    places,
    refuse,
    text,
    whole,
)
from collectors.settings.tls import ListenerTls, read_listener_tls


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the sidecar listens, and the server that it forwards to from there."""

    listen: Endpoint
    upstream: Endpoint
    tls: ListenerTls | None = None


def read_listeners(value: object) -> tuple[Listener, ...]:
    if not isinstance(value, list) or not value:
        raise Unexpected(("", value, "a list of {listen: HOST:PORT, upstream: HOST:PORT}"))
    readers: dict[str, Callable[[object], Any]] = {
        "listen": endpoint,
        "upstream": endpoint,
        "tls": lambda given: None if given is None else read_listener_tls(given),
    }
    return tuple(Listener(**each) for each in mappings(value, readers, required=("listen", "upstream")))


@dataclass(frozen=True, slots=True)
class RedactionRule:
    """What becomes of the tensors and columns whose name matches, of a header, or of one kind of personal data."""

    action: str
    name: str | None = None
    header: str | None = None
    pattern: str | None = None
    step: float = 0.0
    edges: tuple[float, ...] = ()
    unit: str = "month"
    v4: int = 24
    v6: int = 48


_RULE_ACTIONS = {
    "name": ("drop", "mask", "hash", "round", "bin", "date", "network"),
    "header": ("drop", "hash"),
    "pattern": ("mask", "hash", "network"),
}

_RULE_READERS: dict[str, Callable[[object], Any]] = {
    "name": lambda value: str(value) if value else refuse(value, "a name or pattern"),
    "header": one_of("x-request-id", "traceparent", "ce-id"),
    "pattern": text,
    "unit": one_of("year", "month", "day", "hour"),
    "v4": whole(0, 32),
    "v6": whole(0, 128),
    "action": one_of("drop", "mask", "hash", "round", "bin", "date", "network"),
    "step": number(0, 1e300),
    "edges": lambda value: (
        tuple(map(number(-1e300, 1e300), value)) if isinstance(value, list) else refuse(value, "a list of numbers")
    ),
}


def read_rules(value: object) -> tuple[RedactionRule, ...]:
    if not isinstance(value, list):
        raise Unexpected(("", value, "a list of {name, action}"))
    rules = tuple(RedactionRule(**each) for each in mappings(value, _RULE_READERS, required=("action",)))
    faults: list[tuple[str, object, str]] = []
    for position, rule in enumerate(rules):
        targets = [kind for kind in _RULE_ACTIONS if getattr(rule, kind) is not None]
        if len(targets) != 1:
            faults.append((f"[{position}]", targets, "one of name, header and pattern"))
        elif rule.action not in _RULE_ACTIONS[targets[0]]:
            expected = f"for a {targets[0]} one of {', '.join(_RULE_ACTIONS[targets[0]])}"
            faults.append((f"[{position}].action", rule.action, expected))
    if faults:
        raise Unexpected(*faults)
    return rules


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


_ROUTE_READERS: dict[str, Callable[[object], Any]] = {
    "path": text,
    "model": text,
    "inputs": places,
    "outputs": places,
    "method": one_of("POST", "PUT", "GET"),
    "model_at": text,
    "version": text,
    "id": text,
}


def read_routes(value: object) -> tuple[JsonRouteSetting, ...]:
    if not isinstance(value, list):
        raise Unexpected(("", value, "a list of {path, model, inputs, outputs}"))
    required = ("path", "model", "inputs", "outputs")
    return tuple(JsonRouteSetting(**each) for each in mappings(value, _ROUTE_READERS, required=required))
