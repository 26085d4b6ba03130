"""Connections of packets: what the two ends said, in order, or holes with their exact size; never a wrong byte."""

import itertools
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collectors.tap.passive.connections import CONNECTIONS_MAX, IDLE_SECONDS, PENDING_SECONDS
from collectors.tap.passive.packets import ACK, FIN, RST, SYN, TcpPacket
from collectors.tap.segment import Uncopied
from tests.collectors.tap.passive.wire import PORT, TO_CLIENT, TO_SERVER, Talk, Watch

ASKED, ANSWERED = b"question", b"an answer"


def whole(talk: Talk) -> list[TcpPacket]:
    return [*talk.begin(), talk.ask(ASKED), talk.answer(ANSWERED), talk.end(TO_SERVER), talk.end(TO_CLIENT)]


def test_a_connection_is_told_from_its_first_byte_to_its_last():
    """Opened, both directions in the order they passed, closed."""
    watch = Watch().see(*whole(Talk()))
    assert watch.heard.connections == [["opened", (TO_SERVER, ASKED), (TO_CLIENT, ANSWERED), "closed"]]
    assert (len(watch.connections), watch.connections.pending_bytes) == (0, 0)


def test_ipv6_is_followed_the_same_way():
    """Only the addresses are longer."""
    watch = Watch().see(*whole(Talk(client="fd00::1", server="fd00::2")))
    assert watch.heard.connections == [["opened", (TO_SERVER, ASKED), (TO_CLIENT, ANSWERED), "closed"]]


def test_every_packet_seen_twice_is_told_once():
    """As on a bridge and on the interface behind it."""
    watch = Watch()
    for packet in whole(Talk()):
        watch.see(packet, packet)
    assert watch.heard.connections == [["opened", (TO_SERVER, ASKED), (TO_CLIENT, ANSWERED), "closed"]]


def test_a_connection_that_nobody_answers_is_none():
    """A refused client, a scan of ports: nothing passed."""
    talk = Talk()
    watch = Watch().see(talk.begin()[0], talk.packet(TO_CLIENT, RST | ACK, sequence=0))
    assert watch.heard.connections == []


def test_out_of_order_bytes_wait_for_those_before():
    """And are told in order then."""
    talk = Talk()
    begin, parts = talk.begin(), [talk.ask(part) for part in (b"one ", b"two ", b"three")]
    watch = Watch().see(*begin, parts[2], parts[1])
    assert watch.heard.said(TO_SERVER) == []
    watch.see(parts[0])
    assert watch.heard.said(TO_SERVER) == [b"one two three"]
    assert watch.connections.pending_bytes == 0


def test_a_segment_that_was_acknowledged_unseen_is_a_hole_of_its_size():
    """Told before the answer that acknowledges it, so that nobody waits for the rest of that request."""
    talk = Talk()
    begin, one, two, three = talk.begin(), talk.ask(b"one "), talk.ask(b"two "), talk.ask(b"three")
    watch = Watch().see(*begin, one, three, talk.answer(ANSWERED))
    assert watch.heard.connections == [
        ["opened", (TO_SERVER, b"one "), (TO_SERVER, len(two.payload)), (TO_SERVER, b"three"), (TO_CLIENT, ANSWERED)]
    ]


def test_a_hole_begins_when_the_bytes_before_it_passed():
    """That is what is known of when it was: after those before it, before those after it."""
    talk = Talk()
    watch = Watch().see(*talk.begin(), talk.ask(b"one "))
    before = watch.time_ns
    talk.ask(b"two ")
    watch.wait(1).see(talk.answer(ANSWERED))
    assert watch.heard.since == [(before, watch.time_ns)]


def test_a_hole_that_nobody_acknowledges_is_given_up_after_a_while():
    """The sender would have sent it again by then."""
    talk = Talk()
    watch = Watch().see(*talk.begin())
    talk.ask(b"lost")
    watch.see(talk.ask(b"seen")).wait(PENDING_SECONDS / 2)
    assert watch.heard.said(TO_SERVER) == []
    watch.wait(PENDING_SECONDS)
    assert watch.heard.said(TO_SERVER) == [4, b"seen"]


