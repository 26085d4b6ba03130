"""Inputs with small faults, always the same ones for the same seed."""

import random
from collections.abc import Iterator, Sequence

from tests.fuzz.seeds import CUT

PIECES = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"NaN", b"1e999", b"-1", b"9" * 25, b"\xff", b"\r\n", b"[]", b"{}",
    b"true", b'"b64"', b"\\u0000", b"data: ", b"0.5", b"\0", b"\x80", b"\xff\xff\xff\xff", b"HTTP/1.1 ", b"\r\n\r\n", CUT,
    b"\0\0\4\0\0\0\0\0\1", b"POST / HTTP/1.1\r\n\r\n", b"0\r\n\r\n", b"\x1f\x8b",
)  # fmt: skip


def spoilt(rng: random.Random, whole: bytes, corpus: Sequence[bytes]) -> bytes:
    """The same bytes with a few small faults, or with a part of another input in them."""
    data = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        at, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
        kind = rng.randrange(8)
        if kind == 0:
            data[at:end] = b""
        elif kind == 1:
            data[at:at] = rng.choice(PIECES)
        elif kind in (2, 3) and data:
            data[at % len(data)] = rng.randrange(256) if kind == 2 else data[at % len(data)] ^ 1 << rng.randrange(8)
        elif kind == 4:
            data[at:at] = data[at : min(end, at + 64)] * rng.randint(1, 8)
        elif kind == 5:
            other = rng.choice(corpus)
            begin = rng.randint(0, len(other))
            data[at:end] = other[begin : begin + rng.randint(0, 200)]
        else:
            data[at : at + 1] = rng.choice(PIECES)
    return bytes(data)


def mutated(seed: str, corpus: Sequence[bytes], count: int) -> Iterator[bytes]:
    """So many inputs; the corpus itself comes first."""
    rng = random.Random(seed)
    for number in range(count):
        yield corpus[number] if number < len(corpus) else spoilt(rng, rng.choice(corpus), corpus)
