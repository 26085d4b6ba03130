"""The wire format: what generated code writes is read back, and hostile bytes are refused."""

import contextlib
import random

import pytest

from collectors.decoders.protobuf import (
    FIELDS_MAX,
    LONG_VARINTS_MAX,
    Allowance,
    MalformedProtobuf,
    fields,
    signed,
    varint_count,
    varints,
)
from tests.collectors.generated import generated


def test_fields_are_those_that_were_written() -> None:
    """All wire types, unknown and repeated fields, large field numbers."""
    message = (
        b"\x08\x96\x01" + b"\x11" + b"12345678" + b"\x1a\x03abc" + b"\x25" + b"1234" + b"\x1a\x00" + b"\x82\x7d\x01z"
    )
    assert list(fields(message, Allowance())) == [
        (1, 0, 150),
        (2, 1, b"12345678"),
        (3, 2, b"abc"),
        (4, 5, b"1234"),
        (3, 2, b""),
        (2000, 2, b"z"),
    ]


def test_packed_numbers_are_those_that_were_written() -> None:
    """Random ones of every size, against generated code."""
    rng = random.Random(5)
    for largest in (0x7F, 2**14, 2**63 - 1):
        values = [rng.randint(-largest if largest > 200 else 0, largest) for _ in range(70_000)]
        contents = generated().InferTensorContents(int64_contents=values).SerializeToString()
        ((_, _, packed),) = fields(contents, Allowance())
        assert isinstance(packed, bytes)
        assert [signed(each) for piece in varints(packed) for each in piece] == values
        assert varint_count(packed) == len(values)


@pytest.mark.parametrize(
    "message",
    [
        b"\x08",
        b"\x0a\x02a",
        b"\x0a",
        b"\x0a\xff",
        b"\x0b",
        b"\x0c",
        b"\x0e",
        b"\x00\x01",
        b"\x0d123",
        b"\x08" + b"\xff" * 11,
    ],
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    """Cut short, groups, no number, endless numbers."""
    with pytest.raises(MalformedProtobuf):
        list(fields(message, Allowance()))


@pytest.mark.parametrize("packed", [b"\x80", b"\x01\x80", b"\xff" * 10 + b"\x01"])
def test_packed_numbers_without_end_are_refused(packed: bytes) -> None:
    """At the end of the field, or after ten bytes."""
    with pytest.raises(MalformedProtobuf):
        list(varints(packed))


def test_what_a_message_may_cost_is_bounded() -> None:
    """Fields of it and of all that is in it; numbers that must be put together."""
    with pytest.raises(MalformedProtobuf) as caught:
        list(fields(b"\x08\x01" * (FIELDS_MAX + 1), Allowance()))
    assert caught.value.too_large
    with pytest.raises(MalformedProtobuf) as caught:
        list(varints(b"\x80\x01" * (LONG_VARINTS_MAX + 1)))
    assert caught.value.too_large


def test_random_bytes_end_or_are_refused() -> None:
    """Ten thousand of them."""
    rng = random.Random(1)
    for _ in range(10_000):
        data = rng.randbytes(rng.randint(0, 60))
        with contextlib.suppress(MalformedProtobuf):
            assert all(number > 0 for number, _, _ in fields(data, Allowance()))
