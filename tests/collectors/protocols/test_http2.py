"""A passive observer of HTTP/2: streams are paired, whatever the pieces; what was lost is said."""

import random
from collections.abc import Callable

import pytest
from hpack import Encoder
from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame, PushPromiseFrame, SettingsFrame

from collectors.protocols import Direction
from collectors.protocols.heads import HEAD_BYTES_MAX
from collectors.protocols.http2 import STREAMS_MAX
from collectors.protocols.memory import BODY_BYTES_MAX, Budget
from tests.collectors.conversation import Step, Watched, always, client, in_pieces, post, random_sizes, server
from tests.collectors.grpc_conversation import GRPC_ANSWER, PREFACE, UNARY, Peers, chatter, message, reset

Story = list[tuple[str, str, int, bytes, bytes, str | None]]


def unary(peers: Peers) -> list[Step]:
    return [*peers.hello(), peers.call(UNARY, message(b"ask")), peers.answer(message(b"told"))]


def interleaved(peers: Peers) -> list[Step]:
    """Three streams at once, answered in another order, one refused."""
    asks = [peers.request(f"/{name}", b"ask " + name.encode() * 9) for name in "abc"]
    return [
        *peers.hello(),
        *asks,
        server(peers.headers(1, 3, [(":status", "200")]) + chatter()),
        peers.response(b"to c", stream=5),
        server(peers.data(3, b"to ", ends=False)),
        peers.response(b"no", stream=1, headers=[(":status", "503")]),
        server(peers.data(3, b"b", ends=True)),
    ]


def continued(peers: Peers) -> list[Step]:
    """Header blocks in pieces, padded, with priorities; informational heads; trailers on both sides."""
    block = peers.block(0, [(":method", "POST"), (":path", "/long"), ("x-request-id", "r"), ("cookie", "c" * 900)])
    head = HeadersFrame(1, block[:20], flags=["PADDED", "PRIORITY"], pad_length=7).serialize()
    rest = ContinuationFrame(1, block[20:500]).serialize() + ContinuationFrame(1, b"").serialize()
    last = ContinuationFrame(1, block[500:], flags=["END_HEADERS"]).serialize()
    body = DataFrame(1, b"padded body", flags=["PADDED"], pad_length=30).serialize() + DataFrame(1, b"").serialize()
    return [
        *peers.hello(),
        client(head + rest + last + body + peers.headers(0, 1, [("x-checksum", "1")], ends=True)),
        server(peers.headers(1, 1, [(":status", "103"), ("link", "x")])),
        server(peers.headers(1, 1, [(":status", "200"), ("x-new", "entry of the table")]) + peers.data(1, b"answer")),
        server(peers.headers(1, 1, [("x-checksum", "2")], ends=True)),
    ]


def promised(peers: Peers) -> list[Step]:
    """A push is no answer to anything, but its headers change the table."""
    promise = PushPromiseFrame(1, 2, peers.block(1, [(":method", "GET"), (":path", "/pushed"), ("x-a", "b")]))
    promise.flags.add("END_HEADERS")
    pushed = peers.headers(1, 2, [(":status", "200"), ("x-a", "b")]) + peers.data(2, b"pushed", ends=True)
    return [*peers.hello(), peers.request("/a"), server(promise.serialize() + pushed), peers.response(b"x")]


def cut_off(peers: Peers) -> list[Step]:
    """Reset before, within and after the answer; the last never answered."""
    steps = [*peers.hello()]
    for name in "abcd":
        steps.append(peers.request(f"/{name}", b"x", ends=name != "c"))
    return [
        *steps,
        client(reset(1)),
        server(peers.headers(1, 3, [(":status", "200")]) + peers.data(3, b"part") + reset(3)),
        peers.response(b"early", stream=5),
        server(reset(5)),
    ]


