"""Bytes of a batch: magic `ORB`, one version byte, one zstandard frame of MessagePack. Drawn in docs/formats/batch.md.

A reader refuses a version it does not know, a frame that inflates beyond BATCH_BYTES_MAX, and any value that does not
fit the types; it ignores fields it does not know.
"""

from collections.abc import Callable

import msgspec
import zstandard

from collectors.records.types import Batch

MAGIC = b"ORB"
VERSION = 1
BATCH_BYTES_MAX = 64 * 1024 * 1024
"""Inflated size of one batch: the largest exchange that a sidecar may keep (48 MiB) with room for its frame."""

PIECE_BYTES = 128 * 1024
"""Compressed between two pauses: a block of zstandard's, a fifth of a millisecond."""

PIECE_RECORDS = 128
"""Encoded between two pauses: a tenth of a millisecond, where they are small."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Batch)


class BatchError(ValueError):
    """Bytes that are not a batch; the message says where and what was expected."""


def encode_batch(batch: Batch, *, level: int = 1, pause: Callable[[], None] | None = None) -> bytes:
    """The bytes of one batch; `pause` is called every now and then, for whoever must not keep a processor for long."""
    head, compressor = MAGIC + bytes([VERSION]), zstandard.ZstdCompressor(level=level)
    if pause is None:
        return head + compressor.compress(_ENCODER.encode(batch))
    plain = _encoded(batch, pause)
    stream = compressor.compressobj(size=sum(map(len, plain)))
    pieces = [head]
    for each in plain:
        for at in range(0, len(each), PIECE_BYTES):
            pieces.append(stream.compress(each[at : at + PIECE_BYTES]))
            pause()
    pieces.append(stream.flush())
    return b"".join(pieces)


def _encoded(batch: Batch, pause: Callable[[], None]) -> list[bytes]:
    """The same bytes in pieces, a few records each."""
    encode, count = _ENCODER.encode, len(batch.records)
    around = encode(msgspec.structs.replace(batch, records=msgspec.Raw(_array_head(count))))
    behind = encode("previous") + encode(batch.previous)
    pieces = [around[: -len(behind)]]
    for at in range(0, count, PIECE_RECORDS):
        some = batch.records[at : at + PIECE_RECORDS]
        pieces.append(encode(some)[len(_array_head(len(some))) :])
        pause()
    return [*pieces, behind]


def _array_head(count: int) -> bytes:
    """How MessagePack begins an array of so many."""
    if count < 16:
        return bytes([0x90 | count])
    return b"\xdc" + count.to_bytes(2, "big") if count < 1 << 16 else b"\xdd" + count.to_bytes(4, "big")


def decode_batch(data: bytes) -> Batch:
    """Read the bytes of one batch. Raises BatchError."""
    if data[:3] != MAGIC:
        raise BatchError(f"bytes 0 to 3: found {data[:3]!r}, expected {MAGIC!r}")
    if data[3:4] != bytes([VERSION]):
        raise BatchError(f"byte 3: found version {data[3:4].hex() or 'nothing'}, expected {VERSION:02x}")
    try:
        declared = zstandard.frame_content_size(data[4:])
        if not 0 <= declared <= BATCH_BYTES_MAX:
            raise BatchError(f"byte 4: the frame declares {declared} bytes, expected 0 to {BATCH_BYTES_MAX}")
        plain = zstandard.ZstdDecompressor().decompress(data[4:], max_output_size=BATCH_BYTES_MAX)
    except zstandard.ZstdError as error:
        raise BatchError(f"byte 4: not a zstandard frame ({error})") from error
    try:
        return _DECODER.decode(plain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BatchError(f"batch: {error}") from error
