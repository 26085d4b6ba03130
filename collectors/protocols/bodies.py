"""Where the body of an HTTP/1.1 message ends (RFC 9112, section 6), and its bytes without the framing.

A *framing* is fed the bytes after a head and takes those that belong to its body, handing them to a `Kept`. Our own,
because a passive observer must know where in the copy a message ended, which llhttp does not tell, and must be able
to step over bytes that were not copied.
"""

from collections.abc import Mapping
from typing import Protocol

from collectors.protocols.heads import HEAD_BYTES_MAX
from collectors.protocols.memory import Kept

CHUNK_LINE_BYTES_MAX = 16 * 1024
"""A chunk's size with its extensions, or one trailer."""

_HEX = frozenset(b"0123456789abcdefABCDEF")
_SIZE_DIGITS_MAX = 16
_LENGTH_DIGITS_MAX = 20


class MalformedBody(ValueError):
    """Bytes that are not the chunked coding."""


class Framing(Protocol):
    """Knows where one body ends."""

    done: bool

    def feed(self, data: bytes, at: int, kept: Kept) -> int:
        """Take what belongs to the body, from position `at`; returns where it stopped. Raises MalformedBody."""
        ...

    def skip(self, count: int) -> bool:
        """Step over bytes that were not copied; False where the end of the body is lost with them."""
        ...


class FixedLength:
    """`Content-Length`, and bodies that cannot be (length 0)."""

    __slots__ = ("_remaining", "done")

    def __init__(self, length: int) -> None:
        self._remaining = length
        self.done = length == 0

    def feed(self, data: bytes, at: int, kept: Kept) -> int:
        end = min(at + self._remaining, len(data))
        kept.append(memoryview(data)[at:end])
        self._remaining -= end - at
        self.done = self._remaining == 0
        return end

    def skip(self, count: int) -> bool:
        if count > self._remaining:
            return False
        self._remaining -= count
        self.done = self._remaining == 0
        return True


class UntilClose:
    """A response that ends with its connection."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes, at: int, kept: Kept) -> int:
        kept.append(memoryview(data)[at:])
        return len(data)

    def skip(self, count: int) -> bool:
        return True


class Chunked:
    """`Transfer-Encoding: chunked`, with extensions and trailers, which are not kept."""

    __slots__ = ("_line", "_remaining", "_state", "_trailers", "done")

    def __init__(self) -> None:
        self.done = False
        self._state = "size"
        self._line = bytearray()
        self._remaining = 0
        self._trailers = 0

    def feed(self, data: bytes, at: int, kept: Kept) -> int:
        while at < len(data) and not self.done:
            if self._state == "data":
                end = min(at + self._remaining, len(data))
                kept.append(memoryview(data)[at:end])
                self._remaining -= end - at
                at = end
                if self._remaining == 0:
                    self._state = "data_end"
            else:
                at = self._feed_line(data, at)
        return at

    def skip(self, count: int) -> bool:
        if self._state != "data" or count > self._remaining:
            return False
        self._remaining -= count
        if self._remaining == 0:
            self._state = "data_end"
        return True

    def _feed_line(self, data: bytes, at: int) -> int:
        """Take bytes up to the end of a line, and act on the line once it is whole."""
        newline = data.find(b"\n", at, at + CHUNK_LINE_BYTES_MAX + 1)
        end = newline + 1 if newline >= 0 else min(len(data), at + CHUNK_LINE_BYTES_MAX + 1)
        self._line += memoryview(data)[at:end]
        if len(self._line) > CHUNK_LINE_BYTES_MAX:
            raise MalformedBody("a line of the chunked coding is too long")
        if newline >= 0:
            line = bytes(self._line)
            self._line.clear()
            if not line.endswith(b"\r\n"):
                raise MalformedBody("a line of the chunked coding ends without CR")
            self._line_read(line[:-2])
        return end

    def _line_read(self, line: bytes) -> None:
        if self._state == "size":
            self._remaining = _chunk_size(line)
            self._state = "data" if self._remaining else "trailers"
        elif self._state == "data_end":
            if line:
                raise MalformedBody("bytes after the data of a chunk")
            self._state = "size"
        else:
            self._trailers += len(line)
            if self._trailers > HEAD_BYTES_MAX:
                raise MalformedBody("the trailers are too long")
            self.done = not line


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip(b" \t")
    if not 0 < len(digits) <= _SIZE_DIGITS_MAX or not _HEX.issuperset(digits):
        raise MalformedBody("the size of a chunk is not a hexadecimal number")
    return int(digits, 16)


def request_framing(headers: Mapping[str, str]) -> Framing:
    """How the body of a request is framed; without a word about it there is none."""
    if "transfer-encoding" in headers:
        return Chunked()  # llhttp refuses a request whose last coding is another
    return FixedLength(_length(headers.get("content-length", "0")))


def response_framing(method: str, status: int, headers: Mapping[str, str]) -> Framing:
    """How the body of the final response to a request of this method is framed."""
    if method == "HEAD" or status in (204, 304):
        return FixedLength(0)
    if "transfer-encoding" in headers:
        last = headers["transfer-encoding"].rpartition(",")[2].strip().lower()
        return Chunked() if last == "chunked" else UntilClose()
    if "content-length" in headers:
        return FixedLength(_length(headers["content-length"]))
    return UntilClose()


def _length(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _LENGTH_DIGITS_MAX:
        raise MalformedBody("Content-Length is not a number")
    return int(text)
