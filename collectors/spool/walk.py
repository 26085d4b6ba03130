"""A walk over the bytes of one journal: the frames that are intact, and what lies damaged between them.

Pure apart from the `read_at` it is given. It always comes to the end of the journal, in time linear in its bytes:
behind a damaged payload it goes on after the frame, behind a damaged header at the next frame that proves itself.
Sequence numbers only rise; a frame that goes back is damage.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from collectors.spool.framing import (
    FRAME_HEADER_BYTES,
    FRAME_MAGIC,
    FrameHeader,
    decode_frame_header,
    payload_intact,
)

ReadAt = Callable[[int, int], bytes]
"""(offset, length) → the bytes there; fewer only at the end of the file."""

SEARCH_BYTES = 1024 * 1024
"""How much of a damaged region is looked at in one read."""

DamageReason = Literal["torn", "header", "payload", "order"]


@dataclass(frozen=True)
class Frame:
    """A frame whose header is intact, and its payload too where the walk was asked to verify."""

    offset: int
    header: FrameHeader

    @property
    def end(self) -> int:
        return self.offset + self.header.frame_bytes


@dataclass(frozen=True)
class Damage:
    """Bytes that are not intact frames; `records` is how many they held, None where their header is gone.

    `torn` is the unfinished end that a crash leaves, `header` and `payload` failed their checksum, `order` is a frame
    whose number does not rise.
    """

    offset: int
    size: int
    reason: DamageReason
    records: int | None = None

    @property
    def end(self) -> int:
        return self.offset + self.size


def walk(read_at: ReadAt, start: int, end: int, seed: int, *, verify: bool) -> Iterator[Frame | Damage]:
    """Frames and damage from `start` to `end`, in order and without a hole between them."""
    offset, last = start, 0
    while offset < end:
        found = _at(read_at, offset, end, seed, last, verify=verify)
        if isinstance(found, Frame):
            last = found.header.sequence
        yield found
        offset = found.end


def payload_of(read_at: ReadAt, frame: Frame, seed: int) -> bytes | Damage:
    """The payload of a frame, or the damage that it turns out to be."""
    payload = read_at(frame.offset + FRAME_HEADER_BYTES, frame.header.payload_bytes)
    if payload_intact(payload, frame.header, seed):
        return payload
    return Damage(frame.offset, frame.header.frame_bytes, "payload", frame.header.records)


def _at(read_at: ReadAt, offset: int, end: int, seed: int, last: int, *, verify: bool) -> Frame | Damage:
    if end - offset < FRAME_HEADER_BYTES:
        return Damage(offset, end - offset, "torn")
    header = decode_frame_header(read_at(offset, FRAME_HEADER_BYTES), seed)
    if header is None:
        return _damaged_region(read_at, offset, end, seed, last)
    if offset + header.frame_bytes > end:
        return Damage(offset, end - offset, "torn", header.records)
    if header.sequence <= last:
        return Damage(offset, header.frame_bytes, "order", header.records)
    frame = Frame(offset, header)
    checked = payload_of(read_at, frame, seed) if verify else None
    return checked if isinstance(checked, Damage) else frame


def _damaged_region(read_at: ReadAt, offset: int, end: int, seed: int, last: int) -> Damage:
    """From `offset` to the next frame that is whole, or to the end; zeros to the end are what a lost write leaves."""
    position, only_zeros = offset, True
    while position < end:
        wanted = min(SEARCH_BYTES, end - position)
        chunk = read_at(position, wanted)
        only_zeros = only_zeros and not any(chunk)
        at = chunk.find(FRAME_MAGIC, 1 if position == offset else 0)
        while at >= 0:
            if _proves_itself(read_at, position + at, end, seed, last):
                return Damage(offset, position + at - offset, "header")
            at = chunk.find(FRAME_MAGIC, at + 1)
        if len(chunk) < wanted or position + wanted >= end:
            break
        position += wanted - (len(FRAME_MAGIC) - 1)
    return Damage(offset, end - offset, "torn" if only_zeros else "header")


def _proves_itself(read_at: ReadAt, offset: int, end: int, seed: int, last: int) -> bool:
    header = decode_frame_header(read_at(offset, FRAME_HEADER_BYTES), seed)
    if header is None or header.sequence <= last or offset + header.frame_bytes > end:
        return False
    return payload_intact(read_at(offset + FRAME_HEADER_BYTES, header.payload_bytes), header, seed)
