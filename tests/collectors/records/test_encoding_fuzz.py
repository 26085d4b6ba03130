"""Foreign bytes of a batch: read, or refused with BatchError, and nothing else."""

import random
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.records.encoding import BatchError, decode_batch, encode_batch
from collectors.records.types import Batch, Datatype, Gap, Ledger, Prediction, Record, Tensor

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
counts = st.integers(0, 2**40)
times = st.integers(0, 2**62)
datatypes: st.SearchStrategy[Datatype] = st.sampled_from(("BOOL", "INT64", "FP16", "BF16", "FP64", "BYTES"))
tensors = st.builds(
    Tensor,
    name=texts,
    shape=st.lists(counts, max_size=4).map(tuple),
    datatype=datatypes,
    data=st.binary(max_size=40),
    items=st.lists(texts | st.binary(max_size=9), max_size=4).map(tuple),
    missing=st.lists(counts, max_size=4).map(tuple),
)
predictions = st.builds(
    Prediction,
    exchange=texts,
    id=texts,
    id_source=st.sampled_from(("body", "generated")),
    model=texts,
    version=texts,
    time_ns=times,
    duration_ns=st.none() | times,
    error=st.none() | texts,
    rows=counts,
    inputs=st.lists(tensors, max_size=3).map(tuple),
    outputs=st.lists(tensors, max_size=2).map(tuple),
    inclusion=st.floats(0, 1),
    trace=st.none() | texts,
)
gaps = st.builds(Gap, start_ns=times, end_ns=times, reason=texts, bytes=counts)
ledgers = st.builds(
    Ledger,
    start_ns=times,
    end_ns=times,
    model=st.none() | texts,
    seen=counts,
    dropped=st.dictionaries(texts, counts, max_size=3),
)
records: st.SearchStrategy[Record] = st.one_of(predictions, gaps, ledgers)
batches = st.builds(Batch, sidecar=texts, sequence=counts, records=st.lists(records, max_size=4).map(tuple))


@given(batches)
@settings(max_examples=100, deadline=None)
def test_any_batch_comes_back_as_it_was(batch: Batch) -> None:
    """Every record, every field."""
    assert decode_batch(encode_batch(batch)) == batch


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    """With BatchError, whatever follows a good beginning."""
    for foreign in (data, b"ORB\x01" + data, b"ORB\x01" + zstandard.compress(data)):
        with pytest.raises(BatchError):
            decode_batch(foreign)


def test_mutated_batches_are_read_or_refused() -> None:
    """Bytes replaced, cut and repeated, outside and inside the compressed frame."""
    rng = random.Random(5)
    tensor = Tensor(name="x", shape=(2,), datatype="BYTES", items=("a", b"\xff"))
    prediction = Prediction(exchange="e", id="i", id_source="body", model="m", version="1", time_ns=1, inputs=(tensor,))
    batch = Batch(sidecar="s", sequence=1, records=(prediction, Gap(start_ns=1, end_ns=2, reason="r")))
    plain, whole = msgspec.msgpack.encode(batch), encode_batch(batch)
    refused = 0
    for _ in range(10_000):
        foreign = _mutated(rng, whole) if rng.random() < 0.3 else b"ORB\x01" + zstandard.compress(_mutated(rng, plain))
        try:
            decode_batch(foreign)
        except BatchError:
            refused += 1
    assert refused > 2_000


def test_deep_nesting_is_refused() -> None:
    """It does not exhaust the stack."""
    with pytest.raises(BatchError):
        decode_batch(b"ORB\x01" + zstandard.compress(b"\x91" * 1_000_000))


@pytest.mark.parametrize(
    "plain", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"]
)
def test_a_length_without_its_bytes_is_refused(plain: bytes) -> None:
    """No memory is taken on a promise."""
    with pytest.raises(BatchError):
        decode_batch(b"ORB\x01" + zstandard.compress(plain))


def test_a_frame_that_hides_its_size_is_refused() -> None:
    """The limit is checked before anything is inflated."""
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000))
    with pytest.raises(BatchError, match="declares"):
        decode_batch(b"ORB\x01" + frame)


def test_text_that_is_not_utf8_is_refused() -> None:
    """MessagePack lets it pass; we do not."""
    value: dict[str, Any] = {"sidecar": "XX", "sequence": 1, "records": []}
    plain = msgspec.msgpack.encode(value).replace(b"XX", b"\xff\xfe")
    with pytest.raises(BatchError):
        decode_batch(b"ORB\x01" + zstandard.compress(plain))


def _mutated(rng: random.Random, data: bytes) -> bytes:
    mutable = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(mutable))
        kind = rng.randrange(3)
        if kind == 0:
            mutable[at] = rng.randrange(256)
        elif kind == 1:
            del mutable[at : at + rng.randint(1, 8)]
        else:
            mutable[at:at] = mutable[at : at + rng.randint(1, 8)]
        mutable = mutable or bytearray(1)
    return bytes(mutable)
