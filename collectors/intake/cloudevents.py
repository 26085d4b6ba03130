"""CloudEvents over HTTP, versions 0.3 and 1.0: binary, structured and batched mode. Pure.

The media type decides the mode, as the specification says; the data is kept as bytes, whatever it claims to be.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

BODY_BYTES_MAX = 64 * 1024 * 1024
"""Of one request: what the largest exchange may be, as everywhere."""

EVENTS_MAX = 10_000
"""Events of one batch; a sender that has more sends another."""

ATTRIBUTE_CHARS_MAX = 16 * 1024
"""Of one attribute: `ce-metadata` holds the headers of a request."""

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_VERSIONS = ("1.0", "0.3")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)")
_ONE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MANY = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class NotCloudEvents(ValueError):
    """A request that carries no CloudEvents; `where`, what was `found`, what was `expected`."""

    def __init__(self, where: str, found: str, expected: str) -> None:
        super().__init__(f"{where}: found {found}, expected {expected}")
        self.where, self.found, self.expected = where, found, expected


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event. Names of attributes are lower case; `extensions` has every attribute that is not a field of its own."""

    id: str
    source: str
    type: str
    time_ns: int | None = None
    content_type: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict)
    data: bytes = b""
    encoding: str = ""
    """Content-Encoding of the data in binary mode."""


def read_events(headers: Mapping[str, str], body: bytes) -> list[CloudEvent]:
    """The events of a request; header names are lower case. Raises NotCloudEvents."""
    if len(body) > BODY_BYTES_MAX:
        raise NotCloudEvents("body", f"{len(body)} bytes", f"at most {BODY_BYTES_MAX}")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type.startswith("application/cloudevents-batch"):
        _require_json(media_type)
        events = _decoded(_MANY, body, "a JSON list of CloudEvents")
        if len(events) > EVENTS_MAX:
            raise NotCloudEvents("body", f"{len(events)} events", f"at most {EVENTS_MAX}")
        return [_structured(event, f"body[{i}]") for i, event in enumerate(events)]
    if media_type.startswith("application/cloudevents"):
        _require_json(media_type)
        return [_structured(_decoded(_ONE, body, "a JSON object"), "body")]
    attributes = {
        name[3:]: _unquoted(value, name) for name, value in headers.items() if name.startswith("ce-") and len(name) > 3
    }
    if not attributes:
        raise NotCloudEvents(
            "headers",
            f"no ce- header and the content type {media_type[:80]!r}",
            "a CloudEvent in binary or structured mode",
        )
    return [
        _event(
            attributes,
            "headers.ce-",
            data=body,
            content_type=headers.get("content-type", ""),
            encoding=headers.get("content-encoding", ""),
        )
    ]


def time_ns_of(text: str) -> int | None:
    """Unix nanoseconds of an RFC 3339 time, or None where it is none.

    >>> time_ns_of("1970-01-01T00:00:01.000000002+00:00")
    1000000002
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    zone = "+00:00" if found[4] in "Zz" else found[4]
    try:
        whole = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
        seconds = whole - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (seconds.days * 86_400 + seconds.seconds) * 10**9 + int((found[3] or "").ljust(9, "0"))


def _require_json(media_type: str) -> None:
    if not media_type.endswith("+json"):
        raise NotCloudEvents(
            "headers.content-type", repr(media_type[:80]), "application/cloudevents+json or cloudevents-batch+json"
        )


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes, expected: str) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotCloudEvents("body", str(error)[:200], expected) from error


def _structured(members: Mapping[str, msgspec.Raw], where: str) -> CloudEvent:
    """An event in the JSON format: `data` is any JSON value or, with a text, what a text says; `data_base64` is bytes."""
    attributes = {
        name.lower(): _attribute(bytes(raw), f"{where}.{name[:40]}")
        for name, raw in members.items()
        if name not in ("data", "data_base64") and bytes(raw) != b"null"
    }
    content_type = attributes.pop("datacontenttype", "")
    return _event(
        attributes, f"{where}.", data=_data(members, attributes, content_type, where), content_type=content_type
    )


def _attribute(raw: bytes, where: str) -> str:
    if len(raw) > ATTRIBUTE_CHARS_MAX:
        raise NotCloudEvents(where, f"{len(raw)} bytes", f"at most {ATTRIBUTE_CHARS_MAX}")
    value = _decoded(_ANY, raw, "a JSON value")
    return value if isinstance(value, str) else raw.decode("utf-8", "replace")


def _data(members: Mapping[str, msgspec.Raw], attributes: Mapping[str, str], content_type: str, where: str) -> bytes:
    in_base64 = members.get("data_base64")
    raw = bytes(members.get("data", b""))
    if in_base64 is None and attributes.get("datacontentencoding", "").lower() == "base64":
        in_base64 = msgspec.Raw(raw)  # version 0.3
    if in_base64 is not None:
        try:
            return a2b_base64(_decoded(_ANY, bytes(in_base64), "text"), strict_mode=True)
        except (Base64Error, ValueError, TypeError) as error:
            raise NotCloudEvents(f"{where}.data_base64", str(error)[:80], "bytes in base64") from error
    is_json = not content_type or "json" in content_type.lower()
    if raw[:1] == b'"' and (not is_json or _looks_like_json_text(raw)):
        return str(_decoded(_ANY, raw, "text")).encode("utf-8", "surrogatepass")
    return b"" if raw == b"null" else raw


def _looks_like_json_text(raw: bytes) -> bool:
    """Senders write JSON data as a text of JSON."""
    return raw[1:2] in (b"{", b"[")


def _event(
    attributes: Mapping[str, str], where: str, *, data: bytes, content_type: str, encoding: str = ""
) -> CloudEvent:
    version = attributes.get("specversion", "")
    if version not in _VERSIONS:
        raise NotCloudEvents(f"{where}specversion", repr(version[:20]), " or ".join(_VERSIONS))
    for name in ("id", "source", "type"):
        if not attributes.get(name):
            raise NotCloudEvents(f"{where}{name}", "nothing", "a text")
    return CloudEvent(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        time_ns=time_ns_of(attributes.get("time", "")),
        content_type=content_type,
        extensions={k: v for k, v in attributes.items() if k not in ("id", "source", "type", "time", "specversion")},
        data=data,
        encoding=encoding,
    )


def _unquoted(value: str, name: str) -> str:
    """A header's value: in quotes or not, percent-encoded UTF-8 decoded once."""
    if len(value) > ATTRIBUTE_CHARS_MAX:
        raise NotCloudEvents(f"headers.{name[:40]}", f"{len(value)} characters", f"at most {ATTRIBUTE_CHARS_MAX}")
    text = value.strip()
    if text.isascii() and "%" not in text and '"' not in text:
        return text
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    raw = _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), text.encode("latin-1", "replace"))
    return raw.decode("utf-8", "replace")
