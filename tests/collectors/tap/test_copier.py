"""The account of the copy: forwarded = copied + not copied by reason, whatever happens."""

import os
import random

import pytest

from collectors.tap import segment as at
from collectors.tap.copier import Copied, Copier
from collectors.tap.ring import INTERRUPTION, LOST, RECEIVE_BYTES_MAX, UNSEEN, Interruption, Kind, RingReader
from collectors.tap.segment import UNCOPIED, Segment, Uncopied

RING_BYTES = 4 * 1024 * 1024
BUDGET = 64 * 1024 * 1024


@pytest.fixture
def segment():
    return Segment.create(RING_BYTES)


def copier_of(segment: Segment) -> Copier:
    return Copier(segment, os.eventfd(0, os.EFD_NONBLOCK), BUDGET)


def forward(copier: Copier, copied: Copied, direction: int, count: int, time_ns: int = 1) -> bool:
    is_copied = copier.place(copied, direction) is not None
    copier.forwarded(copied, direction, count, time_ns)
    return is_copied


def uncopied(segment: Segment, words: int) -> dict[str, int]:
    return {reason.value: segment.words[words + i] for i, reason in enumerate(UNCOPIED)}


def balance(segment: Segment) -> int:
    words = segment.words
    forwarded = words[at.BYTES_TO_SERVER] + words[at.BYTES_TO_CLIENT]
    return forwarded - words[at.BYTES_COPIED] - sum(uncopied(segment, at.BYTES_UNCOPIED).values())


def test_the_law_holds_under_random_traffic(segment):
    """Bytes and connections add up after every publish, and what is read is what was counted as copied."""
    chance = random.Random(3)
    copier, reader = copier_of(segment), RingReader(segment)
    links: list[Copied] = []
    read_bytes = told_bytes = closed = 0
    for _ in range(3000):
        action = chance.random()
        if action < 0.1 or not links:
            links.append(copier.opened(1))
        elif action < 0.15:
            copier.closed(links.pop(chance.randrange(len(links))), 2)
            closed += 1
        else:
            forward(copier, chance.choice(links), chance.randrange(2), chance.choice((10, 5000, RECEIVE_BYTES_MAX)))
        if chance.random() < 0.3:
            copier.publish(3)
            assert balance(segment) == 0
        if chance.random() < 0.02:
            for record in reader.read(RING_BYTES):
                read_bytes += len(record.payload) if record.kind <= Kind.TO_CLIENT else 0
                told_bytes += sum(LOST.unpack(record.payload)[1:]) if record.kind == Kind.LOST else 0
            reader.advance()
    for link in links:
        copier.closed(link, 4)
    copier.publish(5)
    for record in reader.read(RING_BYTES):
        read_bytes += len(record.payload) if record.kind <= Kind.TO_CLIENT else 0
        told_bytes += sum(LOST.unpack(record.payload)[1:]) if record.kind == Kind.LOST else 0
    words = segment.words
    assert balance(segment) == 0
    assert read_bytes == words[at.BYTES_COPIED]
    assert told_bytes == sum(uncopied(segment, at.BYTES_UNCOPIED).values()) > 0
    assert words[at.CONNECTIONS] == words[at.CONNECTIONS_COPIED] + sum(
        uncopied(segment, at.CONNECTIONS_UNCOPIED).values()
    )


def test_a_loss_lasts_until_the_next_turn(segment):
    """After a hole nothing is copied before the client speaks again: half an exchange helps nobody."""
    copier, reader = copier_of(segment), RingReader(segment)
    link = copier.opened(1)
    while forward(copier, link, 0, RECEIVE_BYTES_MAX):
        pass
    copier.publish(2)
    list(reader.read(RING_BYTES))
    reader.advance()
    assert not forward(copier, link, 0, 10)
    assert not forward(copier, link, 1, 10)
    assert forward(copier, link, 0, 10)
    copier.publish(3)
    kinds = [record.kind for record in reader.read(RING_BYTES)]
    assert kinds == [Kind.LOST, Kind.TO_SERVER]


def test_the_reason_says_whether_a_worker_was_there(segment):
    """A full ring with a worker is its slowness; without one it is its absence."""
    copier = copier_of(segment)
    link, other = copier.opened(1), copier.opened(1)
    while forward(copier, link, 0, RECEIVE_BYTES_MAX):
        pass
    segment.words[at.WORKER_UP] = 1
    forward(copier, other, 0, 100)
    copier.publish(2)
    counts = uncopied(segment, at.BYTES_UNCOPIED)
    assert counts[Uncopied.WORKER_DOWN] == RECEIVE_BYTES_MAX
    assert counts[Uncopied.QUEUE_FULL] == 100


