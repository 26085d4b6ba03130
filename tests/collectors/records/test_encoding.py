"""The bytes of a batch: what goes in comes out, and foreign bytes are refused with their place."""

import msgspec
import pytest
import zstandard

from collectors.records.encoding import (
    BATCH_BYTES_MAX,
    PIECE_BYTES,
    PIECE_RECORDS,
    BatchError,
    decode_batch,
    encode_batch,
)
from collectors.records.types import Batch, Gap, Ledger, Prediction, Tensor

BATCH = Batch(
    sidecar="a" * 32,
    sequence=7,
    records=(
        Prediction(
            exchange="e",
            id="i",
            id_source="body",
            model="m",
            version="1",
            time_ns=1,
            inputs=(Tensor(name="x", shape=(2,), datatype="BYTES", items=("text", b"\xff")),),
            outputs=(Tensor(name="y", shape=(1,), datatype="FP32", data=bytes(4), missing=(0,)),),
        ),
        Gap(start_ns=1, end_ns=2, reason="ring_full", bytes=10),
        Ledger(start_ns=1, end_ns=2, model="m", seen=3, captured=2, dropped={"spool_quota": 1}),
    ),
)


def _frame(value: object) -> bytes:
    return b"ORB\x01" + zstandard.compress(msgspec.msgpack.encode(value))


def test_every_kind_of_record_comes_back() -> None:
    """Text stays text, bytes stay bytes, and each record keeps its kind."""
    assert decode_batch(encode_batch(BATCH)) == BATCH


@pytest.mark.parametrize("count", [1, PIECE_RECORDS, 2 * PIECE_RECORDS + 1, 40 * PIECE_RECORDS])
def test_pauses_change_nothing(count: int) -> None:
    """Encoded in pieces, a batch says the same, and its frame its size; pauses come as often as its size asks for."""
    batch = msgspec.structs.replace(BATCH, records=BATCH.records[:1] * count)
    pauses: list[None] = []
    data = encode_batch(batch, pause=lambda: pauses.append(None))
    assert decode_batch(data) == batch
    assert zstandard.frame_content_size(data[4:]) == len(msgspec.msgpack.encode(batch))
    assert len(pauses) >= max(count // PIECE_RECORDS, len(msgspec.msgpack.encode(batch)) // PIECE_BYTES)


def test_unknown_fields_of_a_newer_sender_are_ignored() -> None:
    """A field that we do not know does not make a batch unreadable."""
    value = msgspec.msgpack.decode(msgspec.msgpack.encode(BATCH))
    value["colour"] = value["records"][1]["colour"] = "red"
    assert decode_batch(_frame(value)) == BATCH


@pytest.mark.parametrize("item", [1, None, ["x"], {"x": 1}])
def test_an_item_is_text_or_bytes(item: object) -> None:
    """Anything else among the items of a tensor is refused, with its place."""
    value = msgspec.msgpack.decode(msgspec.msgpack.encode(BATCH))
    value["records"][0]["inputs"][0]["items"] = [item]
    with pytest.raises(BatchError, match=r"records\[0\].inputs\[0\]"):
        decode_batch(_frame(value))


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "bytes 0 to 3"),
        (b"GIF89a", "bytes 0 to 3"),
        (b"ORB\x02rest", "version 02"),
        (b"ORB\x01rest", "byte 4"),
        (_frame({"sidecar": "a"}), "batch"),
        (b"ORB\x01" + zstandard.compress(bytes(BATCH_BYTES_MAX + 1)), "declares"),
        (encode_batch(BATCH)[:-1], "byte 4"),
    ],
)
def test_bytes_that_are_no_batch_are_refused_with_their_place(data: bytes, where: str) -> None:
    """Nothing but BatchError comes out of foreign bytes."""
    with pytest.raises(BatchError, match=where):
        decode_batch(data)
