"""What a connection speaks, from the first bytes of its client."""

import re
from typing import Literal

Spoken = Literal["http1", "http2", "tls", "unknown"]

SNIFF_BYTES_MAX = 32
"""Longer than the HTTP/2 preface (24 bytes) and than any method of HTTP/1.1 with the space after it."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_PREFACE_BEGUN = b"|".join(re.escape(_PREFACE[:length]) for length in range(len(_PREFACE)))

_PROTOCOLS: tuple[tuple[Spoken, re.Pattern[bytes], re.Pattern[bytes]], ...] = (
    ("tls", re.compile(rb"\x16\x03"), re.compile(rb"\x16?\Z")),
    ("http2", re.compile(re.escape(_PREFACE)), re.compile(rb"(?:" + _PREFACE_BEGUN + rb")\Z")),
    ("http1", re.compile(rb"[A-Z][A-Z-]{2,23} "), re.compile(rb"[A-Z][A-Z-]{0,23}\Z")),
)
"""In the order they are tried: what it begins with, and every beginning of that."""


def sniff(start: bytes) -> Spoken | None:
    """Name the protocol, or None while the bytes could still become more than one.

    >>> sniff(b"POST /v2"), sniff(b"PO"), sniff(bytes([0x16, 3, 1])), sniff(b"SSH-2.0")
    ('http1', None, 'tls', 'unknown')
    """
    window = start[:SNIFF_BYTES_MAX].lstrip(b"\r\n")  # RFC 9112, section 2.2: empty lines before a request are ignored
    for spoken, whole, begun in _PROTOCOLS:
        if whole.match(window):
            return spoken
        if len(start) < SNIFF_BYTES_MAX and begun.match(window):
            return None
    return "unknown"
