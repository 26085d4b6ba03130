"""What a connection speaks, from its first bytes."""

import pytest

from collectors.protocols.sniff import SNIFF_BYTES_MAX, sniff

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "spoken"),
    [
        (b"POST /v2/models HTTP/1.1\r\n", "http1"),
        (b"VERSION-CONTROL / HTTP/1.1", "http1"),
        (b"\r\n\r\nGET / HTTP/1.1", "http1"),
        (PREFACE, "http2"),
        (b"\x16\x03\x01\x02\x00", "tls"),
        (b"\x16\x02", "unknown"),
        (b"SSH-2.0-OpenSSH", "unknown"),
        (b"\x00\x00", "unknown"),
        (b"get / HTTP/1.1", "unknown"),
        (b"\r\n" * SNIFF_BYTES_MAX, "unknown"),
        (b"A" * SNIFF_BYTES_MAX, "unknown"),
    ],
)
def test_a_protocol_is_known_by_its_start(start: bytes, spoken: str) -> None:
    """Whole starts are named."""
    assert sniff(start) == spoken


@pytest.mark.parametrize("start", [b"", b"P", b"PRI", b"POST", b"\x16", PREFACE[:-1], b"\r\n", b"\r\nGE"])
def test_a_start_that_may_become_several_is_not_named(start: bytes) -> None:
    """The answer waits for more bytes."""
    assert sniff(start) is None


@pytest.mark.parametrize("start", [b"POST / HTTP/1.1", PREFACE, b"\x16\x03\x01", b"SSH-2.0", b"\r\n" * 40 + b"GET / "])
def test_the_answer_does_not_depend_on_the_pieces(start: bytes) -> None:
    """Once named, more bytes do not change the name."""
    answers = [sniff(start[:length]) for length in range(len(start) + 1)]
    first = next(index for index, answer in enumerate(answers) if answer)
    assert set(answers[first:]) == {answers[first]}
