"""The setting `sinks`: where records are shipped, each independently of the others."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from collectors.settings.reading import UNKNOWN_KEY, Unexpected, meant, url

SinkKind = Literal["monitor", "kafka", "files"]

SINKS_MAX = 8
"""Each has a thread and a place in the spool."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
BUCKETS = ("s3", "gs", "az")
DEFAULT_TOPIC = "outrider-records"


@dataclass(frozen=True, slots=True)
class SinkSetting:
    """One sink. `target` is the URL of a monitor, the bootstrap servers of Kafka, or a directory or bucket for files."""

    name: str
    kind: SinkKind
    target: str
    topic: str = ""
    options: tuple[tuple[str, str], ...] = ()


def read_sinks(value: object) -> tuple[SinkSetting, ...]:
    """A list of {monitor: URL}, {kafka: {bootstrap, topic, options}} or {files: PATH | {to, options}}, each with an
    optional `name`."""
    if not isinstance(value, list) or not 0 < len(value) <= SINKS_MAX:
        raise Unexpected(("", value, f"a list of 1 to {SINKS_MAX} sinks"))
    faults: list[tuple[str, object, str]] = []
    sinks: list[SinkSetting] = []
    for position, item in enumerate(value):
        try:
            sinks.append(_sink(item))
        except Unexpected as unexpected:
            faults += [(f"[{position}]{path}", found, expected) for path, found, expected in unexpected.faults]
    if not faults:
        names = [sink.name for sink in sinks]
        faults = [
            (f"[{position}].name", name, "a `name` of its own for each of several sinks of a kind")
            for position, name in enumerate(names)
            if name in names[:position]
        ]
    if faults:
        raise Unexpected(*faults)
    return tuple(sinks)


def _sink(item: object) -> SinkSetting:
    expected = f"one of {', '.join(_READERS)}, with a `name` or without"
    if not isinstance(item, Mapping):
        raise Unexpected(("", item, f"a mapping with {expected}"))
    kinds = [key for key in item if key in _READERS]
    unknown = [str(key) for key in item if key not in _READERS and key != "name"]
    if len(kinds) != 1 or unknown:
        raise Unexpected((f".{unknown[0]}" if unknown else "", sorted(map(str, item)), expected))
    kind = kinds[0]
    name = item.get("name", kind)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Unexpected((".name", name, "up to 32 lower-case letters, digits and hyphens"))
    try:
        return _READERS[kind](name, item[kind])
    except Unexpected as unexpected:
        raise Unexpected(*((f".{kind}{path}", found, text) for path, found, text in unexpected.faults)) from None


def _monitor(name: str, value: object) -> SinkSetting:
    return SinkSetting(name, "monitor", url(value))


def _kafka(name: str, value: object) -> SinkSetting:
    given = _known(value, "bootstrap", "topic", "options")
    topic = given.get("topic", DEFAULT_TOPIC)
    if not isinstance(topic, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", topic):
        raise Unexpected((".topic", topic, "the name of a topic"))
    if not isinstance(given.get("bootstrap"), str):
        raise Unexpected((".bootstrap", given.get("bootstrap"), "HOST:PORT, or several with commas"))
    return SinkSetting(name, "kafka", given["bootstrap"], topic, _options(given.get("options")))


def _files(name: str, value: object) -> SinkSetting:
    if isinstance(value, str):
        value = {"to": value}
    given = _known(value, "to", "options")
    target = given.get("to")
    expected = f"a directory, or a URL with {', '.join(f'{scheme}://' for scheme in BUCKETS)}"
    if not isinstance(target, str) or not target:
        raise Unexpected((".to", target, expected))
    scheme = urlsplit(target).scheme
    if "://" in target and scheme not in BUCKETS:
        raise Unexpected((".to", target, expected))
    if "://" not in target:
        target = str(Path(target).expanduser().absolute())
    return SinkSetting(name, "files", target, "", _options(given.get("options")))


def _known(value: object, *keys: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unexpected(("", value, f"a mapping with {', '.join(keys)}"))
    if unknown := [key for key in value if key not in keys]:
        raise Unexpected((f".{unknown[0]}", UNKNOWN_KEY, meant(unknown[0], list(keys))))
    return value


def _options(value: object) -> tuple[tuple[str, str], ...]:
    """Names and values as the library behind the sink knows them; numbers and flags as YAML has them."""
    if value is None:
        return ()
    if not isinstance(value, Mapping) or not all(isinstance(each, str | int | float) for each in value.values()):
        raise Unexpected((".options", value, "names with a value each"))
    return tuple((str(name), _plain(each)) for name, each in value.items())


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_READERS: dict[str, Callable[[str, object], SinkSetting]] = {"monitor": _monitor, "kafka": _kafka, "files": _files}
"""Every kind of sink."""
