"""The id index beside a segment of predictions: which prediction ids it holds, and when each happened.

    offset  size  content
    0       4     magic `ORIX`
    4       4     version, little-endian (1)
    8       8     n, little-endian
    16      8n    hashes of the prediction ids, ascending: BLAKE2b of 8 bytes, little-endian
    16+8n   8n    event times in nanoseconds, little-endian, in the order of the hashes

A reader maps the file and searches it by halves, so that a late label costs a few pages and no Parquet. Among a
billion indexed ids one unknown id in 2 * 10^10 meets the hash of another: its label is then looked for in a window
where it has no prediction, and stays unjoined.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAGIC = b"ORIX"
VERSION = 1
_HEADER = struct.Struct("<4sIQ")


def hash_ids(ids: Iterable[str]) -> npt.NDArray[np.uint64]:
    digests = b"".join(hashlib.blake2b(i.encode("utf-8", "replace"), digest_size=8).digest() for i in ids)
    return np.frombuffer(digests, "<u8")


def encode(ids: Iterable[str], time_ns: npt.NDArray[np.int64]) -> bytes:
    hashes = hash_ids(ids)
    order = np.lexsort((time_ns, hashes))
    return (
        _HEADER.pack(MAGIC, VERSION, len(hashes))
        + hashes[order].astype("<u8").tobytes()
        + time_ns[order].astype("<i8").tobytes()
    )


def find(path: Path, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The latest event time of each hash, -1 where the index lacks it. Raises ValueError where it is no such index."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        n = _rows(data, path)
        # Copies are not kept: the map is closed when this returns.
        known = np.frombuffer(data, "<u8", n, _HEADER.size)
        times = np.frombuffer(data, "<i8", n, _HEADER.size + 8 * n)
        # The last of equal hashes is the latest, because encode orders by (hash, time).
        at = np.searchsorted(known, hashes, side="right") - 1
        found = (at >= 0) & (known[at] == hashes) if n else np.zeros(len(hashes), np.bool_)
        answer = np.where(found, times[at], np.int64(-1)) if n else np.full(len(hashes), -1, np.int64)
        del known, times
        return answer


def _rows(data: mmap.mmap, path: Path) -> int:
    if len(data) < _HEADER.size:
        raise ValueError(f"{path.name}: {len(data)} bytes, expected an id index")
    magic, version, n = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or len(data) != _HEADER.size + 16 * n:
        raise ValueError(f"{path.name}: not an id index of version {VERSION}")
    return int(n)
