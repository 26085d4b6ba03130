"""A second reader of journals, written from docs/formats/journal.md alone: what it finds, the spool must find too."""

import binascii
import struct
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """One frame: where it lies, and what is in it."""

    start: int
    end: int
    sequence: int
    records: int
    payload: bytes


def read_journal(path: Path) -> list[Entry]:
    """Every frame of an undamaged journal; an AssertionError where one byte of it is not as drawn."""
    data = path.read_bytes()
    magic, version, sidecar, first, crc = struct.unpack_from("<3sB16sQI", data, 0)
    assert (magic, version) == (b"ORJ", 1)
    assert crc == binascii.crc32(data[:28])
    assert path.name == f"{first:020d}.journal"
    seed = binascii.crc32(sidecar + struct.pack("<Q", first))
    entries, at = [], 32
    while at < len(data):
        marker, size, sequence, records, _, payload_crc, header_crc = struct.unpack_from("<4sIQIQII", data, at)
        assert marker == b"\xf5ORF"
        assert header_crc == binascii.crc32(data[at : at + 32], seed)
        payload = data[at + 36 : at + 36 + size]
        assert len(payload) == size
        assert payload_crc == binascii.crc32(payload, seed)
        entries.append(Entry(at, at + 36 + size, sequence, records, payload))
        at += 36 + size
    return entries


def journals(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.journal"))
