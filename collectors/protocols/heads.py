"""Heads of HTTP/1.1 messages, read by llhttp (httptools): what follows them and the headers worth knowing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import httptools

HEAD_BYTES_MAX = 64 * 1024
"""Servers refuse heads longer than 8 to 64 KiB."""

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


@dataclass(frozen=True, slots=True)
class RequestHead:
    method: str
    target: str
    headers: dict[str, str]
    upgrades: bool


@dataclass(frozen=True, slots=True)
class ResponseHead:
    status: int
    headers: dict[str, str]


def request_head(data: bytes) -> RequestHead:
    """Read one head, up to and with its empty line. Raises MalformedHead."""
    fields = _Fields()
    parser = httptools.HttpRequestParser(fields)
    upgrades = _parse(parser, data)
    return RequestHead(parser.get_method().decode("ascii"), fields.target, fields.headers, upgrades)


def response_head(data: bytes) -> ResponseHead:
    """Read one head, up to and with its empty line. Raises MalformedHead."""
    if data[:5] != b"HTTP/":
        raise MalformedHead("expected HTTP/")
    fields = _Fields()
    parser = httptools.HttpResponseParser(fields)
    _parse(parser, data)
    return ResponseHead(parser.get_status_code(), fields.headers)


Head = TypeVar("Head")

_REPEATED_BYTES_MAX = 2048
"""Longest head that is compared with the next; those of programs are some hundred bytes."""


class RepeatedHeads(Generic[Head]):
    """Reads the heads of one direction. A client that keeps its connection says the same again and again."""

    __slots__ = ("_last", "_read", "_said")

    def __init__(self, parse: Callable[[bytes], Head]) -> None:
        self._read = parse
        self._said = b""
        self._last: Head | None = None

    def read(self, data: bytes) -> Head:
        """One head, up to and with its empty line. Raises MalformedHead."""
        if self._last is not None and data == self._said:
            return self._last
        head = self._read(data)
        if len(data) <= _REPEATED_BYTES_MAX:
            self._said, self._last = data, head
        return head


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
