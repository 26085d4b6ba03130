"""The file `mark`, and one like it for each queue: two slots, written in turn, so that a crash while writing one leaves
the other.

It is written in place: a full disk, on which nothing new can be created, still lets a spool note what is acknowledged
and so become empty.
"""

import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Self

from collectors.spool.disk import opened_for_reading, write_all, write_whole_file
from collectors.spool.errors import SpoolUnusable
from collectors.spool.framing import SIDECAR_BYTES, SLOT_BYTES, Mark, UnknownVersion, decode_mark

FILE_NAME = "mark"
RESERVED_AHEAD = 1024
"""Sequence numbers reserved by one write of the mark: one synchronous write for that many batches."""

SLOT_OFFSETS = (0, 4096)
"""Apart by a page: no write to one slot can touch the other."""


def read_mark(directory: Path, name: str = FILE_NAME) -> Mark | None:
    """The newer of the two slots, or None where neither is whole. Raises SpoolUnusable for a newer release's mark.

    Where one slot is damaged it may have been the newer one: then what that had reserved is stepped over too.
    """
    path = directory / name
    try:
        with opened_for_reading(path) as read_at:
            slots = [(offset, read_at(offset, SLOT_BYTES)) for offset in SLOT_OFFSETS]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SpoolUnusable(path, f"cannot be read ({error.strerror})") from error
    marks: list[Mark] = []
    is_one_damaged, newer = False, None
    for offset, slot in slots:
        try:
            mark = decode_mark(slot)
        except UnknownVersion as error:
            mark, newer = None, SpoolUnusable(path, f"byte {offset + 3}: {error}")
        if mark is not None:
            marks.append(mark)
        elif any(slot):
            is_one_damaged = True
    if newer is not None and not marks:
        raise newer
    newest = max(marks, key=lambda mark: mark.generation, default=None)
    if newest is not None and is_one_damaged:
        return replace(newest, reserved=newest.reserved + 2 * RESERVED_AHEAD)
    return newest


def new_sidecar() -> str:
    return secrets.token_hex(SIDECAR_BYTES)


class MarkFile:
    """The mark of an open spool; `value` is what is on the disk."""

    def __init__(self, descriptor: int, value: Mark) -> None:
        self._descriptor = descriptor
        self.value = value

    @classmethod
    def create(cls, directory: Path, *, sidecar: str, reserved: int, acknowledged: int, name: str = FILE_NAME) -> Self:
        """Write a whole new file. Raises OSError."""
        value = Mark(sidecar, 0, reserved, acknowledged)
        slot = value.encode()
        write_whole_file(directory / name, (slot, bytes(SLOT_OFFSETS[1] - len(slot)), bytes(SLOT_BYTES)))
        return cls.open(directory, value, name)

    @classmethod
    def open(cls, directory: Path, value: Mark, name: str = FILE_NAME) -> Self:
        """Go on with the file in which `read_mark` found `value`. Raises OSError."""
        return cls(os.open(directory / name, os.O_WRONLY | os.O_CLOEXEC), value)

    def write(self, *, reserved: int, acknowledged: int) -> None:
        """Put the next value on the disk; after an OSError the old one still stands."""
        value = replace(self.value, generation=self.value.generation + 1, reserved=reserved, acknowledged=acknowledged)
        os.lseek(self._descriptor, SLOT_OFFSETS[value.generation % len(SLOT_OFFSETS)], os.SEEK_SET)
        write_all(self._descriptor, value.encode())
        os.fdatasync(self._descriptor)
        self.value = value

    def close(self) -> None:
        os.close(self._descriptor)
