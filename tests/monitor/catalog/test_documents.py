"""Values as blobs: what goes in comes out, and damage does not."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import zstandard

from monitor.catalog.documents import compress, decompress, pack, read_receiver, unpack_alert, write_receiver
from monitor.definitions import Receiver
from monitor.findings import Alert, AlertKind, AlertStatus, Span


def alert(**more: object) -> Alert:
    return Alert("f", "income", None, AlertKind.DRIFT, AlertStatus.PENDING, **more)  # type: ignore[arg-type]


def test_numbers_of_numpy_come_back_plain() -> None:
    """Scores are computed with NumPy and stored as numbers."""
    kept = unpack_alert(pack(alert(value=np.float64(0.5), looks_below=np.int64(2), window=Span(1, None))))
    assert kept == alert(value=0.5, looks_below=2, window=Span(1, None))
    assert (type(kept.value), type(kept.looks_below)) == (float, int)


def test_what_is_no_value_is_refused() -> None:
    """An object does not become its text."""
    with pytest.raises(TypeError, match="object"):
        pack(alert(value=object()))


def test_a_blob_of_another_shape_is_refused() -> None:
    """Not half-read."""
    with pytest.raises(msgspec.ValidationError):
        unpack_alert(msgspec.msgpack.encode({"fingerprint": "f"}))


def test_equal_receivers_have_equal_texts() -> None:
    """The text is the key of what is owed to a receiver."""
    receiver = Receiver("webhook", "http://127.0.0.1/ü", None)
    assert read_receiver(write_receiver(receiver)) == receiver
    assert write_receiver(receiver) != write_receiver(Receiver("webhook", "http://127.0.0.1/ü", "KEY"))


@pytest.mark.parametrize("data", [b"", b"\0" * 100_000, bytes(range(256))])
def test_compressed_bytes_come_back(data: bytes) -> None:
    """Also none at all."""
    assert decompress(compress(data)) == data


def test_damaged_blobs_are_refused() -> None:
    """Zstandard's own check."""
    with pytest.raises(zstandard.ZstdError):
        decompress(compress(bytes(1000))[:-3])