def test_what_waits_is_bounded_for_each_connection_and_in_all():
    """Beyond it the first hole is given up; nothing more is kept."""
    one, other = Talk(), Talk(client_port=40_001)
    watch = Watch(pending_bytes_max=2000, pending_bytes_total_max=3000).see(*one.begin(), *other.begin())
    for talk in (one, other):
        talk.ask(b"lost")
        watch.see(*(talk.ask(bytes(500)) for _ in range(3)))
        assert watch.connections.pending_bytes <= 3000
    assert watch.heard.said(TO_SERVER, 1) == [4, bytes(1500)]
    watch.see(*(one.ask(bytes(500)) for _ in range(3)))
    assert watch.heard.said(TO_SERVER, 0) == [4, bytes(3000)]
    assert watch.connections.pending_bytes == 0


def test_many_tiny_pieces_cost_more_than_their_bytes():
    """So a flood of one-byte segments is bounded too."""
    talk = Talk()
    watch = Watch(pending_bytes_max=1000).see(*talk.begin())
    talk.ask(b"lost")
    watch.see(*(talk.ask(b"x") for _ in range(20)))
    assert watch.heard.said(TO_SERVER) == [4, b"x" * 20]


def test_a_packet_that_was_cut_tells_what_it_lacks():
    """The kernel keeps so much of one; what follows is read on."""
    talk = Talk()
    begin, long = talk.begin(), talk.ask(b"0123456789")
    cut = long._replace(payload=long.payload[:4])
    watch = Watch().see(*begin, cut, talk.ask(b"next"))
    assert watch.heard.said(TO_SERVER) == [b"0123", 6, b"next"]


def test_a_repetition_that_says_more_is_told_from_where_it_is_new():
    """Senders put segments together when they repeat them."""
    talk = Talk()
    begin, one, two = talk.begin(), talk.ask(b"one "), talk.ask(b"two ")
    again = talk.packet(TO_SERVER, ACK, b"one two three", sequence=talk.sequences[0] - 8)
    watch = Watch().see(*begin, one, two, one, again)
    assert watch.heard.said(TO_SERVER) == [b"one two three"]


def test_a_probe_of_one_old_byte_is_nothing_new():
    """So keep-alive asks whether somebody is there."""
    talk = Talk()
    watch = Watch().see(*talk.begin(), talk.ask(ASKED))
    watch.see(talk.packet(TO_SERVER, ACK, b"\0", sequence=talk.sequences[0] - 1), talk.answer(ANSWERED))
    assert watch.heard.said(TO_SERVER) == [ASKED]


def test_a_half_closed_connection_is_still_read():
    """The client has said everything; the server answers for a while."""
    talk = Talk()
    watch = Watch().see(*talk.begin(), talk.end(TO_SERVER, ASKED), talk.answer(b"an "), talk.answer(b"answer"))
    assert watch.heard.connections == [["opened", (0, ASKED), (1, b"an "), (1, b"answer")]]
    watch.see(talk.end(TO_CLIENT))
    assert watch.heard.connections[0][-1] == "closed"


def test_a_reset_ends_the_connection_with_what_was_seen():
    """What waited behind a hole is told, with the hole."""
    talk = Talk()
    watch = Watch().see(*talk.begin(), talk.ask(b"one "))
    talk.ask(b"two ")
    watch.see(talk.ask(b"three"), talk.reset(TO_CLIENT))
    assert watch.heard.connections == [["opened", (0, b"one "), (0, 4), (0, b"three"), "closed"]]
    assert len(watch.connections) == 0


