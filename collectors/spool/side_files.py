"""Folders beside the journals for what cannot go the normal way: `quarantine/` for damaged bytes, `refused/` for batches
that the monitor will never take. Bounded; what no longer fits is an empty file, or only a number in the counts.
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collectors.spool.disk import DIRECTORY_MODE, write_whole_file

QUARANTINE = "quarantine"
REFUSED = "refused"
REFUSED_SUFFIX = ".refused"

SIDE_BYTES_MAX = 128 * 1024 * 1024
"""Of each folder: room for the largest frame, for a person to look at, beside the quota of the journals."""

SIDE_FILES_MAX = 10_000
"""Of each folder: no loop, whatever its cause, fills a directory."""

Kept = Literal["kept", "known", "no_room"]


def keep_aside(folder: Path, name: str, parts: tuple[bytes, ...]) -> Kept:
    """Keep the bytes as a file of this name, unless it is there already. Raises OSError."""
    path = folder / name
    if path.exists():
        return "known"
    folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    sizes = [entry.stat().st_size for entry in folder.iterdir()]
    if len(sizes) >= SIDE_FILES_MAX:
        return "no_room"
    fits = sum(sizes) + sum(map(len, parts)) <= SIDE_BYTES_MAX
    write_whole_file(path, parts if fits else ())
    return "kept" if fits else "no_room"


def quarantine_name(journal: str, offset: int, data: bytes) -> str:
    """The same damage has the same name however often it is met, so it is kept and counted once."""
    return f"{journal}+{offset}.{zlib.crc32(data):08x}.damaged"


def refused_name(batch: str, sink: str) -> str:
    sidecar, _, sequence = batch.rpartition("/")
    return f"{sidecar}-{sequence:0>20}.{sink}{REFUSED_SUFFIX}"


def refused_parts(
    batch: str, payload: bytes, *, sink: str, status: str, detail: str, time_ns: int
) -> tuple[bytes, bytes]:
    """One line of JSON that says why, then the batch as it was sent."""
    why = {"batch": batch, "sink": sink, "status": status, "detail": detail, "time_ns": time_ns}
    return json.dumps(why).encode("ascii") + b"\n", payload


@dataclass(frozen=True, slots=True)
class Refused:
    """A batch that a sink refused. Without a payload only that it was is known: there was no room, or it is damaged."""

    path: Path
    batch: str = ""
    sink: str = ""
    status: str = ""
    detail: str = ""
    payload: bytes = b""


def refused_paths(directory: Path) -> list[Path]:
    """The refused batches of a spool, in the order of their numbers. Raises OSError."""
    folder = directory / REFUSED
    return sorted(folder.glob("*" + REFUSED_SUFFIX)) if folder.is_dir() else []


def read_refused(path: Path) -> Refused:
    """Raises OSError."""
    line, _, payload = path.read_bytes().partition(b"\n")
    try:
        why = json.loads(line)
        batch, sink, status, detail = (str(why.get(name, "")) for name in ("batch", "sink", "status", "detail"))
    except (ValueError, AttributeError, RecursionError):
        return Refused(path)
    if not batch.rpartition("/")[2].isdecimal():
        return Refused(path)
    return Refused(path, batch, sink, status, detail, payload)
