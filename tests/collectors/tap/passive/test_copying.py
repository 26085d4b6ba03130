"""What the passive tap copies: the account holds, and the worker's ring holds what the two ends said."""

import os
import random

from collectors.tap import segment as at
from collectors.tap.copier import Copier
from collectors.tap.passive.connections import Connections
from collectors.tap.passive.copying import Copying
from collectors.tap.ring import LOST, RECEIVE_BYTES_MAX, Kind, RingReader
from collectors.tap.segment import UNCOPIED, Segment
from tests.collectors.tap.passive.wire import PORT, TO_CLIENT, TO_SERVER, Talk

RING_BYTES = 8 * 1024 * 1024


class Desk:
    """A segment with a copier before it and a reader behind."""

    def __init__(self) -> None:
        self.segment = Segment.create(RING_BYTES)
        self.copier = Copier(self.segment, os.eventfd(0, os.EFD_NONBLOCK), 1 << 30)
        self.copying = Copying(self.copier)
        self.reader = RingReader(self.segment)

    def read(self) -> list[tuple[int, bytes]]:
        self.copier.publish(1)
        records = [(record.kind, bytes(record.payload)) for record in self.reader.read(RING_BYTES)]
        self.reader.advance()
        return records


def test_a_payload_larger_than_a_place_is_copied_in_parts():
    """Offloads make packets of any size."""
    desk = Desk()
    handle = desk.copying.opened(1, midway=False)
    payload = random.Random(1).randbytes(2 * RECEIVE_BYTES_MAX + 5)
    desk.copying.passed(handle, TO_CLIENT, memoryview(payload), 2)
    records = desk.read()
    assert [kind for kind, _ in records] == [Kind.OPENED, *[Kind.TO_CLIENT] * 3]
    assert b"".join(data for _, data in records) == payload


def test_the_law_holds_when_packets_are_lost():
    """Bytes that passed are those copied and those not copied, by reason; what the ring holds is what was counted."""
    chance = random.Random(5)
    desk = Desk()
    connections = Connections([PORT], desk.copying, connections_max=6, pending_bytes_max=4000)
    talks: list[Talk] = []
    read = told = 0
    for step in range(6000):
        if not talks or chance.random() < 0.02:
            talks.append(Talk(client_port=40_000 + step, sequences=[chance.randrange(2**32) for _ in range(2)]))
            packets = talks[-1].begin()
        else:
            talk = talks[chance.randrange(len(talks))]
            size = chance.choice((1, 100, 30_000))
            packets = [talk.ask(bytes(size)) if chance.random() < 0.5 else talk.answer(bytes(size))]
            if chance.random() < 0.02:
                talks.remove(talk)
                packets += [talk.end(TO_SERVER), talk.end(TO_CLIENT)]
        for packet in packets:
            if chance.random() < 0.9:
                connections.packet(packet, step)
        if chance.random() < 0.1:
            for kind, data in desk.read():
                read += len(data) if kind <= Kind.TO_CLIENT else 0
                told += sum(LOST.unpack(data)[1:]) if kind == Kind.LOST else 0
    connections.close(9999)
    for kind, data in desk.read():
        read += len(data) if kind <= Kind.TO_CLIENT else 0
        told += sum(LOST.unpack(data)[1:]) if kind == Kind.LOST else 0
    words = desk.segment.words
    uncopied = sum(words[at.BYTES_UNCOPIED + i] for i in range(len(UNCOPIED)))
    assert words[at.BYTES_TO_SERVER] + words[at.BYTES_TO_CLIENT] == words[at.BYTES_COPIED] + uncopied
    assert (read, told) == (words[at.BYTES_COPIED], uncopied)
    assert min(read, told) > 0
    ended = words[at.CONNECTIONS_COPIED] + sum(words[at.CONNECTIONS_UNCOPIED + i] for i in range(len(UNCOPIED)))
    assert words[at.CONNECTIONS] == ended