def test_a_reset_from_nowhere_ends_nothing():
    """Its sequence number is none that its sender could be at."""
    talk = Talk()
    watch = Watch().see(*talk.begin(), talk.ask(ASKED))
    watch.see(talk.packet(TO_CLIENT, RST, sequence=talk.sequences[1] - 1_000_000), talk.answer(ANSWERED))
    assert watch.heard.connections == [["opened", (0, ASKED), (1, ANSWERED)]]


def test_a_missed_ending_is_not_taken_for_a_lost_byte():
    """An end takes a place in the sequence; who acknowledges one byte more than there was has seen the end."""
    talk = Talk()
    watch = Watch().see(*talk.begin(), talk.ask(ASKED), talk.answer(ANSWERED))
    talk.end(TO_CLIENT)
    watch.see(talk.end(TO_SERVER))
    assert watch.heard.connections == [["opened", (0, ASKED), (1, ANSWERED), "closed"]]


def test_a_single_byte_that_was_lost_is_no_ending():
    """Where who acknowledges it goes on listening."""
    talk = Talk()
    watch = Watch().see(*talk.begin(), talk.ask(ASKED))
    talk.ask(b"!")
    watch.see(talk.acknowledge(TO_CLIENT), talk.ask(b"more"))
    assert watch.heard.said(TO_SERVER) == [ASKED, 1, b"more"]


def test_late_repetitions_open_no_connection():
    """After the end, and after a reset, somebody may still send."""
    talk = Talk()
    packets = whole(talk)
    watch = Watch().see(*packets, *packets[2:])
    other = Talk(client_port=40_001)
    watch.see(*other.begin(), other.ask(ASKED), other.reset(TO_CLIENT), other.ask(b"more"), other.ask(b"and more"))
    assert len(watch.heard.connections) == 2


def test_ports_used_again_are_another_connection():
    """Also where the end of the one before was missed, and where the new one's beginning was."""
    talk, again = Talk(), Talk(sequences=[900_000, 700_000])
    watch = Watch().see(*talk.begin(), talk.ask(b"first"), *again.begin(), again.ask(b"second"))
    far = Talk(sequences=[2_000_000_000, 2_100_000_000])
    watch.see(far.ask(b"third"))
    assert watch.heard.connections == [
        ["opened", (0, b"first"), "closed"],
        ["opened", (0, b"second"), "closed"],
        ["midway", (0, b"third")],
    ]


def test_a_connection_met_midway_is_read_from_there_on():
    """From whichever end comes first; both are known from then on, and a hole is a hole."""
    talk = Talk()
    talk.begin()
    talk.ask(ASKED)
    watch = Watch().see(talk.answer(b"wer"), talk.ask(b"next"))
    talk.answer(b"lost")
    watch.see(talk.ask(b"another"))
    assert watch.heard.connections == [["midway", (1, b"wer"), (0, b"next"), (1, 4), (0, b"another")]]


def test_a_connection_whose_first_packet_was_missed_is_whole():
    """The server's first packet tells both beginnings."""
    watch = Watch().see(*whole(Talk())[1:])
    assert watch.heard.connections == [["opened", (0, ASKED), (1, ANSWERED), "closed"]]


def test_bytes_in_a_first_packet_are_told():
    """TCP Fast Open: the client asks before the server has answered the greeting."""
    talk = Talk()
    first = talk.packet(TO_SERVER, SYN, ASKED)
    talk.sequences[0] += 1 + len(ASKED)
    watch = Watch().see(first, first, talk.packet(TO_CLIENT, SYN | ACK))
    talk.sequences[1] += 1
    watch.see(talk.answer(ANSWERED))
    assert watch.heard.connections == [["opened", (0, ASKED), (1, ANSWERED)]]


