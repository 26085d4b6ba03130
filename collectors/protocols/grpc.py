"""gRPC over HTTP/2: messages out of the bytes of a stream, what a status means, metadata.

A message is a byte that says whether it is compressed, four bytes of length, and so many bytes; where DATA frames begin
and end means nothing. The HTTP status is 200 whatever happened: the truth is in the trailers, which are the only
headers where there was nothing to answer.
"""

import binascii
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collectors.protocols.exchange import Damage
from collectors.protocols.memory import BODY_BYTES_MAX, Budget, Kept

PREFIX_BYTES = 5

INFLATED_BYTES_MAX = 64 * 1024 * 1024
"""As for bodies of HTTP: Triton's own limit for what a request may become."""

MESSAGES_MAX = 65_536
"""Messages in one body: the answers to one request of a decoupled model."""

HTTP_STATUS = {
    0: 200,
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}
"""The HTTP status that means the same as gRPC's (google/rpc/code.proto)."""

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_ANY_HEADER = 32 + zlib.MAX_WBITS
_TRACE_BYTES = 29


class MalformedMessage(ValueError):
    """Bytes that are not the messages of gRPC, or not in the coding they say; `too_large` where they inflate to too much."""

    def __init__(self, detail: str, *, encoding: bool = False, too_large: bool = False) -> None:
        super().__init__(detail)
        self.encoding = encoding
        self.too_large = too_large


@dataclass(frozen=True, slots=True)
class Message:
    """One message as sent, with its prefix; empty where it is damaged."""

    framed: bytes
    start_ns: int
    damage: Damage | None


class MessageReader:
    """Messages out of the bytes of one direction of a stream, in any pieces."""

    __slots__ = ("_kept", "_left", "_prefix", "_start_ns")

    def __init__(self, budget: Budget) -> None:
        self._prefix = b""
        self._left = 0
        self._kept = Kept(budget, BODY_BYTES_MAX)
        self._start_ns = 0

    @property
    def is_midway(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._prefix)

    @property
    def start_ns(self) -> int:
        """When the message that has begun did."""
        return self._start_ns

    def feed(self, data: bytes, time_ns: int) -> Iterator[Message]:
        """Take the next bytes; yields the messages that ended with them."""
        at = 0
        while at < len(data):
            if len(self._prefix) < PREFIX_BYTES:
                if not self._prefix:
                    self._start_ns = time_ns
                end = at + PREFIX_BYTES - len(self._prefix)
                self._prefix += data[at:end]
                at = end
                if len(self._prefix) < PREFIX_BYTES:
                    return
                self._left = int.from_bytes(self._prefix[1:], "big")
                self._kept.append(self._prefix)
            end = min(at + self._left, len(data))
            self._kept.append(memoryview(data)[at:end])
            self._left -= end - at
            at = end
            if not self._left:
                yield self._ended()

    def skip(self, count: int) -> bool:
        """Step over bytes that were not copied; False where the end of the message is lost with them."""
        if len(self._prefix) < PREFIX_BYTES or count >= self._left:
            return False
        self._left -= count
        self._kept.refuse("not_copied")
        return True

    def forget(self) -> None:
        """Hold nothing more."""
        self._kept.take()

    def _ended(self) -> Message:
        message = Message(bytes(self._kept.take()), self._start_ns, self._kept.refused)
        self._kept.refused, self._kept.wanted = None, True
        self._prefix = b""
        return message


