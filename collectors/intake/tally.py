"""How many exchanges were offered and how many are settled, in a file mapped into memory.

What is written there is in the page cache at once, so it outlives a process that is killed: its successor reads how many
were in the queue then. 32 bytes, little-endian: the magic `ORT1` and four zeroes, offered, settled, and the time of the
last offer in Unix nanoseconds.
"""

import mmap
import os
import struct
from pathlib import Path

from collectors.records.types import Gap

_LAYOUT = struct.Struct("<8sQQQ")
_MAGIC = b"ORT1\0\0\0\0"
_FILE_MODE = 0o600


class Tally:
    """The counts of one spool; the spool's lock makes this process the only one that writes."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        try:
            os.ftruncate(descriptor, _LAYOUT.size)
            self._map = mmap.mmap(descriptor, _LAYOUT.size)
        finally:
            os.close(descriptor)
        magic, offered, settled, last_ns = _LAYOUT.unpack(self._map[:])
        sound = magic == _MAGIC and offered >= settled
        self._before = (offered - settled, last_ns) if sound else (0, 0)
        self._offered = self._settled = self._last_ns = 0
        self._write()

    def offered(self, now_ns: int) -> None:
        """One more is in the queue."""
        self._offered += 1
        self._last_ns = now_ns
        self._write()

    def settled(self, count: int) -> None:
        """So many left the queue."""
        self._settled += count
        self._write()

    def left_behind(self, now_ns: int) -> Gap | None:
        """What the process before had in its queue when it was killed; None where nothing."""
        count, last_ns = self._before
        if not count:
            return None
        start_ns = min(last_ns, now_ns) or now_ns
        return Gap(start_ns=start_ns, end_ns=start_ns, reason="process_killed", exchanges_estimated=count)

    def close(self) -> None:
        self._map.close()

    def _write(self) -> None:
        self._map[:] = _LAYOUT.pack(_MAGIC, self._offered, self._settled, self._last_ns)