def test_too_many_connections_let_the_silent_go():
    """Counted by that reason; who speaks again is met midway."""
    talks = [Talk(client_port=40_000 + i) for i in range(4)]
    watch = Watch(connections_max=3)
    for talk in talks[:3]:
        watch.see(*talk.begin(), talk.ask(ASKED))
    watch.see(talks[0].answer(ANSWERED), *talks[3].begin(), talks[1].answer(ANSWERED))
    assert [events[-1] for events in watch.heard.connections] == [
        (1, ANSWERED),
        Uncopied.CONNECTIONS_MAX,
        (0, ASKED),
        Uncopied.CONNECTIONS_MAX,
        (1, ANSWERED),
    ]
    assert watch.heard.connections[4][0] == "midway"
    assert len(watch.connections) == 3
    assert CONNECTIONS_MAX > 3


def test_a_flood_of_greetings_drives_out_no_conversation():
    """Who never said anything makes room before who is silent."""
    talk = Talk()
    watch = Watch(connections_max=32).see(*talk.begin(), talk.ask(ASKED))
    for number in range(200):
        watch.see(*Talk(client_port=41_000 + number).begin())
    watch.see(talk.answer(ANSWERED))
    assert watch.heard.connections[0] == ["opened", (0, ASKED), (1, ANSWERED)]


def test_other_ports_are_nobodys():
    """The kernel's filter lets some through: those it cannot look into."""
    watch = Watch()
    other = Talk(client_port=9)
    for packet in (*other.begin(), other.ask(ASKED), other.answer(ANSWERED)):
        way = packet.way.replace(PORT.to_bytes(2, "big"), b"\0\7")
        watch.see(packet._replace(way=way))
    assert watch.heard.connections == []


def test_silence_of_hours_is_an_end():
    """Its packets were missed; who speaks again after all is met midway."""
    talk = Talk()
    watch = Watch().see(*talk.begin(), talk.ask(ASKED)).wait(IDLE_SECONDS / 2)
    assert len(watch.connections) == 1
    watch.wait(IDLE_SECONDS).see(talk.answer(ANSWERED))
    assert watch.heard.connections == [["opened", (0, ASKED), "closed"], ["midway", (1, ANSWERED)]]


def test_between_two_watched_ports_the_one_that_began_is_the_client():
    """A server that asks another on the same machine may do so from a watched port."""
    talk = Talk(client_port=8000)
    watch = Watch().see(*talk.begin(), talk.ask(ASKED), talk.answer(ANSWERED))
    assert watch.heard.connections == [["opened", (0, ASKED), (1, ANSWERED)]]


def test_when_nobody_watches_any_longer_all_are_closed():
    """With what waited."""
    talk = Talk()
    watch = Watch().see(*talk.begin())
    talk.ask(b"lost")
    watch.see(talk.ask(b"seen"))
    watch.connections.close(watch.time_ns)
    assert watch.heard.connections == [["opened", (0, 4), (0, b"seen"), "closed"]]
    assert watch.connections.pending_bytes == 0


# Any order, any cut, any loss.


def pieces_of(stream: bytes, rng: random.Random) -> list[tuple[int, int]]:
    """The stream in segments, some of them repeated or cut another way, each as (begin, end)."""
    cuts = sorted({0, len(stream), *(rng.randrange(len(stream) + 1) for _ in range(rng.randrange(12)))})
    pieces = list(itertools.pairwise(cuts))
    for _ in range(rng.randrange(5)):
        begin = rng.randrange(len(stream))
        pieces.append((begin, min(len(stream), begin + 1 + rng.randrange(400))))
    return pieces


def facts_fit(facts: list[bytes | int], stream: bytes) -> bool:
    """Whether bytes and holes, laid one after the other, are the stream."""
    place = 0
    for fact in facts:
        if isinstance(fact, bytes):
            if stream[place : place + len(fact)] != fact:
                return False
            place += len(fact)
        else:
            place += fact
    return place == len(stream)


