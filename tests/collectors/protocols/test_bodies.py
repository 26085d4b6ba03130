"""Where bodies end, and what is left of them without the framing."""

import pytest

from collectors.protocols.bodies import (
    CHUNK_LINE_BYTES_MAX,
    Chunked,
    FixedLength,
    Framing,
    MalformedBody,
    UntilClose,
    request_framing,
    response_framing,
)
from collectors.protocols.memory import BODY_BYTES_MAX, Budget, Kept
from tests.collectors.conversation import chunked


def feed(framing: Framing, data: bytes, size: int = 1 << 30) -> tuple[bytes, bytes]:
    """The body and what was left behind it."""
    kept = Kept(Budget(), BODY_BYTES_MAX)
    at = 0
    while at < len(data) and not framing.done:
        piece = data[at : at + size]
        at += framing.feed(piece, 0, kept)
    return bytes(kept.bytes), data[at:]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_chunked_body_is_read_in_any_pieces(size: int) -> None:
    """Extensions and trailers are passed over."""
    data = b"3;name=value\r\nabc\r\n" + chunked(b"defg" * 100, trailers=b"X: y\r\nZ: w\r\n") + b"next"
    assert feed(Chunked(), data, size) == (b"abc" + b"defg" * 100, b"next")


@pytest.mark.parametrize("size", [1, 5])
def test_a_body_of_known_length_ends_there(size: int) -> None:
    """What follows belongs to the next message."""
    assert feed(FixedLength(4), b"abcdGET", size) == (b"abcd", b"GET")


@pytest.mark.parametrize(
    "data",
    [
        b"\r\nabc",
        b"g\r\n",
        b"-1\r\n",
        b"+5\r\n",
        b"3\nabc",
        b"3\r\nabcd\r\n",
        b"11111111111111111\r\n",
        b"0x3\r\n",
        b"3;" + b"x" * CHUNK_LINE_BYTES_MAX + b"\r\n",
        b"0\r\n" + b"T: " + b"x" * CHUNK_LINE_BYTES_MAX + b"\r\n",
        b"0\r\n" + b"T: x\r\n" * 20_000,
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 30])
def test_a_malformed_chunk_is_refused(data: bytes, size: int) -> None:
    """In any pieces."""
    with pytest.raises(MalformedBody):
        feed(Chunked(), data, size)


def test_bytes_that_were_not_copied_are_stepped_over_inside_a_body() -> None:
    """A hole that ends inside the body does not hide its end."""
    framing = FixedLength(10)
    assert framing.skip(10)
    assert framing.done
    assert not FixedLength(10).skip(11)
    assert UntilClose().skip(1 << 40)


def test_a_hole_in_a_chunk_is_stepped_over_but_not_one_in_the_framing() -> None:
    """The sizes of chunks cannot be guessed."""
    framing = Chunked()
    assert not framing.skip(1)
    kept = Kept(Budget(), 100)
    framing.feed(b"5\r\nab", 0, kept)
    assert framing.skip(3)
    framing.feed(b"\r\n0\r\n\r\n", 0, kept)
    assert framing.done


@pytest.mark.parametrize(
    ("method", "status", "headers", "framing"),
    [
        ("HEAD", 200, {"content-length": "9"}, FixedLength),
        ("GET", 204, {"content-length": "9"}, FixedLength),
        ("GET", 304, {"transfer-encoding": "chunked"}, FixedLength),
        ("GET", 200, {"transfer-encoding": "gzip, chunked"}, Chunked),
        ("GET", 200, {"transfer-encoding": "gzip"}, UntilClose),
        ("GET", 200, {}, UntilClose),
        ("GET", 200, {"content-length": "9"}, FixedLength),
    ],
)
def test_a_response_is_framed_as_the_rfc_says(method: str, status: int, headers: dict[str, str], framing: type) -> None:
    """RFC 9112, section 6.3."""
    assert isinstance(response_framing(method, status, headers), framing)


def test_a_request_without_a_word_about_its_body_has_none() -> None:
    """Requests never end with the connection."""
    assert request_framing({}).done


@pytest.mark.parametrize("length", ["", "5, 5", "٣", "1" * 30])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    """llhttp refuses most of them before."""
    with pytest.raises(MalformedBody):
        request_framing({"content-length": length})
