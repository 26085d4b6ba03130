"""How much room a spool may take, and what it says where there is none."""

import errno
from dataclasses import dataclass
from pathlib import Path

from collectors.spool.disk import free_bytes
from collectors.spool.errors import SpoolFull

QUOTA_BYTES = 1024**3
"""Of all journals: hours of a monitor's absence at a few hundred records a second, on any disk a server has."""

FREE_SPACE_FLOOR_BYTES = 256 * 1024**2
"""Left to the server beside us: a full disk would hurt the model, not only its monitoring."""


@dataclass(frozen=True, slots=True)
class Room:
    """A quota of our own, and what is left to others on the same disk."""

    directory: Path
    quota_bytes: int
    free_space_floor_bytes: int

    def refusal(self, used_bytes: int, more_bytes: int) -> SpoolFull | None:
        """Why so many bytes more have no room; None where they have."""
        if used_bytes + more_bytes > self.quota_bytes:
            return SpoolFull("quota", f"{used_bytes} of {self.quota_bytes} bytes used, {more_bytes} more wanted")
        try:
            free = free_bytes(self.directory)
        except OSError as error:
            return refused_by(error)
        if free - more_bytes < self.free_space_floor_bytes:
            return SpoolFull("free_space", f"{free} bytes free, {self.free_space_floor_bytes} are left to others")
        return None


def refused_by(error: OSError) -> SpoolFull:
    """What the disk itself said."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return SpoolFull("disk_full" if is_full else "write_failed", str(error))