def switched(peers: Peers) -> list[Step]:
    """HTTP/1.1 that goes on in HTTP/2: the request is its first stream."""
    upgrade = {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    hello = peers.hello()
    peers.stream = 1
    return [
        post("/first", b"by http1", **upgrade),
        server(answer + hello[1][1]),
        hello[0],
        hello[2],
        server(peers.headers(1, 1, [(":status", "200")]) + peers.data(1, b"by http2", ends=True)),
        peers.request("/second", b"s"),
        peers.response(b"t"),
    ]


STORIES: dict[Callable[[Peers], list[Step]], Story] = {
    unary: [("POST", UNARY, 200, message(b"ask"), message(b"told"), None)],
    interleaved: [
        ("POST", "/c", 200, b"ask ccccccccc", b"to c", None),
        ("POST", "/a", 503, b"ask aaaaaaaaa", b"no", None),
        ("POST", "/b", 200, b"ask bbbbbbbbb", b"to b", None),
    ],
    continued: [("POST", "/long", 200, b"padded body", b"answer", None)],
    promised: [("POST", "/a", 200, b"", b"x", None)],
    cut_off: [
        ("POST", "/a", 0, b"", b"", "no_response"),
        ("POST", "/b", 200, b"", b"", "response_incomplete"),
        ("POST", "/c", 200, b"", b"", "request_incomplete"),
        ("POST", "/d", 0, b"", b"", "no_response"),
    ],
    switched: [
        ("POST", "/first", 200, b"by http1", b"by http2", None),
        ("POST", "/second", 200, b"s", b"t", None),
    ],
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_streams_become_exchanges(story: Callable[[Peers], list[Step]]) -> None:
    """Each with its own request and response, in the order they ended."""
    watched = Watched(story(Peers()))
    assert watched.story == STORIES[story]
    assert (watched.connection.opaque, watched.budget.held) == (None, 0)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_any_pieces_tell_the_same_story(story: Callable[[Peers], list[Step]]) -> None:
    """Byte by byte, and in random ones."""
    rng = random.Random(7)
    for sizes in (always(1), always(2), always(10), *(random_sizes(rng, largest) for largest in (3, 30, 300))):
        watched = Watched(in_pieces(story(Peers()), sizes))
        assert watched.story == STORIES[story]
        assert watched.budget.held == 0


def test_a_server_may_speak_before_its_client() -> None:
    """It need not wait for the preface to say what it allows."""
    for sizes in (always(1), always(1000)):
        peers = Peers()
        hello = peers.hello()
        steps = [hello[1], hello[0], hello[2], peers.request("/a"), peers.response(b"x")]
        assert Watched(in_pieces(steps, sizes)).story == [("POST", "/a", 200, b"", b"x", None)]


def test_headers_and_trailers_worth_knowing_are_kept() -> None:
    """Credentials are not among them; of gRPC's status the meaning is the exchange's."""
    peers = Peers()
    ask = peers.call(UNARY, message(b"a"), authorization="Bearer secret", x_request_id="r7")
    told = [peers.says(message(b"b")), peers.trailers([("grpc-status", "5"), ("grpc-message", "no%20model")])]
    (exchange,) = Watched([*peers.hello(), ask, *told]).exchanges
    assert exchange.request_headers == {"content-type": "application/grpc", "x-request-id": "r7"}
    assert exchange.trailers == {"grpc-status": "5", "grpc-message": "no%20model"}
    assert (exchange.status, exchange.protocol, "secret" in repr(exchange)) == (404, "grpc", False)


def test_trailers_may_be_all_there_is() -> None:
    """A refusal before anything was answered."""
    peers = Peers()
    (exchange,) = Watched([*peers.hello(), peers.call(UNARY, message(b"a")), peers.refusal(16, "who?")]).exchanges
    assert (exchange.status, exchange.response_headers["grpc-message"]) == (401, "who?")


def test_a_binary_trace_is_read() -> None:
    """`grpc-trace-bin` says what `traceparent` would."""
    peers = Peers()
    trace = "AABL+S81d7NNpqPJKdDg5HNnAQDwZ6oLqQK3AgE"
    ask = peers.call(UNARY, message(b"a"), grpc_trace_bin=trace)
    (exchange,) = Watched([*peers.hello(), ask, peers.answer(message(b"b"))]).exchanges
    assert exchange.request_headers["traceparent"].startswith("00-4bf92f3577b34da6a3c929d0e0e47367-")


def test_times_are_those_of_the_first_and_last_bytes() -> None:
    """Of the stream, not of the connection."""
    peers = Peers()
    steps = [
        *peers.hello(),
        peers.request("/a"),
        peers.request("/b"),
        peers.response(stream=3),
        peers.response(stream=1),
    ]
    times = [(exchange.start_ns, exchange.end_ns) for exchange in Watched(steps).exchanges]
    assert times == [(6, 7), (5, 8)]


def test_repeated_blocks_mean_what_they_meant() -> None:
    """Also where the table changes between them, so that the same bytes mean something else."""
    peers = Peers()
    steps = peers.hello()
    expected = []
    for number in range(60):
        name = f"/{number if number % 7 == 0 else number % 3}"
        steps += [peers.request(name, x_request_id=str(number // 9)), peers.response()]
        expected.append((name, str(number // 9)))
    exchanges = Watched(steps).exchanges
    assert [(each.target, each.request_headers["x-request-id"]) for each in exchanges] == expected


# What is not HTTP/2, or too much of it.


@pytest.mark.parametrize(
    "steps",
    [
        [client(PREFACE + b"\x00\x00\x00\x00\x00\x00\x00\x00\x01")],
        [client(PREFACE + SettingsFrame(0).serialize()), server(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
        [client(PREFACE + SettingsFrame(0).serialize() + b"\x00\x00\x01\x01\x04\x00\x00\x00\x01\xff")],
        [client(PREFACE + SettingsFrame(0).serialize() + HeadersFrame(2, b"\x82", flags=["END_HEADERS"]).serialize())],
        [client(PREFACE + SettingsFrame(0).serialize() + ContinuationFrame(1, b"").serialize())],
    ],
)
def test_what_is_not_http2_is_given_up(steps: list[Step]) -> None:
    """No settings first, an answer of HTTP/1.1, an index of no header, a client's stream with a server's number."""
    for sizes in (always(1), always(1000)):
        watched = Watched(in_pieces(steps, sizes))
        assert (watched.connection.opaque, watched.budget.held) == ("malformed", 0)


def test_what_was_whole_before_malformed_bytes_is_kept() -> None:
    """And what was in flight is damaged."""
    peers = Peers()
    steps = [*unary(peers), peers.request("/b"), client(b"\x00\x00\x09\x06\x00\x00\x00\x00\x00")]
    for sizes in (always(3), always(100_000)):
        assert [damage for *_, damage in Watched(in_pieces(steps, sizes)).story] == [None, "malformed"]


def test_a_header_block_without_end_is_given_up() -> None:
    """At the limit for heads, whether in one frame or in many. It was a request all the same."""
    hello = client(PREFACE + SettingsFrame(0).serialize())
    one = client((HEAD_BYTES_MAX + 1).to_bytes(3, "big") + b"\x01\x04\x00\x00\x00\x01")
    pieces = [client(ContinuationFrame(1, bytes(16_000)).serialize())] * 5
    many = [client(HeadersFrame(1, b"").serialize()), *pieces]
    for steps in ([hello, one], [hello, *many]):
        watched = Watched(steps)
        assert (watched.connection.opaque, watched.budget.held) == ("malformed", 0)
        assert [damage for *_, damage in watched.story] == ["malformed"]


def test_a_header_list_that_grows_is_given_up() -> None:
    """Few bytes that mean many: a large entry of the table, named again and again."""
    block = Encoder().encode([("x-large", "v" * 3000)]) + b"\xbe" * 60
    steps = [client(PREFACE + SettingsFrame(0).serialize() + HeadersFrame(1, block, flags=["END_HEADERS"]).serialize())]
    watched = Watched(steps)
    assert watched.connection.opaque == "malformed"
    assert [damage for *_, damage in watched.story] == ["malformed"]


def test_headers_of_a_stream_that_stands_are_no_second_request() -> None:
    """Trailers that cannot be read end the connection, and the one request with it."""
    peers = Peers()
    broken = HeadersFrame(1, b"\xff\xff\xff", flags=["END_HEADERS", "END_STREAM"]).serialize()
    steps = [*peers.hello(), client(peers.headers(0, 1, [(":method", "POST"), (":path", "/a")]) + broken)]
    assert [damage for *_, damage in Watched(steps).story] == ["malformed"]


def test_streams_are_bounded() -> None:
    """A request beyond the limit is dropped by reason; the others go on."""
    peers = Peers()
    steps = [*peers.hello(), *(peers.request(f"/{n}") for n in range(STREAMS_MAX + 2)), peers.response(b"x", stream=1)]
    damages = [damage for *_, damage in Watched(steps, closes=False).story]
    assert damages == ["streams_max", "streams_max", None]


def test_a_body_is_bounded() -> None:
    """The stream goes on without it."""
    peers = Peers()
    piece = peers.data(1, bytes(1_000_000))
    big = [peers.request("/a", ends=False), *[client(piece)] * (BODY_BYTES_MAX // 1_000_000 + 1)]
    steps = [*peers.hello(), *big, client(peers.data(1, b"", ends=True)), peers.response(b"x"), peers.request("/b")]
    watched = Watched([*steps, peers.response(b"y")])
    assert [(target, damage) for _, target, *_, damage in watched.story] == [("/a", "body_too_large"), ("/b", None)]


def test_without_room_nothing_is_held() -> None:
    """The connection is given up where there is none for its headers; a body without room costs its exchange."""
    peers = Peers()
    watched = Watched(unary(peers), budget=Budget(100))
    assert (watched.connection.opaque, watched.budget.held) == ("memory_full", 0)
    peers = Peers()
    steps = [
        *peers.hello(),
        peers.request("/a", bytes(9000)),
        peers.response(b"x"),
        peers.request("/b"),
        peers.response(),
    ]
    watched = Watched(steps, budget=Budget(12_000))
    assert [damage for *_, damage in watched.story] == ["memory_full", None]
    assert watched.budget.held == 0


def test_unwanted_bodies_are_not_held() -> None:
    """Their exchange is told all the same."""
    assert Watched(unary(Peers()), wanted=False).story == [("POST", UNARY, 200, b"", b"", None)]


# Holes.


def test_a_hole_in_a_data_frame_costs_its_stream() -> None:
    """The frames around it are known, so that all others are read on."""
    peers = Peers()
    direction, big = peers.request("/a", b"x" * 9000)
    other = peers.request("/b", b"y")
    watched = Watched([*peers.hello(), (direction, big[:-5000])], closes=False)
    watched.lose(direction, 4000).say([(direction, big[-1000:]), other])
    watched.say([peers.response(b"1", stream=1), peers.response(b"2", stream=3)]).close()
    assert [(target, damage) for _, target, *_, damage in watched.story] == [("/a", "not_copied"), ("/b", None)]
    assert watched.budget.held == 0


@pytest.mark.parametrize("direction", list(Direction))
def test_a_hole_anywhere_else_ends_the_observation(direction: Direction) -> None:
    """Headers after it could mean anything."""
    peers = Peers()
    watched = Watched([*unary(peers), peers.request("/b")], closes=False).lose(direction, 30)
    assert [damage for *_, damage in watched.story] == [None, "not_copied"]
    assert (watched.connection.opaque, watched.budget.held) == ("out_of_step", 0)


def test_hostile_frames_break_nothing() -> None:
    """Ten thousand conversations: mutated, re-chunked, with holes; nothing raises and nothing stays held."""
    rng = random.Random(2)
    stories = [story(Peers()) for story in STORIES]
    outcomes = set()
    for _ in range(10_000):
        steps = [(direction, _mutated(rng, data)) for direction, data in rng.choice(stories)]
        watched = Watched([], closes=False)
        for direction, data in in_pieces(steps, random_sizes(rng, 400)):
            watched.say([(direction, data)])
            if rng.random() < 0.01:
                watched.lose(rng.choice(list(Direction)), rng.randint(1, 60))
        watched.close()
        assert watched.budget.held == 0
        outcomes.add(watched.connection.opaque)
    assert {None, "malformed", "out_of_step"} <= outcomes


def _mutated(rng: random.Random, data: bytes) -> bytes:
    mutable = bytearray(data)
    if rng.random() < 0.3:
        at = rng.randrange(len(mutable))
        mutable[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
    return bytes(mutable)


def test_an_answer_has_no_effect_on_another_stream() -> None:
    """Frames of streams that nobody asked for are passed over."""
    peers = Peers()
    strays = server(peers.headers(1, 99, GRPC_ANSWER) + peers.data(99, b"stray", ends=True) + reset(77))
    assert Watched([*peers.hello(), strays, peers.request("/a"), peers.response(b"x")]).story == [
        ("POST", "/a", 200, b"", b"x", None)
    ]
