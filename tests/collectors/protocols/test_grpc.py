"""Messages of gRPC out of bytes in any pieces, and what statuses and metadata mean."""

import random
import struct
from base64 import b64encode

import pytest

from collectors.protocols.grpc import (
    HTTP_STATUS,
    INFLATED_BYTES_MAX,
    MESSAGES_MAX,
    MalformedMessage,
    MessageReader,
    binary_metadata,
    http_status,
    is_grpc,
    payloads,
    status_message,
    with_trace,
)
from collectors.protocols.memory import BODY_BYTES_MAX, Budget
from tests.collectors.grpc_conversation import message


def test_messages_come_whole_in_any_pieces() -> None:
    """With the time of their first byte, empty ones too."""
    said = [b"one", b"", b"three" * 100, b""]
    body = b"".join(map(message, said))
    rng = random.Random(3)
    for _ in range(50):
        budget = Budget()
        reader, found, at, time_ns = MessageReader(budget), [], 0, 0
        starts = {0: 0}
        while at < len(body):
            size = rng.randint(1, 20)
            time_ns += 1
            starts.update(dict.fromkeys(range(at, at + size), time_ns))
            found += list(reader.feed(body[at : at + size], time_ns))
            at += size
        assert [each.framed[5:] for each in found] == said
        offsets = [0, 8, 13, 518]
        assert [each.start_ns for each in found] == [starts[offset] for offset in offsets]
        assert (budget.held, reader.is_midway) == (0, False)


def test_a_message_too_large_is_stepped_over() -> None:
    """Those behind it are read."""
    reader = MessageReader(Budget())
    (large,) = reader.feed(message(bytes(BODY_BYTES_MAX)), 1)
    assert (large.framed, large.damage) == (b"", "body_too_large")
    assert [each.framed for each in reader.feed(message(b"next"), 2)] == [message(b"next")]


def test_a_hole_is_stepped_over_where_the_message_goes_on_behind_it() -> None:
    """Elsewhere the messages are lost."""
    reader = MessageReader(Budget())
    assert not reader.skip(1)
    assert list(reader.feed(message(b"x" * 100)[:20], 1)) == []
    assert reader.skip(50)
    (damaged,) = reader.feed(b"x" * 35, 2)
    assert damaged.damage == "not_copied"
    assert list(reader.feed(message(b"x" * 100)[:20], 1)) == []
    assert not reader.skip(85)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_messages_are_inflated(encoding: str) -> None:
    """Each by itself, plain ones beside them."""
    body = message(b"a" * 99, encoding) + message(b"b") + message(b"c", encoding)
    assert payloads(body, encoding) == [b"a" * 99, b"b", b"c"]


@pytest.mark.parametrize(
    ("body", "encoding", "detail"),
    [
        (message(b"abc")[:-1], "", "ends early"),
        (b"\x00\x00", "", "ends early"),
        (b"\x80\x00\x00\x00\x00", "", "kind 128"),
        (message(b"a", "gzip"), "", "without grpc-encoding"),
        (message(b"a", "gzip"), "snappy", "snappy"),
        (b"\x01\x00\x00\x00\x03abc", "gzip", "damaged"),
        (b"\x01" + struct.pack(">I", 12) + message(b"a" * 99, "gzip")[5:17], "gzip", "ends early"),
        (message(bytes(INFLATED_BYTES_MAX + 1), "gzip"), "gzip", "inflates to more"),
        (message(bytes(INFLATED_BYTES_MAX // 2 + 1), "gzip") * 2, "gzip", "inflates to more"),
        (bytes(5) * (MESSAGES_MAX + 1), "", "messages"),
    ],
)
def test_what_is_no_message_is_refused(body: bytes, encoding: str, detail: str) -> None:
    """Cut short, of another kind, in another coding, a bomb, too many."""
    with pytest.raises(MalformedMessage, match=detail):
        payloads(body, encoding)


def test_every_status_has_its_meaning_in_http() -> None:
    """Unknown ones are errors; the trailers go before the headers."""
    assert set(HTTP_STATUS) == set(range(17))
    assert [http_status({}, {"grpc-status": str(code)}) for code in (0, 3, 5, 14, 99)] == [200, 400, 404, 503, 500]
    assert http_status({"grpc-status": "0"}, {"grpc-status": "7"}) == 403
    assert [http_status({}, {"grpc-status": text}) for text in ("", "-1", "x", "²", "99999")] == [500] * 5


def test_messages_of_a_status_are_percent_decoded() -> None:
    """As UTF-8; what is not stays readable."""
    assert status_message({}, {"grpc-message": "50%25 of %C3%BC %zz %FF"}) == "50% of ü %zz �"
    assert status_message({}, {}) is None


def test_only_grpc_itself_is_grpc() -> None:
    """With any codec; not its variant for browsers."""
    types = ["application/grpc", "application/grpc+proto", "Application/gRPC;x=1", "application/grpc-web", "text/plain"]
    assert [is_grpc({"content-type": each}) for each in types] == [True, True, True, False, False]


@pytest.mark.parametrize("text", ["AAEC", "AAECAw==", "AAECAw", ""])
def test_binary_metadata_is_padded_or_not(text: str) -> None:
    """Both come."""
    assert binary_metadata(text) == bytes(range({"AAEC": 3, "": 0}.get(text, 4)))


def test_a_trace_is_read_where_it_is_one() -> None:
    """Of version 0 with all three fields; the text form goes before it."""
    binary = b"\x00\x00" + bytes(range(16)) + b"\x01" + bytes(range(8)) + b"\x02\x01"
    text = {"grpc-trace-bin": b64encode(binary).decode()}
    trace = "00-000102030405060708090a0b0c0d0e0f-0001020304050607-01"
    assert with_trace(text)["traceparent"] == trace
    assert with_trace(text | {"traceparent": "t"})["traceparent"] == "t"
    assert "traceparent" not in with_trace({"grpc-trace-bin": "AAAA"})
    assert "traceparent" not in with_trace({"grpc-trace-bin": "!"})
