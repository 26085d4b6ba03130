"""The watcher's loop before a kernel's ring that is scripted."""

import os
from collections.abc import Iterator

import pytest

from collectors.tap import segment as at
from collectors.tap.copier import Copier
from collectors.tap.passive.connections import Connections
from collectors.tap.passive.copying import Copying
from collectors.tap.passive.packet_ring import Packet
from collectors.tap.passive.watcher import Watcher
from collectors.tap.ring import Kind, RingReader
from collectors.tap.segment import UNCOPIED, Segment, Uncopied
from tests.collectors.tap.passive.wire import ACK, PORT, SYN, ip4, tcp

RING_BYTES = 4 * 1024 * 1024
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"


def said(direction: int, sequence: int, payload: bytes, flags: int = ACK, *, damaged: bool = False) -> bytes:
    ends, ports = ((CLIENT, SERVER), (40_000, PORT)) if direction == 0 else ((SERVER, CLIENT), (PORT, 40_000))
    segment = bytearray(tcp(*ends, ports, sequence, 1, flags, payload))
    if damaged:
        segment[-1] ^= 1
    return ip4(*ends, bytes(segment))


class ScriptedRing:
    """Blocks of packets, and how many the kernel says it dropped."""

    def __init__(self, *blocks: list[bytes], done: int = 0, drops: int = 0, vouched: bool = True) -> None:
        self.blocks = list(blocks)
        self.done = done
        self.drops = drops
        self.vouched = vouched
        self.given_back: list[tuple[int, int]] = []
        self.published: Segment | None = None

    @property
    def ready(self) -> bool:
        return bool(self.blocks)

    def read(self) -> Iterator[Packet]:
        for number, data in enumerate(self.blocks[0]):
            yield Packet(1000 + number, memoryview(data), len(data), self.vouched)

    def give_back(self) -> None:
        assert self.published is not None
        self.given_back.append((self.published.words[at.PACKET_BLOCKS], self.published.words[at.HEAD]))
        self.blocks.pop(0)
        self.done += 1

    def statistics(self) -> tuple[int, int]:
        drops, self.drops = self.drops, 0
        return 10 + drops, drops

    def wait(self, poll: object, seconds: float) -> None:
        """Nothing comes."""


@pytest.fixture
def segment() -> Segment:
    return Segment.create(RING_BYTES)


def watch(segment: Segment, ring: ScriptedRing) -> list[tuple[Kind, bytes]]:
    """A whole watcher, told to stop from the start: what waits is read, and then everything is closed."""
    ring.published = segment
    copier = Copier(segment, os.eventfd(0, os.EFD_NONBLOCK), 1 << 30, killed=Uncopied.WATCHER_KILLED)
    stop, leash = os.pipe()
    os.close(leash)
    nothing = os.eventfd(0)
    Watcher(segment, copier, ring, Connections([PORT], Copying(copier)), stop=stop).run(nothing)  # type: ignore[arg-type]
    os.close(stop)
    os.close(nothing)
    reader = RingReader(segment)
    records = [(Kind(record.kind), bytes(record.payload)) for record in reader.read(RING_BYTES)]
    reader.advance()
    return records


def test_what_packets_say_is_copied(segment):
    """Other packets than those of TCP are none of its business."""
    first = [said(0, 9, b"", SYN), said(1, 0, b"", SYN | ACK), b"\x45 no packet", said(0, 1, b"question")]
    records = watch(segment, ScriptedRing(first, [said(1, 1, b"answer")]))
    assert records == [
        (Kind.OPENED, b""),
        (Kind.TO_SERVER, b"question"),
        (Kind.TO_CLIENT, b"answer"),
        (Kind.CLOSED, b""),
    ]
    assert segment.words[at.PACKETS] == 20
    assert segment.words[at.TAP_ALIVE_NS] > 0


def test_a_block_is_marked_as_done_before_it_is_given_back(segment):
    """And its bytes are published by then: a kill in between loses nothing, and nothing is ever read twice."""
    ring = ScriptedRing([said(0, 1, b"one")], [said(0, 4, b"two")], done=7)
    watch(segment, ring)
    (first, head), (second, later) = ring.given_back
    assert (first, second) == (8, 9)
    assert 0 < head < later


@pytest.mark.parametrize("vouched", [True, False])
def test_a_damaged_packet_is_not_believed(segment, vouched):
    """Its receiver throws it away. Of one that the kernel vouches for, the checksum may be not there yet."""
    packets = [said(0, 1, b"good"), said(0, 5, b"evil", damaged=True), said(0, 5, b"true")]
    records = watch(segment, ScriptedRing(packets, vouched=vouched))
    copied = b"".join(payload for kind, payload in records if kind == Kind.TO_SERVER)
    assert copied == (b"goodevim" if vouched else b"goodtrue")


def test_drops_are_counted_and_told(segment):
    """Their interval is a gap, though nobody knows what was in it."""
    records = watch(segment, ScriptedRing([said(0, 1, b"x")], drops=3))
    assert Kind.UNSEEN in [kind for kind, _ in records]
    assert segment.words[at.PACKETS_DROPPED] == 3


def test_a_successor_tells_what_its_predecessor_followed(segment):
    """The connections that were open are told as interrupted, and met midway from then on."""
    killed = Copier(segment, os.eventfd(0, os.EFD_NONBLOCK), 1 << 30)
    killed.opened(1)
    killed.publish(2)
    records = watch(segment, ScriptedRing([said(0, 1, b"next")]))
    assert [kind for kind, _ in records] == [Kind.OPENED, Kind.INTERRUPTED, Kind.TO_SERVER, Kind.CLOSED]
    assert segment.words[at.CONNECTIONS_UNCOPIED + UNCOPIED.index(Uncopied.WATCHER_KILLED)] == 1
    assert segment.words[at.CONNECTIONS_MIDWAY] == 1
