"""Records into a spool that may be full."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from collectors.intake.filling import append_waiting
from collectors.records.types import Ledger, Prediction, Tensor
from collectors.spool import Spool, packing
from tests.collectors.intake.outlets import records


def prediction(name: str, width: int) -> Prediction:
    wide = Tensor(name="x", datatype="UINT8", shape=(1, width), data=Random(1).randbytes(width))
    return Prediction(exchange=name, id=name, id_source="body", model="m", version="1", time_ns=10**9, inputs=(wide,))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool.open(tmp_path / "spool", quota_bytes=1 << 20, free_space_floor_bytes=0) as found:
        yield found


def never() -> bool:
    raise AssertionError("there is room")


def test_a_record_that_no_spool_takes_holds_up_no_other(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is accounted for as dropped, instead of being waited for."""
    monkeypatch.setattr(packing, "BATCH_BYTES_MAX", 2_000)
    monkeypatch.setattr(packing, "BATCH_BYTES_TARGET", 1_000)
    assert append_waiting(spool, [prediction("large", 4_000), prediction("small", 4)], never)
    spool.close()
    dropped, kept = records(tmp_path)
    assert isinstance(dropped, Ledger) and isinstance(kept, Prediction)
    assert (dropped.captured, dropped.dropped, dropped.model, kept.id) == (-1, {"spool_full": 1}, "m", "small")


def test_it_gives_up_when_it_is_told_to(tmp_path: Path) -> None:
    """What had no room is left to who has it still: nothing of it is in the spool."""
    with Spool.open(tmp_path / "spool", quota_bytes=2_000, free_space_floor_bytes=0) as small:
        waits: list[bool] = []

        def wait() -> bool:
            waits.append(len(waits) == 2)
            return waits[-1]

        assert not append_waiting(small, [prediction("large", 4_000)], wait)
        assert waits == [False, False, True]
    assert records(tmp_path) == []
