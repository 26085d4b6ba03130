"""Records to payloads: one batch where it fits a frame, otherwise halves of it until each does. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zstandard

from collectors.records.encoding import BATCH_BYTES_MAX, encode_batch
from collectors.records.types import Batch, Record
from collectors.spool.errors import SpoolFull
from collectors.spool.framing import FRAME_PAYLOAD_BYTES_MAX, SIDECAR_BYTES

BATCH_BYTES_TARGET = 8 * 1024 * 1024
"""Inflated size above which a batch of several records is split: one request of it passes the default limits of common
proxies and costs a reader little memory. A single record may be larger, up to BATCH_BYTES_MAX."""

_ZSTD_HEADER_BYTES_MAX = 18
"""Of a zstandard frame (RFC 8878, section 3.1.1): the inflated size stands in it."""


@dataclass(frozen=True)
class Packed:
    """One encoded batch."""

    sequence: int
    records: int
    payload: bytes


def fits(record: Record) -> bool:
    """Whether a batch with this record alone can be a frame, whosever it is and whatever its number."""
    try:
        pack([record], sidecar="f" * 2 * SIDECAR_BYTES, sequence=2**64 - 1, previous=2**64 - 1)
    except SpoolFull:
        return False
    return True


def pack(
    records: Sequence[Record], *, sidecar: str, sequence: int, previous: int, pause: Callable[[], None] | None = None
) -> list[Packed]:
    """Batches of these records, in their order, numbered from `sequence`; each names the one before it.

    Raises SpoolFull for a record too large.
    """
    packed: list[Packed] = []
    waiting = [tuple(records)]
    while waiting:
        part = waiting.pop()
        number = sequence + len(packed)
        before = packed[-1].sequence if packed else previous
        batch = Batch(sidecar=sidecar, sequence=number, previous=before, records=part)
        payload = encode_batch(batch, pause=pause)
        inflated = zstandard.frame_content_size(payload[4 : 4 + _ZSTD_HEADER_BYTES_MAX])
        if len(part) > 1 and inflated > BATCH_BYTES_TARGET:
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]
        elif inflated > BATCH_BYTES_MAX or len(payload) > FRAME_PAYLOAD_BYTES_MAX:
            raise SpoolFull("record_too_large", f"{inflated} bytes in one record, at most {BATCH_BYTES_MAX}")
        else:
            packed.append(Packed(number, len(part), payload))
    return packed
