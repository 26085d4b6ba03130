"""Bytes of a journal and of the mark: headers, frames, slots. Pure; drawn in docs/formats/journal.md.

A frame has two checksums. That of its header makes the length trustworthy, so one damaged payload costs one frame and
the walk goes on behind it. Both are seeded with the journal's identity: bytes that a client put into a payload so that
they look like a frame do not pass as one when a damaged region is searched for the next frame, and neither does a
frame that belongs to another journal.
"""

import struct
import zlib
from dataclasses import dataclass

JOURNAL_MAGIC = b"ORJ"
MARK_MAGIC = b"ORM"
FRAME_MAGIC = b"\xf5ORF"
VERSION = 1

SIDECAR_BYTES = 16
"""Length of a sidecar's random id: 128 bits, so that no two ever meet."""

FRAME_PAYLOAD_BYTES_MAX = 72 * 1024 * 1024
"""Largest payload of a frame: the largest batch (64 MiB inflated) where it does not compress, with room for its frame."""

_JOURNAL_HEADER = struct.Struct(f"<3sB{SIDECAR_BYTES}sQ")
_FRAME_HEADER = struct.Struct("<4sIQIQI")
_SLOT = struct.Struct(f"<3sB{SIDECAR_BYTES}sQQQ")
_CRC = struct.Struct("<I")

JOURNAL_HEADER_BYTES = _JOURNAL_HEADER.size + _CRC.size
FRAME_HEADER_BYTES = _FRAME_HEADER.size + _CRC.size
SLOT_BYTES = _SLOT.size + _CRC.size


class UnknownVersion(ValueError):
    """Bytes of ours, written by a newer release: to be left as they are."""

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"found version {version}, expected {VERSION}")


@dataclass(frozen=True)
class JournalHeader:
    """Whose batches a journal holds, and from which sequence number on."""

    sidecar: str
    first: int

    @property
    def seed(self) -> int:
        """Start value of every checksum in this journal."""
        return zlib.crc32(bytes.fromhex(self.sidecar) + self.first.to_bytes(8, "little"))

    def encode(self) -> bytes:
        return _sealed(_JOURNAL_HEADER.pack(JOURNAL_MAGIC, VERSION, bytes.fromhex(self.sidecar), self.first))


def decode_journal_header(data: bytes) -> JournalHeader | None:
    """The header, or None where the bytes are not one. Raises UnknownVersion."""
    plain = _maybe_sealed(data, _JOURNAL_HEADER.size)
    if plain is None:
        if data[:3] == JOURNAL_MAGIC and len(data) > 3 and data[3] > VERSION:
            raise UnknownVersion(data[3])
        return None
    magic, version, sidecar, first = _JOURNAL_HEADER.unpack(plain)
    return JournalHeader(sidecar.hex(), first) if (magic, version) == (JOURNAL_MAGIC, VERSION) else None


@dataclass(frozen=True)
class FrameHeader:
    """What stands before a payload. `records` tells how much is lost where the payload is damaged."""

    sequence: int
    records: int
    written_ns: int
    payload_bytes: int
    payload_crc: int

    @property
    def frame_bytes(self) -> int:
        return FRAME_HEADER_BYTES + self.payload_bytes


def encode_frame(payload: bytes, *, sequence: int, records: int, written_ns: int, seed: int) -> bytes:
    header = _FRAME_HEADER.pack(
        FRAME_MAGIC, len(payload), sequence, records, max(0, written_ns), zlib.crc32(payload, seed)
    )
    return b"".join((_sealed(header, seed), payload))


def decode_frame_header(data: bytes, seed: int) -> FrameHeader | None:
    """The header at the start of `data`, or None where it is not one of this journal."""
    plain = _maybe_sealed(data, _FRAME_HEADER.size, seed)
    if plain is None or not plain.startswith(FRAME_MAGIC):
        return None
    _, payload_bytes, sequence, records, written_ns, payload_crc = _FRAME_HEADER.unpack(plain)
    if payload_bytes > FRAME_PAYLOAD_BYTES_MAX:
        return None
    return FrameHeader(sequence, records, written_ns, payload_bytes, payload_crc)


def payload_intact(payload: bytes, header: FrameHeader, seed: int) -> bool:
    return len(payload) == header.payload_bytes and zlib.crc32(payload, seed) == header.payload_crc


@dataclass(frozen=True)
class Mark:
    """What must outlive the journals: who we are, which sequence numbers may be used, which are acknowledged.

    Every number below `reserved` may have been given to a batch that somebody has seen, even if no journal shows it.
    """

    sidecar: str
    generation: int
    reserved: int
    acknowledged: int

    def encode(self) -> bytes:
        return _sealed(
            _SLOT.pack(
                MARK_MAGIC, VERSION, bytes.fromhex(self.sidecar), self.generation, self.reserved, self.acknowledged
            )
        )


def decode_mark(data: bytes) -> Mark | None:
    """The mark in one slot, or None where the bytes are not one. Raises UnknownVersion."""
    plain = _maybe_sealed(data, _SLOT.size)
    if plain is None:
        if data[:3] == MARK_MAGIC and len(data) > 3 and data[3] > VERSION:
            raise UnknownVersion(data[3])
        return None
    magic, version, sidecar, generation, reserved, acknowledged = _SLOT.unpack(plain)
    return (
        Mark(sidecar.hex(), generation, reserved, acknowledged) if (magic, version) == (MARK_MAGIC, VERSION) else None
    )


def _sealed(plain: bytes, seed: int = 0) -> bytes:
    return plain + _CRC.pack(zlib.crc32(plain, seed))


def _maybe_sealed(data: bytes, size: int, seed: int = 0) -> bytes | None:
    plain, crc = data[:size], data[size : size + _CRC.size]
    if len(crc) < _CRC.size or _CRC.pack(zlib.crc32(plain, seed)) != crc:
        return None
    return plain
