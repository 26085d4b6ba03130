"""One unary call over a connection of its own, spoken in HTTP/2 without TLS; and the bytes that passed.

The plain install has no gRPC, and needs none: a call is one header block and one message each way. Messages that answer
are small (health, metadata, one prediction), so the window that every peer grants at the start is enough.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

import hpack

from collectors.protocols.grpc import PREFIX_BYTES, status_message
from collectors.protocols.http2_frames import PREFACE, Kind
from outrider.doctor.asking import NoAnswer, split

FRAME_BYTES_MAX = 16_384
"""Of the frames that we send: what every peer takes."""
ANSWER_BYTES_MAX = 4 * 1024**2
OK, UNKNOWN, UNIMPLEMENTED = 0, 2, 12
_HEADER_BYTES = 9
_END_STREAM, _ACK, _PADDED, _PRIORITY, _END_HEADERS = 0x1, 0x1, 0x8, 0x20, 0x4
_STREAM = 1
_WINDOW = (2**31 - 1 - 65_535).to_bytes(4, "big")


@dataclass(slots=True)
class Called:
    """How a call ended: gRPC's status, the server's words, the message; and all bytes of the connection."""

    status: int = UNKNOWN
    words: str = ""
    message: bytes = b""
    sent: bytes = b""
    received: bytearray = field(default_factory=bytearray)


def call(address: str, path: str, message: bytes = b"", *, timeout_s: float = 3.0) -> Called:
    """One call of a method with a message. Raises NoAnswer where nobody speaks HTTP/2 there."""
    called = Called(sent=_request(address, path, message))
    deadline = time.monotonic() + timeout_s
    reader = _Reader(called)
    try:
        with socket.create_connection(split(address), timeout=timeout_s) as connection:
            connection.sendall(called.sent)
            while not reader.ended and len(called.received) <= ANSWER_BYTES_MAX:
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                piece = connection.recv(65_536)
                if not piece:
                    break
                answer = reader.feed(piece)
                if answer:
                    called.sent += answer
                    connection.sendall(answer)
    except (OSError, hpack.HPACKError, ValueError) as error:
        raise NoAnswer(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
    if not reader.ended:
        raise NoAnswer("the answer is not HTTP/2")
    return called


def _frame(kind: Kind, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _request(address: str, path: str, message: bytes) -> bytes:
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", address),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]
    framed = b"\0" + len(message).to_bytes(4, "big") + message
    pieces = [framed[at : at + FRAME_BYTES_MAX] for at in range(0, len(framed), FRAME_BYTES_MAX)]
    frames = [_frame(Kind.SETTINGS, 0, 0, b""), _frame(Kind.WINDOW_UPDATE, 0, 0, _WINDOW)]
    frames.append(_frame(Kind.HEADERS, _END_HEADERS, _STREAM, hpack.Encoder().encode(headers)))
    frames += [_frame(Kind.DATA, _END_STREAM if p is pieces[-1] else 0, _STREAM, p) for p in pieces]
    return PREFACE + b"".join(frames)


class _Reader:
    """What the server says on the one stream; frames that ask for an answer get theirs."""

    def __init__(self, called: Called) -> None:
        self._called = called
        self._left = bytearray()
        self._block = bytearray()
        self._body = bytearray()
        self._headers: dict[str, str] = {}
        self._decoder = hpack.Decoder()
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; returns what to answer. Raises ValueError and hpack's errors."""
        self._called.received += data
        self._left += data
        answer = b""
        while len(self._left) >= _HEADER_BYTES:
            length, kind, flags = int.from_bytes(self._left[:3], "big"), self._left[3], self._left[4]
            stream = int.from_bytes(self._left[5:9], "big") & 0x7FFFFFFF
            if len(self._left) < _HEADER_BYTES + length:
                break
            payload = bytes(self._left[_HEADER_BYTES : _HEADER_BYTES + length])
            del self._left[: _HEADER_BYTES + length]
            answer += self._frame(kind, flags, stream, payload)
        return answer

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        if kind == Kind.SETTINGS and not flags & _ACK:
            return _frame(Kind.SETTINGS, _ACK, 0, b"")
        if kind == Kind.PING and not flags & _ACK:
            return _frame(Kind.PING, _ACK, 0, payload)
        if kind == Kind.GOAWAY:
            raise ValueError("the server ends the connection")
        if stream != _STREAM:
            return b""
        if kind in (Kind.HEADERS, Kind.DATA) and flags & _PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        if kind == Kind.DATA:
            self._body += payload
        elif kind in (Kind.HEADERS, Kind.CONTINUATION):
            self._block += payload[5:] if kind == Kind.HEADERS and flags & _PRIORITY else payload
            if flags & _END_HEADERS:
                found = self._decoder.decode(bytes(self._block))
                self._headers |= {str(name): str(value) for name, value in found}
                self._block.clear()
        elif kind == Kind.RST_STREAM:
            self._end()
        if kind in (Kind.HEADERS, Kind.DATA) and flags & _END_STREAM:
            self._end()
        return b""

    def _end(self) -> None:
        self.ended = True
        status = self._headers.get("grpc-status", "")
        self._called.status = int(status) if status.isascii() and status.isdigit() and len(status) < 4 else UNKNOWN
        self._called.words = status_message(self._headers, {}) or ""
        length = int.from_bytes(self._body[1:PREFIX_BYTES], "big")
        self._called.message = bytes(self._body[PREFIX_BYTES : PREFIX_BYTES + length])
