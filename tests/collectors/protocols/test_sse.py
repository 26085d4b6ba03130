"""Event streams, in any pieces."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.protocols import sse
from collectors.protocols.sse import EventStream


def events(stream: bytes, sizes: list[int] | None = None) -> list[tuple[str, str]]:
    """What a stream says, fed whole or in pieces of these sizes."""
    reader, at, found = EventStream(), 0, []
    for size in sizes or [len(stream)]:
        found += reader.feed(stream[at : at + size])
        at += size
    found += reader.feed(stream[at:])
    return [(event.kind, event.data) for event in found]


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_lines_end_in_any_of_three_ways(newline: bytes) -> None:
    """The same events from each."""
    stream = newline.join([b"data: one", b"", b"event: error", b"data:two", b"data: three", b"", b""])
    assert events(stream) == [("", "one"), ("error", "two\nthree")]


def test_comments_ids_and_unknown_fields_are_passed_over() -> None:
    """Servers send comments to keep a connection awake."""
    assert events(b": ping\n\nid: 7\nretry: 10\nfoo: x\ndata: a\n\n") == [("", "a")]


def test_one_space_after_the_colon_is_none_of_the_data() -> None:
    """Only one; and a line without a colon is a field without a value."""
    assert events(b"data:  two\n\ndata\n\n") == [("", " two"), ("", "")]


def test_a_byte_order_mark_is_passed_over() -> None:
    """At the beginning only."""
    assert events(b"\xef\xbb\xbfdata: a\n\n") == [("", "a")]


def test_an_event_without_its_empty_line_is_none() -> None:
    """The stream broke in it."""
    assert events(b'data: a\n\ndata: {"half":') == [("", "a")]


def test_a_character_may_be_split_anywhere() -> None:
    """Each byte by itself."""
    stream = "data: grün 日本 🙂\n\n".encode()
    assert events(stream, [1] * len(stream)) == [("", "grün 日本 🙂")]


def test_an_event_tells_how_many_bytes_there_were() -> None:
    """So that its time can be looked up."""
    stream = b"data: a\r\n\r\ndata: b\r\n\r\n"
    assert [event.end for event in EventStream().feed(stream)] == [11, 22]


def test_an_event_that_is_too_large_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted, and the next one is read."""
    monkeypatch.setattr(sse, "EVENT_BYTES_MAX", 64)
    for stream in (
        b"data: " + b"x" * 100 + b"\n\ndata: a\n\n",
        b"data: " + b"x" * 40 + b"\n" + b"data: yyyyyyyyyyyyyyyyyyyyyy\n" * 9 + b"\ndata: a\n\n",
    ):
        reader = EventStream()
        found = [event.data for piece in range(0, len(stream), 7) for event in reader.feed(stream[piece : piece + 7])]
        assert (found, reader.oversized) == (["a"], 1)


@given(
    st.lists(st.sampled_from([b"data: a", b"\n", b"\r", b"\r\n", b":", b"event: e", b"data", "ü".encode()])),
    st.integers(),
)
@settings(max_examples=300, deadline=None)
def test_the_pieces_of_a_stream_do_not_matter(parts: list[bytes], seed: int) -> None:
    """The same events, with the same ends but for a CR whose LF came later."""
    stream, rng = b"".join(parts), random.Random(seed)
    sizes = [rng.randint(1, 4) for _ in stream]
    assert events(stream, sizes) == events(stream)
