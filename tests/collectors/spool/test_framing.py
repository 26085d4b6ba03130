"""Bytes of headers, frames and slots: as drawn, and no flipped bit passes."""

from random import Random

import pytest

from collectors.spool.framing import (
    FRAME_HEADER_BYTES,
    JOURNAL_HEADER_BYTES,
    SLOT_BYTES,
    JournalHeader,
    Mark,
    UnknownVersion,
    decode_frame_header,
    decode_journal_header,
    decode_mark,
    encode_frame,
    payload_intact,
)
from tests.collectors.spool.second_reader import Entry, read_journal

HEADER = JournalHeader("0f" * 16, 7)
FRAME = encode_frame(b"payload", sequence=9, records=3, written_ns=5, seed=HEADER.seed)
MARK = Mark("0f" * 16, 4, 1024, 12)


def flips(data: bytes) -> list[bytes]:
    """The same bytes with each bit in turn turned over."""
    return [data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] for at in range(len(data)) for bit in range(8)]


def test_sizes_are_those_of_the_page() -> None:
    """The documented offsets add up."""
    assert (JOURNAL_HEADER_BYTES, FRAME_HEADER_BYTES, SLOT_BYTES) == (32, 36, 48)


def test_a_second_reader_finds_the_same(tmp_path) -> None:
    """A reader written from the page reads what we write."""
    path = tmp_path / f"{7:020d}.journal"
    path.write_bytes(HEADER.encode() + FRAME)
    assert read_journal(path) == [Entry(32, 32 + len(FRAME), 9, 3, b"payload")]


def test_headers_and_marks_come_back() -> None:
    """Each kind of value reads its own bytes."""
    header = decode_frame_header(FRAME, HEADER.seed)
    assert header is not None
    assert (header.sequence, header.records, header.written_ns, header.frame_bytes) == (9, 3, 5, len(FRAME))
    assert payload_intact(FRAME[FRAME_HEADER_BYTES:], header, HEADER.seed)
    assert decode_journal_header(HEADER.encode()) == HEADER
    assert decode_mark(MARK.encode()) == MARK


def test_no_flipped_bit_passes() -> None:
    """Any one bit of any header, payload or slot that turns over is noticed."""
    header = decode_frame_header(FRAME, HEADER.seed)
    assert header is not None
    assert all(decode_frame_header(flipped, HEADER.seed) is None for flipped in flips(FRAME[:FRAME_HEADER_BYTES]))
    assert not any(payload_intact(flipped, header, HEADER.seed) for flipped in flips(FRAME[FRAME_HEADER_BYTES:]))
    for decode, data in ((decode_journal_header, HEADER.encode()), (decode_mark, MARK.encode())):
        for flipped in flips(data):
            try:
                assert decode(flipped) is None
            except UnknownVersion:
                assert flipped[3] > 1


def test_a_frame_belongs_to_its_journal() -> None:
    """The frame of one journal is not a frame in another."""
    assert decode_frame_header(FRAME, JournalHeader("0f" * 16, 8).seed) is None


@pytest.mark.parametrize("decode", [decode_journal_header, decode_mark])
def test_a_newer_version_says_so(decode) -> None:
    """Bytes of a newer release are told from damage."""
    magic = b"ORJ" if decode is decode_journal_header else b"ORM"
    with pytest.raises(UnknownVersion, match="found version 2, expected 1"):
        decode(magic + b"\x02" + bytes(60))


def test_foreign_bytes_are_none() -> None:
    """Random and short bytes are no header, and raise nothing."""
    dice = Random(1)
    for size in (0, 1, 31, 32, 36, 48, 100):
        data = dice.randbytes(size)
        assert decode_journal_header(data) is None
        assert decode_frame_header(data, 1) is None
        assert decode_mark(data) is None