def test_when_not_even_closings_fit_the_copy_is_interrupted_and_says_so(segment):
    """The reserve is finite; beyond it one record tells what was forgotten, once there is room."""
    copier, reader = copier_of(segment), RingReader(segment)
    first = copier.opened(1)
    while forward(copier, first, 0, RECEIVE_BYTES_MAX):
        pass
    links = [copier.opened(1) for _ in range(20_000)]
    for link in links:
        forward(copier, link, 0, 7)
        copier.closed(link, 9)
    copier.publish(10)
    list(reader.read(RING_BYTES))
    reader.advance()
    copier.publish(11)
    copier.publish(12)
    interruptions = [
        Interruption(*INTERRUPTION.unpack(record.payload))
        for record in reader.read(RING_BYTES)
        if record.kind == Kind.INTERRUPTED
    ]
    assert len(interruptions) == 1
    assert 0 < interruptions[0].connections <= 20_000
    assert balance(segment) == 0


def test_a_successor_accounts_for_the_connections_of_a_killed_forwarder(segment):
    """Its open connections are gone; the worker is told, and the law holds again."""
    killed = copier_of(segment)
    links = [killed.opened(1) for _ in range(3)]
    forward(killed, links[0], 0, 50)
    killed.closed(links[0], 2)
    killed.publish(3)
    segment.words[at.BYTES_TO_SERVER] += 9  # died between two words
    copier = copier_of(segment)
    copier.publish(4)
    assert uncopied(segment, at.CONNECTIONS_UNCOPIED)[Uncopied.FORWARDER_KILLED] == 2
    assert balance(segment) == 0
    told = [record for record in RingReader(segment).read(RING_BYTES) if record.kind == Kind.INTERRUPTED]
    assert Interruption(*INTERRUPTION.unpack(told[0].payload))._replace(start_ns=0, end_ns=0) == Interruption(
        0, 0, 2, 9, 2, UNCOPIED.index(Uncopied.FORWARDER_KILLED)
    )
    assert copier.opened(5).connection == 3


def test_a_loss_says_when_it_began(segment):
    """The gap that is made of it begins with the first byte that was not copied, not when there was room to tell it."""
    copier, reader = copier_of(segment), RingReader(segment)
    link = copier.opened(1)
    while forward(copier, link, 0, RECEIVE_BYTES_MAX, 70):
        pass
    copier.publish(80)
    reader.skip_all()
    forward(copier, link, 1, 10, 90)
    forward(copier, link, 0, 10, 100)
    copier.publish(110)
    told = next(iter(reader.read(RING_BYTES)))
    assert (told.kind, LOST.unpack(told.payload)) == (Kind.LOST, (70, RECEIVE_BYTES_MAX, 10))


def test_bytes_that_nobody_can_copy_are_told_in_their_place(segment):
    """What follows them is copied at once; the connection counts by that reason."""
    copier, reader = copier_of(segment), RingReader(segment)
    link = copier.opened(1)
    forward(copier, link, 0, 5)
    copier.missed(link, 0, 100, Uncopied.PACKETS_MISSED, since_ns=3, time_ns=4)
    forward(copier, link, 0, 6)
    copier.closed(link, 9)
    copier.publish(10)
    records = list(reader.read(RING_BYTES))
    assert [each.kind for each in records] == [Kind.OPENED, Kind.TO_SERVER, Kind.LOST, Kind.TO_SERVER, Kind.CLOSED]
    assert LOST.unpack(records[2].payload) == (3, 100, 0)
    assert balance(segment) == 0
    assert uncopied(segment, at.BYTES_UNCOPIED)[Uncopied.PACKETS_MISSED] == 100
    assert uncopied(segment, at.CONNECTIONS_UNCOPIED)[Uncopied.PACKETS_MISSED] == 1


def test_a_loss_without_a_known_size_is_told_with_its_time(segment):
    """Nothing is known but when; no connection is forgotten for it."""
    copier, reader = copier_of(segment), RingReader(segment)
    copier.opened(1)
    assert copier.unseen(5, 7)
    copier.publish(8)
    told = list(reader.read(RING_BYTES))[-1]
    assert (told.kind, told.time_ns, UNSEEN.unpack(told.payload)) == (Kind.UNSEEN, 7, (5,))


def test_a_connection_met_midway_has_no_beginning(segment):
    """The worker then looks for the next request; it is counted as met midway."""
    copier, reader = copier_of(segment), RingReader(segment)
    link = copier.opened(1, midway=True)
    forward(copier, link, 1, 5)
    copier.closed(link, 2, reason=Uncopied.CONNECTIONS_MAX)
    copier.publish(3)
    assert [each.kind for each in reader.read(RING_BYTES)] == [Kind.TO_CLIENT, Kind.CLOSED]
    assert (segment.words[at.CONNECTIONS], segment.words[at.CONNECTIONS_MIDWAY]) == (1, 1)
    assert uncopied(segment, at.CONNECTIONS_UNCOPIED)[Uncopied.CONNECTIONS_MAX] == 1
