"""Server-sent events (the WHATWG standard's event stream), read in any pieces.

Lines end in CR, LF or CRLF; several `data` lines of one event are joined by a line feed; comments, `id` and `retry` are
passed over. Lines are cut as bytes and decoded whole, so a character may be split anywhere. As in browsers, an event
whose empty line never came is none.
"""

import re
from dataclasses import dataclass

EVENT_BYTES_MAX = 16 * 1024 * 1024
"""One event; the largest known ends a response with all of its text, or carries an image."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `end` is how many bytes of the stream there were when it was complete."""

    kind: str
    data: str
    end: int


class EventStream:
    """Reads one stream; `oversized` counts the events that were too large to be kept."""

    __slots__ = ("_at", "_bytes", "_data", "_kind", "_line", "_pending_cr", "_started", "_too_large", "oversized")

    def __init__(self) -> None:
        self._at = 0
        self._line = bytearray()
        self._pending_cr = False
        self._started = False
        self._data: list[bytes] = []
        self._bytes = 0
        self._kind = b""
        self._too_large = False
        self.oversized = 0

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; returns the events that became complete with them."""
        events: list[Event] = []
        at = 0
        if self._pending_cr and data:
            self._pending_cr = False
            at = 1 if data[:1] == b"\n" else 0
        base = self._at
        self._at += len(data)
        while at < len(data):
            found = _LINE_END.search(data, at)
            if found is None:
                self._keep(data[at:])
                break
            self._keep(data[at : found.start()])
            at = found.end()
            self._pending_cr = found[0] == b"\r" and at == len(data)
            event = self._line_read(base + at)
            if event is not None:
                events.append(event)
        return events

    def _keep(self, piece: bytes) -> None:
        if self._bytes + len(self._line) + len(piece) > EVENT_BYTES_MAX:
            self._too_large = True
            self._line.clear()
            self._data.clear()
            self._bytes = 0
        if not self._too_large:
            self._line += piece
        elif piece:
            self._line[:] = b":"  # not empty, so that only a truly empty line ends the event

    def _line_read(self, end: int) -> Event | None:
        line = bytes(self._line)
        self._line.clear()
        if not self._started:
            self._started = True
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatched(end)
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data" and not self._too_large:
            self._data.append(value)
            self._bytes += len(value) + 1
        elif field == b"event":
            self._kind = value
        return None

    def _dispatched(self, end: int) -> Event | None:
        data, kind, too_large = self._data, self._kind, self._too_large
        self._data, self._kind, self._too_large, self._bytes = [], b"", False, 0
        if too_large:
            self.oversized += 1
            return None
        if not data:
            return None
        return Event(kind.decode("utf-8", "replace"), b"\n".join(data).decode("utf-8", "replace"), end)
