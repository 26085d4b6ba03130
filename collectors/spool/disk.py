"""The few things the spool asks of a file system: reads that survive bad sectors, writes that are whole or absent."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collectors.spool.errors import SpoolBusy
from collectors.spool.walk import ReadAt

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
"""Records may hold what clients sent: only the sidecar's user reads them."""

LOCK_NAME = "lock"

SECTOR_BYTES = 4096
"""What is given up around a sector that cannot be read."""


@contextmanager
def opened_for_reading(path: Path) -> Iterator[ReadAt]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield reader_of(descriptor)
    finally:
        os.close(descriptor)


def reader_of(descriptor: int) -> ReadAt:
    """Reads through `descriptor`; what the disk cannot give is read as zeros, and so fails its checksum."""

    def read_at(offset: int, length: int) -> bytes:
        try:
            return _read(descriptor, offset, length)
        except OSError:
            return _read_by_sector(descriptor, offset, length)

    return read_at


def _read(descriptor: int, offset: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.pread(descriptor, length, offset)):
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return b"".join(parts)


def _read_by_sector(descriptor: int, offset: int, length: int) -> bytes:
    parts = []
    for start in range(offset, offset + length, SECTOR_BYTES):
        wanted = min(SECTOR_BYTES, offset + length - start)
        try:
            parts.append(_read(descriptor, start, wanted))
        except OSError:
            parts.append(bytes(wanted))
    return b"".join(parts)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte or raise OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_whole_file(path: Path, parts: Iterator[bytes] | tuple[bytes, ...]) -> None:
    """Make `path` hold these bytes and be on the disk, or leave it as it was and raise OSError."""
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            for part in parts:
                write_all(descriptor, part)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


TEMPORARY_SUFFIX = ".new"
"""Ends the name of a file that is being written; one found at open was never finished."""


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_bytes(path: Path) -> int:
    """What an unprivileged process may still write on the file system of `path`."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def acquire_lock(directory: Path) -> int:
    """The descriptor that holds the directory; the kernel lets go when its process dies. Raises SpoolBusy, OSError."""
    descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise SpoolBusy(directory) from error
    return descriptor
