"""Bodies as they were before Content-Encoding, with a limit on what they may become."""

import zlib

from collectors.decoders.decoder import Undecodable

INFLATED_BYTES_MAX = 64 * 1024 * 1024
"""Triton's own limit for an inflated request body."""

MEMBERS_MAX = 16
"""Gzip members in one body; senders write one, and each costs a copy of the rest."""

_GZIP_MAGIC = b"\x1f\x8b"
_ANY_HEADER = 32 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS


def plain_body(body: bytes | bytearray, encoding: str, where: str) -> bytes | bytearray:
    """Undo gzip and deflate; gzip is also recognised where no header declares it. Raises Undecodable."""
    if not encoding and body[:2] != _GZIP_MAGIC:
        return body
    coding = encoding.strip().lower()
    if coding in ("", "identity") and body[:2] != _GZIP_MAGIC:
        return body
    if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Undecodable("content_encoding", where, f"found coding {coding[:40]!r}, expected gzip or deflate")
    if not body:
        return body
    try:
        return _inflate(body, _ANY_HEADER, where)
    except zlib.error as error:
        if coding == "deflate":
            return _inflate_raw(body, where)
        raise Undecodable("content_encoding", where, "the gzip stream is damaged") from error


def _inflate_raw(body: bytes | bytearray, where: str) -> bytes:
    """Some senders of `deflate` leave out the zlib header."""
    try:
        return _inflate(body, _RAW_DEFLATE, where)
    except zlib.error as error:
        raise Undecodable("content_encoding", where, "the deflate stream is damaged") from error


def _inflate(body: bytes | bytearray, window_bits: int, where: str) -> bytes:
    """Inflate all members of a stream."""
    plain = b""
    rest: bytes | bytearray = body
    for _ in range(MEMBERS_MAX):
        stream = zlib.decompressobj(window_bits)
        plain += stream.decompress(rest, INFLATED_BYTES_MAX + 1 - len(plain))
        if len(plain) > INFLATED_BYTES_MAX:
            raise Undecodable("inflated_too_large", where, f"inflates to more than {INFLATED_BYTES_MAX} bytes")
        if not stream.eof:
            raise Undecodable("content_encoding", where, "the compressed stream ends early")
        rest = stream.unused_data
        if rest[:2] != _GZIP_MAGIC:
            return plain
    raise Undecodable("content_encoding", where, f"more than {MEMBERS_MAX} gzip members")
