"""Compressed bodies become plain, within a limit."""

import gzip
import zlib

import pytest

from collectors.decoders.compression import INFLATED_BYTES_MAX, MEMBERS_MAX, plain_body
from collectors.decoders.decoder import Undecodable

PLAIN = b'{"inputs": []}' * 100
RAW_DEFLATE = zlib.compress(PLAIN)[2:-4]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (PLAIN, ""),
        (PLAIN, "identity"),
        (gzip.compress(PLAIN, mtime=0), "gzip"),
        (gzip.compress(PLAIN, mtime=0), "X-GZIP"),
        (zlib.compress(PLAIN), "deflate"),
        (RAW_DEFLATE, "deflate"),
        (gzip.compress(PLAIN, mtime=0), ""),
        (gzip.compress(PLAIN[:100], mtime=0) + gzip.compress(PLAIN[100:], mtime=0), "gzip"),
    ],
)
def test_a_body_becomes_plain(body: bytes, encoding: str) -> None:
    """Declared or not, with or without the zlib header, in one member or several."""
    assert plain_body(body, encoding, "request") == PLAIN


def test_an_empty_body_stays_empty() -> None:
    """Whatever its declared coding."""
    assert plain_body(b"", "gzip", "request") == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_other_codings_are_refused(encoding: str) -> None:
    """By name."""
    with pytest.raises(Undecodable, match="expected gzip or deflate"):
        plain_body(PLAIN, encoding, "request")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("body", [gzip.compress(PLAIN, mtime=0)[:-9], b"\x1f\x8bnonsense", zlib.compress(PLAIN)[:-9]])
def test_a_damaged_stream_is_refused(body: bytes, encoding: str) -> None:
    """Cut or mangled."""
    with pytest.raises(Undecodable) as caught:
        plain_body(body, encoding, "response")
    assert caught.value.reason == "content_encoding"


def test_a_bomb_is_refused() -> None:
    """Inflation stops at the limit."""
    bomb = gzip.compress(bytes(INFLATED_BYTES_MAX + 1), mtime=0)
    with pytest.raises(Undecodable) as caught:
        plain_body(bomb, "", "request")
    assert caught.value.reason == "inflated_too_large"


def test_many_members_are_refused() -> None:
    """Each would cost a copy of the rest."""
    with pytest.raises(Undecodable, match="gzip members"):
        plain_body(gzip.compress(b"", mtime=0) * (MEMBERS_MAX + 1), "gzip", "request")
