"""The ring: what was published is what is read, once, whatever the sizes and whoever reads."""

import os
import random

import pytest

from collectors.tap import segment as at
from collectors.tap.ring import (
    CONTROL_RESERVE_BYTES,
    HEADER_BYTES,
    HOT_BYTES,
    RECEIVE_BYTES_MAX,
    Kind,
    RingDamaged,
    RingReader,
    RingWriter,
)
from collectors.tap.segment import Segment

RING_BYTES = 4 * 1024 * 1024


@pytest.fixture
def segment():
    return Segment.create(RING_BYTES)


@pytest.fixture
def writer(segment):
    return RingWriter(segment, os.eventfd(0, os.EFD_NONBLOCK))


def write(writer: RingWriter, data: bytes, connection: int = 1) -> bool:
    place = writer.place()
    if place is None:
        return False
    place[: len(data)] = data
    writer.commit(Kind.TO_SERVER, connection, len(data), 5)
    return True


def read(reader: RingReader) -> list[bytes]:
    payloads = [bytes(record.payload) for record in reader.read(RING_BYTES)]
    reader.advance()
    return payloads


def test_any_sequence_of_writes_is_read_back_in_order(segment, writer):
    """Random sizes, random batches, many times round the ring."""
    chance = random.Random(11)
    reader = RingReader(segment)
    written: list[bytes] = []
    got: list[bytes] = []
    for _ in range(400):
        for _ in range(chance.randrange(1, 6)):
            data = chance.randbytes(chance.choice((0, 1, 31, 32, 33, 5000, RECEIVE_BYTES_MAX)))
            if write(writer, data):
                written.append(data)
        writer.publish()
        if chance.random() < 0.7:
            got += read(reader)
    writer.publish()
    got += read(reader)
    assert got == written
    assert segment.words[at.HEAD] > 10 * RING_BYTES


def test_nothing_is_seen_before_it_is_published(segment, writer):
    """A writer that dies before publishing has written nothing."""
    reader = RingReader(segment)
    write(writer, b"unseen")
    assert read(reader) == []
    successor = RingWriter(segment, os.eventfd(0, os.EFD_NONBLOCK))
    write(successor, b"seen")
    successor.publish()
    assert read(reader) == [b"seen"]


def test_a_new_reader_goes_on_where_the_last_one_advanced_to(segment, writer):
    """What was read but not advanced over is read again."""
    for data in (b"one", b"two", b"three"):
        write(writer, data)
    writer.publish()
    first = RingReader(segment)
    records = first.read(RING_BYTES)
    assert bytes(next(records).payload) == b"one"
    first.advance()
    assert bytes(next(records).payload) == b"two"
    assert read(RingReader(segment)) == [b"two", b"three"]


def test_a_full_ring_still_takes_control_records(segment, writer):
    """Data stops at the reserve; what was not copied can still be told."""
    while write(writer, bytes(RECEIVE_BYTES_MAX)):
        pass
    told = 0
    while writer.put(Kind.CLOSED, 1, 5):
        told += 1
    assert told >= CONTROL_RESERVE_BYTES // 32
    writer.publish()
    assert len(read(RingReader(segment))) > told


def test_starting_over_costs_no_room(segment, writer):
    """A writer that begins again at the ring's start can still fill all of it, though the reader then sleeps."""
    reader = RingReader(segment)
    while writer.head <= HOT_BYTES:
        write(writer, bytes(RECEIVE_BYTES_MAX))
    writer.publish()
    read(reader)
    assert write(writer, b"first again")
    writer.publish()
    assert segment.words[at.BASE] > HOT_BYTES
    writes = 0
    while write(writer, bytes(RECEIVE_BYTES_MAX)):
        writes += 1
    writer.publish()
    assert writes >= (RING_BYTES - CONTROL_RESERVE_BYTES) // (RECEIVE_BYTES_MAX + 32) - 1
    assert read(RingReader(segment))[0] == b"first again"


def test_a_sleeping_reader_is_woken_when_the_ring_fills(segment):
    """Not for every record: that would cost the forwarder a system call each."""
    wake = os.eventfd(0, os.EFD_NONBLOCK)
    writer = RingWriter(segment, wake)
    segment.words[at.WORKER_SLEEPS] = 1
    write(writer, b"little")
    writer.publish()
    with pytest.raises(BlockingIOError):
        os.eventfd_read(wake)
    for _ in range(3):
        write(writer, bytes(RECEIVE_BYTES_MAX))
    writer.publish()
    assert os.eventfd_read(wake) == 1


@pytest.mark.parametrize("header", [b"\xff" * HEADER_BYTES, b"\x00\x00\x00\x7f" + bytes(20)])
def test_a_header_that_nobody_wrote_is_told(segment, writer, header):
    """The reader does not follow a length or a kind that cannot be."""
    write(writer, b"fine")
    writer.publish()
    segment.ring[:HEADER_BYTES] = header
    reader = RingReader(segment)
    with pytest.raises(RingDamaged):
        list(reader.read(RING_BYTES))
    assert reader.skip_all() > 0
    assert read(reader) == []


def test_a_status_is_read_whole_and_latest(segment):
    """The slots take turns."""
    assert segment.read_status() == b""
    for status in (b"first", b"second and longer", b"3"):
        segment.write_status(status)
        assert segment.read_status() == status


@pytest.mark.parametrize("size", [4096, RING_BYTES + 1])
def test_a_ring_has_a_least_size_in_whole_pages(size):
    """A ring that could not hold its own reserve is refused."""
    with pytest.raises(ValueError, match="ring of"):
        Segment.create(size)
