"""Accepting records and labels: once in effect, nothing half-written, labels at their prediction's time."""

import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch, Gap, Ledger, Prediction, Record, Tensor
from monitor.catalog.opening import open_catalog
from monitor.errors import InvalidInput
from monitor.jobs.accept_labels import accept_labels, find_waiting
from monitor.jobs.accept_records import Accepted, accept_batches, read_batch
from monitor.ports import Catalog
from monitor.segments.local_store import LocalSegmentStore

NOW = 1_800_000_000 * 10**9


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> LocalSegmentStore:
    return LocalSegmentStore(tmp_path / "segments")


def prediction(number: int, model: str = "income", width: int = 2) -> Prediction:
    data = array.array("d", [float(number)] * 2).tobytes()
    return Prediction(
        exchange=f"e{number}",
        id=f"r{number}",
        id_source="body",
        model=model,
        version="3",
        time_ns=NOW + number,
        inputs=(Tensor(name="x", shape=(1, width), datatype="FP64", data=data),),
        outputs=(Tensor(name="p", shape=(1,), datatype="FP64", data=data[:8]),),
    )


def batch(sequence: int, *records: Record) -> bytes:
    return encode_batch(Batch(sidecar="s", sequence=sequence, records=records))


def accept_records(body: bytes, catalog: Catalog, store: LocalSegmentStore, now_ns: int) -> Accepted:
    """One batch by itself."""
    return accept_batches([read_batch(body)], catalog, store, now_ns)[0]


def test_the_same_batch_twice_is_one(catalog: Catalog, store: LocalSegmentStore) -> None:
    """A batch that is delivered again changes nothing."""
    body = batch(1, prediction(1), prediction(2))
    first, second = (accept_records(body, catalog, store, NOW) for _ in range(2))
    assert (first.known, first.predictions) == (False, 2)
    assert second.known
    assert sum(s.rows for s in catalog.segments("predictions", "income")) == 2


def test_foreign_bytes_are_refused_whole(catalog: Catalog, store: LocalSegmentStore) -> None:
    """Rubbish is refused with its place and leaves no file and no model behind."""
    for body in (b"", b"\x00\x01\x02", batch(1, prediction(1))[:-5], b"ORB\x09rest"):
        with pytest.raises(InvalidInput, match="body"):
            accept_records(body, catalog, store, NOW)
    assert catalog.models() == []


def test_an_undeclared_model_is_recorded_and_proposed(catalog: Catalog, store: LocalSegmentStore) -> None:
    """Traffic alone brings a model into the catalog, as not declared."""
    accept_records(batch(1, prediction(1, "newcomer")), catalog, store, NOW)
    (entry,) = catalog.models()
    assert (entry.name, entry.declared) == ("newcomer", False)


def test_what_cannot_become_rows_is_counted_and_the_rest_goes_on(catalog: Catalog, store: LocalSegmentStore) -> None:
    """A tensor that belies its shape and a name that is none are refused by reason; their neighbours are kept."""
    body = batch(1, prediction(1), prediction(2, width=9), prediction(3, model="../etc"))
    accepted = accept_records(body, catalog, store, NOW)
    assert accepted.predictions == 1
    assert accepted.refused == {"tensor_shape": 1, "model_name": 1}


def test_gaps_and_ledgers_are_kept_for_the_sidecar_s_models(catalog: Catalog, store: LocalSegmentStore) -> None:
    """A gap is told of every model that the sidecar has carried; ledger entries add up over a span."""
    gap = Gap(start_ns=NOW, end_ns=NOW + 5, reason="worker_restart", exchanges_estimated=3)
    entries = [
        Ledger(start_ns=NOW + i, end_ns=NOW + i + 1, model="income", version="3", seen=2, captured=1, sampled_out=1)
        for i in range(3)
    ]
    accept_records(batch(1, prediction(1), gap, *entries), catalog, store, NOW)
    (found,) = catalog.gaps("income", None, None)
    assert (found.sidecar, found.gap.exchanges_estimated) == ("s", 3)
    total = catalog.ledger("income", "3", NOW, NOW + 2)
    assert (total.seen, total.captured, total.sampled_out) == (4, 2, 2)


def test_a_label_lies_at_its_prediction_s_time_or_waits(catalog: Catalog, store: LocalSegmentStore) -> None:
    """Known ids go to the event time; an unknown one waits and is found when its prediction comes."""
    accept_records(batch(1, prediction(1)), catalog, store, NOW)
    ids = np.array(["r1", "r2"], object)
    accepted = accept_labels("income", ids, np.array([1, 0], object), catalog, store, NOW)
    assert (accepted.accepted, accepted.unknown, accepted.start_ns) == (2, 1, NOW + 1)
    accept_records(batch(2, prediction(2)), catalog, store, NOW)
    assert find_waiting("income", catalog, store, NOW).unknown == 0
    labels = store.read_labels(catalog.segments("labels", "income"), NOW, NOW + 10)
    assert dict(zip(labels.id, labels.value, strict=True)) == {"r1": 1, "r2": 0}


def refused(number: int, model: str = "income") -> Prediction:
    return Prediction(
        exchange=f"e{number}",
        id=f"r{number}",
        id_source="body",
        model=model,
        version="3",
        time_ns=NOW + number,
        duration_ns=5,
        status=503,
        error="busy",
        trace="ab" * 16,
    )


def test_refused_exchanges_of_a_known_model_are_kept_apart(catalog: Catalog, store: LocalSegmentStore) -> None:
    """With status, duration and trace; they are no predictions, and a batch that comes twice brings them once."""
    body = batch(1, prediction(1), refused(2), refused(3))
    for _ in range(2):
        accept_records(body, catalog, store, NOW)
    (segment,) = catalog.segments("failures", "income")
    rows = store.read_rows([segment])
    assert rows.id.tolist() == ["r2", "r3"]
    assert rows.columns["status"].values.tolist() == [503, 503]
    assert rows.duration_ns is not None and rows.trace is not None
    assert (rows.duration_ns.tolist(), rows.trace.tolist()) == ([5, 5], ["ab" * 16] * 2)
    assert sum(s.rows for s in catalog.segments("predictions", "income")) == 1


def test_a_name_that_only_refused_requests_bear_is_none(catalog: Catalog, store: LocalSegmentStore) -> None:
    """Anyone may ask for a model that is not there."""
    accept_records(batch(1, refused(1, "nonsense")), catalog, store, NOW)
    assert catalog.models() == []
    assert catalog.segments("failures", "nonsense") == []
