"""Heads of HTTP/1.1 messages, read by llhttp (httptools): what follows them and the headers worth knowing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import httptools

HEAD_BYTES_MAX = 64 * 1024
"""Servers refuse heads longer than 8 to 64 KiB."""

_LENGTH_DIGITS_MAX = 15
"""Of a length that the head alone tells; longer ones are left to the framing of bodies."""

KEPT_HEADERS = {
    name.encode(): name
    for name in (
        "content-length",
        "transfer-encoding",
        "upgrade",
        "content-type",
        "content-encoding",
        "content-type",
        "inference-header-content-length",
        "x-request-id",
        "traceparent",
        "ce-id",
        "seldon",
        "seldon-puid",
        "x-amzn-sagemaker-inference-id",
        "x-amzn-sagemaker-target-model",
        "x-amzn-sagemaker-target-variant",
        "x-amzn-invoked-production-variant",
        "grpc-encoding",
        "grpc-status",
        "grpc-message",
        "grpc-trace-bin",
    )
}
"""All that is taken in; credentials and cookies are not among them, so that nothing after this file can store them."""


class MalformedHead(ValueError):
    """Bytes that are not the head of an HTTP/1.x message."""


UNTOLD = -1
"""The length of a body that takes more than a plain Content-Length to know."""

EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class RequestHead:
    method: str
    target: str
    headers: dict[str, str]
    upgrades: bool
    length: int = UNTOLD
    """Of the body, where the head alone tells it and what follows is HTTP; else UNTOLD."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    status: int
    headers: dict[str, str]
    length: int = UNTOLD
    """Of the body, where the head alone tells it, whatever was asked but with HEAD and CONNECT; else UNTOLD."""


def request_head(data: bytes) -> RequestHead:
    """Read one head, up to and with its empty line. Raises MalformedHead."""
    fields = _Fields()
    parser = httptools.HttpRequestParser(fields)
    upgrades = _parse(parser, data)
    method = parser.get_method().decode("ascii")
    plain = not upgrades and method not in ("HEAD", "CONNECT")
    length = _plain_length(fields.headers, 0) if plain else UNTOLD
    return RequestHead(method, fields.target, fields.headers, upgrades, length)


def response_head(data: bytes) -> ResponseHead:
    """Read one head, up to and with its empty line. Raises MalformedHead."""
    if data[:5] != b"HTTP/":
        raise MalformedHead("expected HTTP/")
    fields = _Fields()
    parser = httptools.HttpResponseParser(fields)
    _parse(parser, data)
    status = parser.get_status_code()
    plain = status >= 200 and status not in (204, 304)
    plain = plain and not fields.headers.get("content-type", "").lower().startswith(EVENT_STREAM)
    return ResponseHead(status, fields.headers, _plain_length(fields.headers, UNTOLD) if plain else UNTOLD)


def _plain_length(headers: Mapping[str, str], without: int) -> int:
    """What Content-Length says where nothing else has a say; `without` it as given."""
    if "transfer-encoding" in headers:
        return UNTOLD
    text = headers.get("content-length")
    if text is None:
        return without
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LENGTH_DIGITS_MAX else UNTOLD


Head = TypeVar("Head")

REPEATED_BYTES_MAX = 2048
"""Longest head that is remembered; those of programs are some hundred bytes."""

REMEMBERED_MAX = 512
"""Heads remembered of each kind, at most a megabyte: those of one client differ in Content-Length, so there are as many
as there are lengths."""


class RepeatedHeads(Generic[Head]):
    """Reads the heads of one direction of all connections. Programs say the same again and again."""

    __slots__ = ("_known", "_parse", "known")

    def __init__(self, parse: Callable[[bytes], Head]) -> None:
        self._parse = parse
        self._known: dict[bytes, Head] = {}
        self.known = self._known.get
        """What exactly these bytes were read as, or None where they were not, or it is forgotten."""

    def read(self, data: bytes) -> Head:
        """One head, up to and with its empty line. Raises MalformedHead."""
        known = self._known.get(data)
        if known is not None:
            return known
        head = self._parse(data)
        if len(data) <= REPEATED_BYTES_MAX:
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[data] = head
        return head


class Heads:
    """What reads the heads of both directions; one for all connections."""

    __slots__ = ("requests", "responses")

    def __init__(self) -> None:
        self.requests = RepeatedHeads(request_head)
        self.responses = RepeatedHeads(response_head)


def _parse(parser: httptools.HttpRequestParser | httptools.HttpResponseParser, data: bytes) -> bool:
    """Feed one head; True where it asks for another protocol."""
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        return True
    except httptools.HttpParserError as error:
        raise MalformedHead(str(error)) from error
    return False


class _Fields:
    """What llhttp calls back."""

    __slots__ = ("headers", "target")

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.target = ""

    def on_url(self, url: bytes) -> None:
        self.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        key = KEPT_HEADERS.get(name.lower())
        if key is not None:
            text = value.decode("latin-1").strip(" \t")
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text
