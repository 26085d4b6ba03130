"""A passive observer of HTTP/1.1: pairs what belongs together, and says what it did not see."""

import random

import pytest

from collectors.protocols import Direction
from collectors.protocols.heads import HEAD_BYTES_MAX
from collectors.protocols.http1 import FLIGHTS_MAX
from collectors.protocols.memory import BODY_BYTES_MAX, Budget
from tests.collectors.conversation import (
    Step,
    Watched,
    always,
    answer,
    chunked,
    client,
    get,
    in_pieces,
    post,
    random_sizes,
    server,
)

CHUNKED_POST = client(
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc", b"de", trailers=b"T: x\r\n")
)
CHUNKED_ANSWER = server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"uvw", b"xyz"))
WEBSOCKET = client(b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
SWITCHED = server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00")

WELL_FORMED: dict[str, list[Step]] = {
    "keep-alive": [post("/a", b"1"), answer(b"2"), post("/b", b"3"), answer(b"4", 500)],
    "pipelined": [post("/a", b"1"), get("/b"), post("/c", b"2"), answer(b"x"), answer(b"y"), answer(b"z")],
    "chunked": [CHUNKED_POST, CHUNKED_ANSWER, get("/d"), answer(b"d")],
    "100-continue": [
        client(b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
        server(b"HTTP/1.1 100 Continue\r\n\r\n"),
        client(b"abc"),
        answer(b"x"),
    ],
    "103 early hints": [get("/a"), server(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), answer(b"x")],
    "HEAD": [get("/a", "HEAD"), server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), get("/b"), answer(b"b")],
    "204 and 304": [
        get("/a"),
        server(b"HTTP/1.1 204 No Content\r\n\r\n"),
        get("/b"),
        server(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n"),
        get("/c"),
        answer(b"c"),
    ],
    "until close": [get("/a"), server(b"HTTP/1.0 200 OK\r\n\r\nall of it")],
    "websocket": [WEBSOCKET, SWITCHED, client(b"\x81\x80GET / HTTP/1.1\r\n\r\n")],
    "declined upgrade": [
        client(b"GET /a HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
        answer(b"a"),
        answer(b"b"),
    ],
    "CONNECT": [
        client(b"CONNECT h:1 HTTP/1.1\r\n\r\n"),
        server(b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01"),
        client(b"\x16\x03"),
    ],
    "refused CONNECT": [client(b"CONNECT h:1 HTTP/1.1\r\n\r\n"), answer(b"no", 403), get("/b"), answer(b"b")],
    "early response": [
        client(b"POST /a HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"),
        answer(b"no", 413),
        client(b"def"),
        get("/b"),
        answer(b"b"),
    ],
    "empty lines between": [client(b"\r\n\r\nGET /a HTTP/1.1\r\n\r\n\r\n"), answer(b"a"), get("/b"), answer(b"b")],
    "cut short": [post("/a", b"1"), server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")],
    "never answered": [post("/a", b"1"), answer(b"1"), post("/b", b"2")],
    "malformed later": [
        post("/a", b"1"),
        answer(b"1"),
        client(b"POST /b HTTP/1.1\r\nHost x\r\n\r\nGET /c HTTP/1.1\r\n\r\n"),
    ],
    "malformed answer": [post("/a", b"1"), server(b"HTTP/9.9 abc\r\nContent-Length: -5\r\n\x00\r\n\r\n"), post("/b")],
    "malformed chunk": [client(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"), post("/b")],
}


@pytest.mark.parametrize("steps", WELL_FORMED.values(), ids=WELL_FORMED)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 64])
def test_the_pieces_do_not_matter(steps: list[Step], size: int) -> None:
    """However the bytes are cut, the same exchanges come out and nothing is held."""
    whole, cut = Watched(steps), Watched(in_pieces(steps, always(size)))
    assert cut.story == whole.story
    assert cut.connection.opaque == whole.connection.opaque
    assert (whole.budget.held, cut.budget.held) == (0, 0)


def story(name: str) -> list[tuple[str, str, int, bytes, bytes, str | None]]:
    return Watched(WELL_FORMED[name]).story


def test_exchanges_of_a_kept_alive_connection_are_paired() -> None:
    """One after the other, bodies and status with them."""
    assert story("keep-alive") == [("POST", "/a", 200, b"1", b"2", None), ("POST", "/b", 500, b"3", b"4", None)]


def test_pipelined_requests_get_the_answers_in_order() -> None:
    """The first answer belongs to the first request."""
    assert [(target, body) for _, target, _, _, body, _ in story("pipelined")] == [
        ("/a", b"x"),
        ("/b", b"y"),
        ("/c", b"z"),
    ]


def test_chunked_bodies_lose_their_framing() -> None:
    """Both ways, trailers too."""
    assert story("chunked")[0] == ("POST", "/c", 200, b"abcde", b"uvwxyz", None)


@pytest.mark.parametrize("name", ["100-continue", "103 early hints"])
def test_interim_responses_are_not_the_response(name: str) -> None:
    """The final one is."""
    assert [(status, body) for _, _, status, _, body, _ in story(name)] == [(200, b"x")]


@pytest.mark.parametrize("name", ["HEAD", "204 and 304"])
def test_responses_without_a_body_do_not_swallow_the_next(name: str) -> None:
    """Whatever their Content-Length says."""
    assert story(name)[-1][4] == story(name)[-1][1].strip("/").encode()


def test_a_response_may_end_with_its_connection() -> None:
    """The close makes it whole."""
    assert story("until close") == [("GET", "/a", 200, b"", b"all of it", None)]


@pytest.mark.parametrize("name", ["websocket", "CONNECT"])
def test_after_a_switch_the_bytes_pass_unread(name: str) -> None:
    """What looks like HTTP in them is none."""
    watched = Watched(WELL_FORMED[name])
    assert watched.connection.opaque == "upgraded"
    assert len(watched.exchanges) == 1


@pytest.mark.parametrize("name", ["declined upgrade", "refused CONNECT"])
def test_a_declined_switch_goes_on_as_http(name: str) -> None:
    """Even for a request that came before the answer."""
    assert story(name)[1][1:5:3] == ("/b", b"b")


def test_an_early_response_waits_for_its_request() -> None:
    """A server may refuse before it has read the body."""
    assert [part[:3] for part in story("early response")] == [("POST", "/a", 413), ("GET", "/b", 200)]


@pytest.mark.parametrize(
    ("name", "damages"),
    [
        ("cut short", ["response_incomplete"]),
        ("never answered", [None, "no_response"]),
        ("malformed later", [None, "malformed"]),
        ("malformed answer", ["malformed"]),
        ("malformed chunk", ["malformed"]),
    ],
)
def test_what_was_not_whole_says_why(name: str, damages: list[str | None]) -> None:
    """Each damaged exchange is told once, without bodies."""
    assert [part[5] for part in story(name)] == damages


def test_an_aborted_upload_is_told() -> None:
    """The client went away in the middle of its body, or of its head."""
    assert Watched([client(b"POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc")]).story[0][5] == "no_response"
    assert Watched([client(b"POST /a HTTP/1.1\r\nConte")]).story[0][5] == "request_incomplete"


def test_after_malformed_bytes_the_connection_is_given_up() -> None:
    """Where the next message begins is not guessed."""
    watched = Watched(WELL_FORMED["malformed later"], closes=False).say([post("/d"), answer()])
    assert watched.connection.opaque == "malformed"
    assert [part[1] for part in watched.story] == ["/a", ""]


def test_an_answer_to_nothing_gives_the_connection_up() -> None:
    """Such as the 408 of a server that tires of waiting."""
    watched = Watched([post("/a"), answer(), answer(b"timeout", 408)])
    assert watched.connection.opaque == "unsolicited_response"
    assert len(watched.exchanges) == 1


def test_times_are_those_of_the_first_and_last_byte() -> None:
    """From the first byte of the request to the last of the response, wherever the pieces end."""
    watched = Watched(in_pieces([post("/a", b"123"), answer(b"45")], always(1)), closes=False)
    request, response = post("/a", b"123")[1], answer(b"45")[1]
    assert watched.exchanges[0].start_ns == 2
    assert watched.exchanges[0].end_ns == 1 + len(request) + len(response)


# Bytes that were not copied.


def test_a_hole_in_a_body_costs_only_its_exchange() -> None:
    """The next one on the same connection is whole."""
    watched = Watched([post("/a", b"x" * 100)], closes=False)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    watched.say([server(head + b"y" * 10)]).lose(Direction.TO_CLIENT, 80)
    watched.say([server(b"y" * 10), post("/b"), answer(b"b")]).close()
    assert watched.story == [("POST", "/a", 200, b"", b"", "not_copied"), ("POST", "/b", 200, b"", b"b", None)]


def test_a_hole_up_to_the_end_of_a_body_costs_only_its_exchange() -> None:
    """The framing knows that the body is over."""
    watched = Watched([client(b"POST /a HTTP/1.1\r\nContent-Length: 100\r\n\r\n")], closes=False)
    watched.lose(Direction.TO_SERVER, 100).say([answer(b"a"), post("/b"), answer(b"b")])
    assert [(part[1], part[5]) for part in watched.story] == [("/a", "not_copied"), ("/b", None)]


@pytest.mark.parametrize("direction", Direction)
def test_after_a_hole_between_bodies_the_next_request_line_is_the_start(direction: Direction) -> None:
    """What was in flight is told as not copied; what cannot be placed is passed over."""
    watched = Watched([post("/a", b"1")], closes=False).lose(direction, 500)
    watched.say([client(b"tail of a body"), server(b"tail of an answer"), post("/b", b"2"), answer(b"3")])
    assert watched.story == [("POST", "/a", 0, b"", b"", "not_copied"), ("POST", "/b", 200, b"2", b"3", None)]


def test_a_request_line_is_found_in_any_pieces() -> None:
    """A piece that may still become one is waited for."""
    watched = Watched([post("/a")], closes=False).lose(Direction.TO_SERVER, 9)
    watched.say(in_pieces([client(b"PO"), client(b"POST"), client(b"xPOST /no HTTP/1.1\r\n\r\n")], always(1000)))
    watched.say(in_pieces([post("/b", b"2"), answer(b"3")], always(1)))
    assert watched.story[-1] == ("POST", "/b", 200, b"2", b"3", None)


def test_what_only_looked_like_a_request_is_dropped_again() -> None:
    """No answer confirms it, and the observer waits for the next one."""
    watched = Watched([post("/a")], closes=False).lose(Direction.TO_SERVER, 9)
    watched.say(
        [get("/not-a-request"), server(b"middle of an answer that began in the hole"), post("/b"), answer(b"b")]
    )
    assert [(part[1], part[5]) for part in watched.story][1:] == [("/not-a-request", "not_copied"), ("/b", None)]


def test_a_hole_on_a_pipelining_connection_gives_it_up() -> None:
    """The next answer could belong to any request."""
    watched = Watched([post("/a"), post("/b")], closes=False).lose(Direction.TO_CLIENT, 60)
    watched.say([post("/c"), answer(b"answer to b")]).close()
    assert watched.connection.opaque == "out_of_step"
    assert [part[5] for part in watched.story] == ["not_copied", "not_copied"]


# Bounds.


def test_a_body_beyond_the_limit_is_told_and_passed_over() -> None:
    """The next exchange of the connection is whole."""
    megabyte = bytes(1024 * 1024)
    watched = Watched(
        [client(b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + len(megabyte)))], closes=False
    )
    for _ in range(BODY_BYTES_MAX // len(megabyte) + 1):
        watched.say([client(megabyte)])
        assert watched.budget.held <= BODY_BYTES_MAX + 100
    watched.say([answer(b"a"), post("/b"), answer(b"b")])
    assert [(part[1], part[5]) for part in watched.story] == [("/a", "body_too_large"), ("/b", None)]


def test_bodies_nobody_wants_are_not_held() -> None:
    """However large a download is."""
    watched = Watched([get("/a"), server(b"HTTP/1.1 200 OK\r\n\r\n")], closes=False, wanted=False)
    watched.say([server(bytes(1000))] * 100)
    assert watched.budget.held < 1000


def test_when_memory_is_full_the_exchange_is_told() -> None:
    """And the connection goes on."""
    watched = Watched([post("/a", b"x" * 600), answer(b"a")], closes=False, budget=Budget(500))
    watched.say([post("/b", b"1"), answer(b"b")])
    assert [(part[1], part[5]) for part in watched.story] == [("/a", "memory_full"), ("/b", None)]


@pytest.mark.parametrize("size", [1000, HEAD_BYTES_MAX * 2])
def test_a_head_without_an_end_is_malformed(size: int) -> None:
    """It is not held beyond its limit."""
    endless = client(b"GET / HTTP/1.1\r\nX: " + b"x" * (2 * HEAD_BYTES_MAX))
    watched = Watched(in_pieces([endless], always(size)), closes=False)
    assert watched.connection.opaque == "malformed"
    assert watched.budget.held == 0


def test_requests_in_flight_are_bounded() -> None:
    """A client that never reads its answers is given up."""
    watched = Watched([get("/a")] * (FLIGHTS_MAX + 1), closes=False)
    assert watched.connection.opaque == "pipelining_max"
    assert len(watched.exchanges) == FLIGHTS_MAX


# Hostile bytes.


def test_mutated_conversations_break_nothing() -> None:
    """Cut, replaced, repeated, re-chunked, with holes: never an exception, never a byte held at the end."""
    rng = random.Random(7)
    originals = list(WELL_FORMED.values())
    for _ in range(10_000):
        steps = [(direction, bytearray(data)) for direction, data in rng.choice(originals)]
        _mutate(rng, steps)
        budget = Budget(2_000)
        watched = Watched([], closes=False, budget=budget)
        for direction, data in in_pieces(((d, bytes(b)) for d, b in steps), random_sizes(rng, 60)):
            if rng.random() < 0.02:
                watched.lose(rng.choice(list(Direction)), rng.randint(1, 200))
            watched.say([(direction, data)])
            assert 0 <= budget.held <= budget.limit
        watched.close()
        assert budget.held == 0


def test_mutated_conversations_read_the_same_in_any_pieces() -> None:
    """Malformed ones too: where the bytes are cut decides nothing."""
    rng = random.Random(8)
    originals = list(WELL_FORMED.values())
    for _ in range(2_000):
        mutable = [(direction, bytearray(data)) for direction, data in rng.choice(originals)]
        _mutate(rng, mutable)
        steps = [(direction, bytes(data)) for direction, data in mutable]
        whole, cut = Watched(steps), Watched(in_pieces(steps, random_sizes(rng, 20)))
        assert cut.story == whole.story, steps
        assert cut.connection.opaque == whole.connection.opaque, steps


def _mutate(rng: random.Random, steps: list[tuple[Direction, bytearray]]) -> None:
    for _ in range(rng.randint(1, 3)):
        data = rng.choice(steps)[1]
        if not data:
            continue
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.choice(b"\r\n :0159aZ\x00\xff")
        elif kind == 1:
            del data[at : at + rng.randint(1, 10)]
        elif kind == 2:
            data[at:at] = data[at : at + rng.randint(1, 20)]
        else:
            steps.append(rng.choice(steps))