def payloads(body: bytes | bytearray, encoding: str) -> list[bytes]:
    """The messages of a whole body, inflated. Raises MalformedMessage."""
    if body[:1] == b"\0" and int.from_bytes(body[1:PREFIX_BYTES], "big") == len(body) - PREFIX_BYTES:
        return [bytes(body[PREFIX_BYTES:])]  # one message, as it is: nearly all
    found: list[bytes] = []
    at, room = 0, INFLATED_BYTES_MAX
    while at < len(body):
        if len(found) >= MESSAGES_MAX:
            raise MalformedMessage(f"more than {MESSAGES_MAX} messages", too_large=True)
        start = at + PREFIX_BYTES
        end = start + int.from_bytes(body[at + 1 : start], "big")
        if start > len(body) or end > len(body):
            raise MalformedMessage("the last message ends early")
        if body[at] == 0:
            found.append(bytes(body[start:end]))
        elif body[at] == 1:
            found.append(_inflated(bytes(body[start:end]), encoding, room))
        else:
            raise MalformedMessage(f"a message of kind {body[at]}")
        room -= len(found[-1])
        at = end
    return found


def _inflated(payload: bytes, encoding: str, bytes_max: int) -> bytes:
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        raise MalformedMessage("a compressed message without grpc-encoding", encoding=True)
    if coding not in ("gzip", "deflate"):
        raise MalformedMessage(f"found coding {coding[:40]!r}, expected gzip or deflate", encoding=True)
    stream = zlib.decompressobj(_ANY_HEADER)
    try:
        plain = stream.decompress(payload, max(0, bytes_max) + 1)
    except zlib.error as error:
        raise MalformedMessage(f"the {coding} stream is damaged", encoding=True) from error
    if len(plain) > bytes_max:
        raise MalformedMessage(f"inflates to more than {INFLATED_BYTES_MAX} bytes", too_large=True)
    if not stream.eof:
        raise MalformedMessage("the compressed stream ends early", encoding=True)
    return plain


def is_grpc(headers: Mapping[str, str]) -> bool:
    """Whether a request is one of gRPC; gRPC-Web puts other things into its messages.

    >>> is_grpc({"content-type": "application/grpc+proto"}), is_grpc({"content-type": "application/grpc-web"})
    (True, False)
    """
    found = headers.get("content-type", "").lower()
    return found == "application/grpc" or found.startswith(("application/grpc+", "application/grpc;"))


def http_status(headers: Mapping[str, str], trailers: Mapping[str, str]) -> int:
    """The HTTP status that means the same as the one a call ended with, or as none where there is none.

    >>> http_status({}, {"grpc-status": "5"}), http_status({"grpc-status": "0"}, {}), http_status({}, {})
    (404, 200, 500)
    """
    found = trailers.get("grpc-status", headers.get("grpc-status", ""))
    return HTTP_STATUS.get(int(found), 500) if found.isascii() and found.isdigit() and len(found) < 4 else 500


def status_message(headers: Mapping[str, str], trailers: Mapping[str, str]) -> str | None:
    """The server's words, percent-decoded.

    >>> status_message({}, {"grpc-message": "no model %E2%82%AC"})
    'no model €'
    """
    found = trailers.get("grpc-message", headers.get("grpc-message", ""))
    raw = _PERCENT.sub(lambda each: bytes([int(each[1], 16)]), found.encode("latin-1", "replace"))
    return raw.decode("utf-8", "replace") or None


def binary_metadata(text: str) -> bytes | None:
    """The bytes of a `-bin` header: base64, padded or not; None where it is not.

    >>> binary_metadata("AAE="), binary_metadata("AAE"), binary_metadata("A!")
    (b'\\x00\\x01', b'\\x00\\x01', None)
    """
    try:
        return binascii.a2b_base64(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        return None


def with_trace(headers: dict[str, str]) -> dict[str, str]:
    """The headers with a `traceparent` where only gRPC's binary form of it came (`grpc-trace-bin`)."""
    found = headers.get("grpc-trace-bin")
    if found is None or "traceparent" in headers:
        return headers
    trace = binary_metadata(found) or b""
    if len(trace) != _TRACE_BYTES or (trace[0], trace[1], trace[18], trace[27]) != (0, 0, 1, 2):
        return headers
    return headers | {"traceparent": f"00-{trace[2:18].hex()}-{trace[19:27].hex()}-{trace[28]:02x}"}
