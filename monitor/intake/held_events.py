"""How many exchanges of CloudEvents are held in memory, in a small mapped file: what a killed process wrote is there for the next.

    0  8  magic, "ORHELD" and the version, 1 in two bytes (docs/formats/events-held.md)
    8  8  how many exchanges are held
   16  8  since when any is held, ns
   24  8  when that was last said, ns

Little-endian. The kernel keeps the page when the process is killed; only a machine that loses power may forget the last words.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from monitor.ports import HeldEvents

MAGIC = b"ORHELD\x00\x01"
_LAYOUT = struct.Struct("<8sQQQ")
_NUMBERS = struct.Struct("<QQQ")


class HeldEventsFile:
    """The note of one monitor; what the one before left is read once, when it is opened."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            file.truncate(_LAYOUT.size)
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)
        magic, count, start_ns, end_ns = _LAYOUT.unpack_from(self._map)
        is_known = magic == MAGIC and count > 0 and 0 < start_ns <= end_ns < 2**63
        self.left = HeldEvents(count, start_ns, end_ns) if is_known else None
        self._count: int = count if is_known else 0
        self._start_ns: int = start_ns if is_known else 0
        if magic != MAGIC:
            _LAYOUT.pack_into(self._map, 0, MAGIC, 0, 0, 0)

    def note(self, count: int, now_ns: int) -> None:
        if count and not self._count:
            self._start_ns = now_ns
        if count or self._count:
            self._count = count
            _NUMBERS.pack_into(self._map, len(MAGIC), count, self._start_ns, now_ns)

    def close(self) -> None:
        self._map.close()
