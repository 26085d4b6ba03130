"""Frames of one direction of an HTTP/2 connection (RFC 9113, section 4), from bytes in any pieces.

Our own reader rather than a library's, because a passive observer must step over bytes that were not copied, and must
not hold a whole DATA frame (up to 16 MiB) to know what is in it: DATA is handed on as it comes, header blocks are put
together, and everything else is checked for its form and passed over. Flow control and settings are between the peers.
"""

import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum

from collectors.protocols.heads import HEAD_BYTES_MAX
from collectors.protocols.memory import Budget, Kept

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends before its first frame."""

_HEADER_BYTES = 9
_FRAME_HEADER = struct.Struct(">HBBBI")
_PADDED, _PRIORITY, _END_HEADERS, _END_STREAM, _ACK = 0x8, 0x20, 0x4, 0x1, 0x1

_NOT_PLAIN = _PADDED | _PRIORITY


class Kind(IntEnum):
    """Types of frames."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PUSH_PROMISE, _CONTINUATION = (
    int(kind)
    for kind in (Kind.DATA, Kind.HEADERS, Kind.RST_STREAM, Kind.SETTINGS, Kind.PUSH_PROMISE, Kind.CONTINUATION)
)
_OF_A_STREAM = frozenset({_DATA, _HEADERS, int(Kind.PRIORITY), _RST_STREAM, _PUSH_PROMISE, _CONTINUATION})
_OF_THE_CONNECTION = frozenset({_SETTINGS, int(Kind.PING), int(Kind.GOAWAY)})
_LENGTHS: Mapping[int, int] = {Kind.PRIORITY: 5, Kind.RST_STREAM: 4, Kind.PING: 8, Kind.WINDOW_UPDATE: 4}

Event = tuple[int, int, bytes, bool]
"""Kind, stream, what it carries, and whether the stream's direction ends with it. DATA comes in pieces, HEADERS and
PUSH_PROMISE with their whole block, RST_STREAM with nothing; no other kinds come."""


class MalformedFrames(ValueError):
    """Bytes that are not HTTP/2."""


class OverlongBlock(MalformedFrames):
    """A header block that is too long, with the number of its stream."""

    def __init__(self, stream: int) -> None:
        super().__init__("a header block is too long")
        self.stream = stream


class NoRoomForFrames(Exception):
    """There is no memory to put a header block together."""