@pytest.mark.parametrize("loses", [False, True])
@given(seed=st.integers(0, 2**32), sequence=st.sampled_from([0, 7, 2**32 - 1, 2**32 - 300, 2**31 - 200]))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_in_whatever_order_is_the_stream_with_exact_holes(loses, seed, sequence):
    """Segments of both directions shuffled, repeated, overlapping, and lost: holes are the bytes that never came."""
    rng = random.Random(seed)
    talk = Talk(sequences=[sequence, sequence ^ 0x5A5A5A5A])
    watch = Watch().see(*talk.begin())
    streams = [rng.randbytes(1 + rng.randrange(3000)) for _ in range(2)]
    first = list(talk.sequences)
    seen = [bytearray(len(stream)) for stream in streams]
    packets = []
    for direction, stream in enumerate(streams):
        for begin, end in pieces_of(stream, rng):
            if loses and rng.random() < 0.3:
                continue
            seen[direction][begin:end] = b"\1" * (end - begin)
            flags = ACK | (FIN if end == len(stream) and rng.random() < 0.5 else 0)
            number = first[direction] + begin
            packets.append(
                talk.packet(direction, flags, stream[begin:end], sequence=number, acknowledged=first[1 - direction])
            )
    # A single lost last byte, acknowledged with a farewell, cannot be told from a lost end.
    assume(seen[TO_CLIENT][-1] or not any(seen[TO_CLIENT][-2:-1] or b"\1"))
    rng.shuffle(packets)
    watch.see(*packets)
    for direction in range(2):
        talk.sequences[direction] = first[direction] + len(streams[direction])
    watch.see(talk.end(TO_SERVER), talk.end(TO_CLIENT))
    for direction, stream in enumerate(streams):
        facts = watch.heard.said(direction)
        assert facts_fit(facts, stream)
        assert sum(fact for fact in facts if isinstance(fact, int)) == seen[direction].count(0)
    assert (len(watch.connections), watch.connections.pending_bytes) == (0, 0)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_acknowledgements_at_any_time_make_no_wrong_bytes(seed):
    """Where they overtake what they are about, holes are larger than they had to be, and still exact."""
    rng = random.Random(seed)
    talk = Talk()
    watch = Watch(pending_bytes_max=rng.choice([500, 10**6])).see(*talk.begin())
    stream = rng.randbytes(1 + rng.randrange(4000))
    first = talk.sequences[0]
    packets = [
        talk.packet(TO_SERVER, ACK, stream[begin:end], sequence=first + begin) for begin, end in pieces_of(stream, rng)
    ]
    packets += [
        talk.packet(TO_CLIENT, ACK, acknowledged=first + rng.randrange(len(stream))) for _ in range(rng.randrange(5))
    ]
    rng.shuffle(packets)
    for packet in packets:
        if rng.random() < 0.8:
            watch.see(packet)
        if rng.random() < 0.1:
            watch.wait(rng.choice([0.5, 4]))
    talk.sequences[0] = first + len(stream)
    watch.see(talk.end(TO_SERVER), talk.end(TO_CLIENT))
    assert facts_fit(watch.heard.said(TO_SERVER), stream)
    assert watch.connections.pending_bytes == 0


@given(
    packets=st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(0, 63), st.integers(-300, 300), st.integers(-300, 300), st.integers(0, 40)
        ),
        max_size=60,
    )
)
@settings(max_examples=500, deadline=None)
def test_no_packet_breaks_anything(packets):
    """Any flags, any numbers: something is told, everything is let go of at the end, and each opening has one end."""
    talk = Talk(sequences=[0, 0])
    watch = Watch(connections_max=2, pending_bytes_max=300)
    for direction, flags, sequence, acknowledged, length in packets:
        watch.see(talk.packet(direction, flags, bytes(length), sequence=sequence, acknowledged=acknowledged))
    watch.wait(PENDING_SECONDS * 2)
    watch.connections.close(watch.time_ns)
    assert (len(watch.connections), watch.connections.pending_bytes) == (0, 0)
    for events in watch.heard.connections:
        assert [event for event in events if isinstance(event, str)][1:] == ["closed"]
