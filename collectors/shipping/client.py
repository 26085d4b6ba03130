"""One pooled keep-alive connection to the monitor, with a deadline over the whole of each request.

The standard library's client has a timeout for each read only: an answer that drips one byte at a time would hold its
thread for ever. Here the deadline covers connection, request and answer together, the answer is bounded in bytes, and
another thread can end a request at once.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httptools

FailureReason = Literal["connect", "timeout", "reset", "tls", "protocol"]

ANSWER_BYTES_MAX = 1024 * 1024
"""Of one answer, headers included: the monitor's are a few hundred bytes; this is somebody else."""

DETAIL_BYTES_MAX = 2048
"""Of an answer's body that is kept: enough for problem details to say what is wrong."""

CHUNK_BYTES = 256 * 1024
"""Sent or received between two looks at the deadline."""


class RequestFailed(Exception):
    """No whole answer came; `reason` is one of a closed set, so that it can label a counter."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        self.reason: FailureReason = reason
        super().__init__(f"{reason}: {detail}")


@dataclass(frozen=True)
class Answer:
    """What the monitor said; `detail` is the start of its body."""

    status: int
    retry_after: str | None
    detail: bytes


@dataclass(frozen=True)
class Address:
    """Where the monitor is."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(url: str) -> Address:
    """Raises ValueError, which says what is wrong with the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"monitor URL {url!r}: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(
            f"monitor URL: found {url!r}, expected http://HOST:PORT or https://HOST:PORT, with or without a path"
        )
    is_tls = parts.scheme == "https"
    if not parts.hostname.isascii():
        raise ValueError(f"monitor URL: found the host {parts.hostname!r}, expected it in ASCII (xn--…)")
    path = parts.path.rstrip("/")
    if not path.isascii() or any(character <= " " or character == "\x7f" for character in path):
        raise ValueError(f"monitor URL: found the path {path!r}, expected it percent-encoded")
    return Address("https" if is_tls else "http", parts.hostname, port or (443 if is_tls else 80), path)


class MonitorClient:
    """Sends one request at a time. Only `abort` may be called from another thread."""

    def __init__(
        self,
        address: Address,
        *,
        connect_timeout_s: float,
        request_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._connect_timeout_s = connect_timeout_s
        self._request_timeout_s = request_timeout_s
        self._clock = clock
        self._socket: socket.socket | None = None
        self._is_aborted = False
        self._tls = ssl.create_default_context() if address.scheme == "https" else None
        self.connections_opened = 0

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises RequestFailed."""
        head = self._head(path, headers, len(body))
        reused = self._socket
        try:
            return self._exchange(head, body)
        except _ConnectionWasStale:
            self.close()
        if reused is None or self._is_aborted:
            raise RequestFailed("reset", "the connection was closed before an answer")
        # The server gave an idle connection up while we sent: that is no failure of the server.
        try:
            return self._exchange(head, body)
        except _ConnectionWasStale as error:
            self.close()
            raise RequestFailed("reset", "the connection was closed before an answer") from error

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def abort(self) -> None:
        """End a request that another thread is in; it raises RequestFailed there."""
        self._is_aborted = True
        current = self._socket
        if current is not None:
            with contextlib.suppress(OSError):
                current.shutdown(socket.SHUT_RDWR)

    def _head(self, path: str, headers: Mapping[str, str], length: int) -> bytes:
        lines = [
            f"POST {self._address.path}{path} HTTP/1.1",
            f"host: {self._address.host_header}",
            f"content-length: {length}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

    def _exchange(self, head: bytes, body: bytes) -> Answer:
        deadline = self._clock() + self._request_timeout_s
        try:
            connection = self._connected(deadline)
            answer = _AnswerParser()
            try:
                self._send(connection, head, deadline)
                self._send(connection, body, deadline)
            except (BrokenPipeError, ConnectionResetError):
                answer.must_close = True  # the server may have answered before it had read everything
            self._receive(connection, answer, deadline)
        except TimeoutError as error:
            self.close()
            raise RequestFailed("timeout", f"no whole answer within {self._request_timeout_s:g} s") from error
        except (_ConnectionWasStale, RequestFailed):
            self.close()
            raise
        except OSError as error:
            self.close()
            raise RequestFailed("reset", str(error)) from error
        if answer.must_close:
            self.close()
        return answer.value()

    def _connected(self, deadline: float) -> socket.socket:
        if self._socket is not None:
            return self._socket
        if self._is_aborted:
            raise RequestFailed("connect", "shipping is being stopped")
        address = self._address
        try:
            plain = socket.create_connection((address.host, address.port), self._connect_timeout_s)
        except OSError as error:
            raise RequestFailed("connect", f"{address.host_header}: {error}") from error
        self._socket = plain
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            plain.settimeout(self._left(deadline))
            try:
                self._socket = self._tls.wrap_socket(plain, server_hostname=address.host)
            except ssl.SSLError as error:
                raise RequestFailed("tls", str(error)) from error
        if self._is_aborted:  # it may not have seen the socket that was being made
            raise RequestFailed("connect", "shipping is being stopped")
        self.connections_opened += 1
        return self._socket

    def _send(self, connection: socket.socket, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            connection.settimeout(self._left(deadline))
            view = view[connection.send(view[:CHUNK_BYTES]) :]

    def _receive(self, connection: socket.socket, answer: "_AnswerParser", deadline: float) -> None:
        received = 0
        while not answer.is_complete:
            connection.settimeout(self._left(deadline))
            try:
                data = connection.recv(CHUNK_BYTES)
            except ConnectionResetError:
                data = b""
                answer.must_close = True
                if received:
                    raise
            if not data:
                if not received:
                    raise _ConnectionWasStale
                answer.end_of_stream()
                return
            received += len(data)
            if received > ANSWER_BYTES_MAX:
                raise RequestFailed("protocol", f"an answer of more than {ANSWER_BYTES_MAX} bytes")
            answer.feed(data)

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        return left


class _ConnectionWasStale(Exception):
    """The connection ended before one byte of an answer."""


class _AnswerParser:
    """Feeds the bytes of one answer to llhttp and keeps what we need of it; interim answers (1xx) are skipped."""

    def __init__(self) -> None:
        self.is_complete = False
        self.must_close = False
        self._parser = httptools.HttpResponseParser(self)
        self._headers_complete = False
        self._is_framed = False
        self._retry_after: str | None = None
        self._detail = b""

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise RequestFailed("protocol", f"the answer is not HTTP/1.1 ({error})") from error

    def end_of_stream(self) -> None:
        """An answer without a length ends with the connection; any other is incomplete."""
        self.must_close = True
        if not self._headers_complete or self._is_framed:
            raise RequestFailed("reset", "the connection was closed within an answer")
        self.is_complete = True

    def value(self) -> Answer:
        return Answer(self._parser.get_status_code(), self._retry_after, self._detail)

    # Called by the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered == b"retry-after":
            self._retry_after = value.decode("latin-1")
        elif lowered in (b"content-length", b"transfer-encoding"):
            self._is_framed = True

    def on_headers_complete(self) -> None:
        self._headers_complete = not self._is_interim()

    def on_body(self, data: bytes) -> None:
        self._detail += data[: DETAIL_BYTES_MAX - len(self._detail)]

    def on_message_complete(self) -> None:
        self.is_complete = not self._is_interim()
        # Only here does the parser still know: it forgets the headers of a message that is over.
        self.must_close = self.must_close or not self._parser.should_keep_alive()

    def _is_interim(self) -> bool:
        return bool(100 <= self._parser.get_status_code() < 200)