class FrameReader:
    """One direction. `preface` where it begins with a client's."""

    __slots__ = (
        "_begun",
        "_block",
        "_block_ends",
        "_block_kind",
        "_block_stream",
        "_ends",
        "_left",
        "_need",
        "_padding",
        "_pending",
        "_preface",
        "_stream",
    )

    def __init__(self, budget: Budget, *, preface: bool = False) -> None:
        self._preface = PREFACE if preface else b""
        self._begun = False
        self._pending = Kept(budget, _HEADER_BYTES + HEAD_BYTES_MAX)
        """The beginning of a frame that cannot be acted on yet, which takes `_need` bytes."""
        self._need = 0
        self._left = 0
        """Bytes of the current DATA frame that are still to come, before `_padding` or ignored ones."""
        self._padding = 0
        self._stream = 0
        self._ends = False
        self._block = Kept(budget, HEAD_BYTES_MAX)
        self._block_kind = self._block_stream = 0
        """The stream whose header block goes on in CONTINUATION frames, 0 where none does."""
        self._block_ends = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes. Raises MalformedFrames and NoRoomForFrames."""
        at = 0
        if self._preface:
            data = self._after_preface(data)
        if self._pending.bytes:
            self._hold(data)
            if len(self._pending.bytes) < self._need:
                return
            data = bytes(self._pending.take())
        size = len(data)
        while at < size:
            if self._left:
                end = min(at + self._left, size)
                self._left -= end - at
                yield _DATA, self._stream, data[at:end], self._ends and not self._left
                at = end
            elif self._padding:
                passed = min(self._padding, size - at)
                self._padding -= passed
                at += passed
            else:
                plain = self._plain_frame(data, at, size)
                if plain is not None:
                    yield plain
                    at += _HEADER_BYTES + len(plain[2])
                    continue
                before = at
                at, event = self._frame(data, at, size)
                if event is not None:
                    yield event
                if at == before:
                    self._hold(data[at:])
                    return

    def skip(self, count: int) -> Event | None:
        """Step over bytes that were not copied; None where the frames are lost with them.

        The event says whose DATA is missing; its stream is 0 where nothing is.
        """
        if self._preface or self._pending.bytes or self._block_stream or count > self._left + self._padding:
            return None
        missing = min(count, self._left)
        self._left -= missing
        self._padding -= count - missing
        return _DATA, self._stream if missing else 0, b"", bool(missing) and self._ends and not self._left

    def forget(self) -> None:
        """Hold nothing more."""
        self._pending.take()
        self._block.take()

    def _after_preface(self, data: bytes) -> bytes:
        count = min(len(self._preface), len(data))
        if data[:count] != self._preface[:count]:
            raise MalformedFrames("another preface")
        self._preface = self._preface[count:]
        return data[count:]

    def _hold(self, data: bytes) -> None:
        self._pending.append(data)
        if self._pending.refused:
            raise NoRoomForFrames

    def _plain_frame(self, data: bytes, at: int, size: int) -> Event | None:
        """A whole frame of DATA or HEADERS without padding, priority or continuation, which most are; None otherwise."""
        begin = at + _HEADER_BYTES
        if begin > size or not self._begun or self._block_stream:
            return None
        upper, lower, kind, flags, stream = _FRAME_HEADER.unpack_from(data, at)
        if flags & _NOT_PLAIN or kind > _HEADERS or (kind == _HEADERS and not flags & _END_HEADERS):
            return None
        length = upper << 8 | lower
        stream &= 0x7FFFFFFF
        if begin + length > size or not stream or (kind == _HEADERS and length > HEAD_BYTES_MAX):
            return None
        return kind, stream, data[begin : begin + length], bool(flags & _END_STREAM)

    def _frame(self, data: bytes, at: int, size: int) -> tuple[int, Event | None]:
        """Act on the frame at this position; returns the position unchanged where more of it is needed."""
        if size - at < _HEADER_BYTES:
            self._need = _HEADER_BYTES
            return at, None
        length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
        kind, flags = data[at + 3], data[at + 4]
        stream = int.from_bytes(data[at + 5 : at + 9], "big") & 0x7FFFFFFF
        self._check(kind, flags, length, stream)
        at += _HEADER_BYTES
        if kind == _DATA:
            return self._data(data, at, size, length, flags, stream)
        if kind in (_HEADERS, _CONTINUATION, _PUSH_PROMISE):
            if length > HEAD_BYTES_MAX:
                raise OverlongBlock(stream)
            if size - at < length:
                self._need = _HEADER_BYTES + length
                return at - _HEADER_BYTES, None
            return at + length, self._headers(kind, flags, stream, data[at : at + length])
        self._padding = length
        return at, (_RST_STREAM, stream, b"", True) if kind == _RST_STREAM else None

    def _check(self, kind: int, flags: int, length: int, stream: int) -> None:
        """Raises MalformedFrames where a frame of this kind cannot be so, or not here."""
        if not self._begun:
            if kind != _SETTINGS or flags & _ACK:
                raise MalformedFrames("the first frame is not SETTINGS")
            self._begun = True
        if (kind == _CONTINUATION) != bool(self._block_stream) or (self._block_stream and stream != self._block_stream):
            raise MalformedFrames("a header block is not continued, or what is continued is none")
        if (kind in _OF_A_STREAM and not stream) or (kind in _OF_THE_CONNECTION and stream):
            raise MalformedFrames("a frame on a stream where it cannot be")
        wrong = length != _LENGTHS.get(kind, length)
        if kind == _SETTINGS:
            wrong = length % 6 != 0 or bool(flags & _ACK and length)
        elif kind == Kind.GOAWAY:
            wrong = length < 8
        if wrong:
            raise MalformedFrames("a frame of an impossible length")

    def _data(self, data: bytes, at: int, size: int, length: int, flags: int, stream: int) -> tuple[int, Event | None]:
        padding = 0
        if flags & _PADDED:
            if length < 1:
                raise MalformedFrames("padding without its length")
            if at == size:
                self._need = _HEADER_BYTES + 1
                return at - _HEADER_BYTES, None
            padding = data[at]
            at += 1
            length -= 1
            if padding > length:
                raise MalformedFrames("more padding than frame")
        self._stream, self._ends = stream, bool(flags & _END_STREAM)
        self._left, self._padding = length - padding, padding
        if self._left:
            return at, None
        return at, (_DATA, stream, b"", self._ends)

    def _headers(self, kind: int, flags: int, stream: int, payload: bytes) -> Event | None:
        """Put a block together; the event once it is whole."""
        if kind != _CONTINUATION:
            payload = _unpadded(payload, flags)
            if kind == _PUSH_PROMISE:
                promised = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
                if len(payload) < 4 or promised % 2 or not promised:
                    raise MalformedFrames("a promise of an impossible stream")
                payload = payload[4:]
            elif flags & _PRIORITY:
                if len(payload) < 5:
                    raise MalformedFrames("a frame of an impossible length")
                payload = payload[5:]
            self._block_kind, self._block_ends = kind, kind == _HEADERS and bool(flags & _END_STREAM)
            if flags & _END_HEADERS:
                return kind, stream, payload, self._block_ends
        self._block.append(payload)
        if self._block.refused == "memory_full":
            raise NoRoomForFrames
        if self._block.refused:
            raise OverlongBlock(stream)
        self._block_stream = stream
        if not flags & _END_HEADERS:
            return None
        self._block_stream = 0
        return self._block_kind, stream, bytes(self._block.take()), self._block_ends


def _unpadded(payload: bytes, flags: int) -> bytes:
    if not flags & _PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise MalformedFrames("more padding than frame")
    return payload[1 : len(payload) - payload[0]]


def are_frames(data: bytes) -> bool:
    """Whether these bytes are frames of HTTP/2 from the first to the last, as a peer writes them at once.

    >>> are_frames(bytes.fromhex("000000040100000000")), are_frames(b"POST / HTTP/1.1\\r\\n"), are_frames(bytes(9))
    (True, False, False)
    """
    at = 0
    while len(data) - at >= _HEADER_BYTES:
        length, kind = int.from_bytes(data[at : at + 3], "big"), data[at + 3]
        stream = int.from_bytes(data[at + 5 : at + 9], "big")
        if stream >> 31 or kind > _CONTINUATION or length != _LENGTHS.get(kind, length):
            return False
        if (kind in _OF_A_STREAM and not stream) or (kind in _OF_THE_CONNECTION and stream):
            return False
        at += _HEADER_BYTES + length
    return at == len(data) and at > 0


def may_begin_frames(start: bytes) -> bool:
    """Whether this is how a server begins to speak HTTP/2, or the beginning of that: settings of the connection.

    >>> may_begin_frames(bytes.fromhex("00000604")), may_begin_frames(b"220 smtp")
    (True, False)
    """
    is_settings = start[3:4] in (b"", bytes([_SETTINGS])) and start[4:5] in (b"", b"\0")
    return is_settings and start[:1] == b"\0" and not any(start[5:9])
