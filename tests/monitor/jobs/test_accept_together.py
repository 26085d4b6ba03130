"""Batches of many senders in few commits: each once, each answered for, and one that cannot be stored costs no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from collectors.intake.sagemaker import exchange_name
from collectors.records.packing import pack
from collectors.records.types import Batch, Ledger, Prediction, Record, Tensor
from monitor.catalog import open_catalog
from monitor.errors import Unavailable
from monitor.jobs import accept_together
from monitor.jobs.accept_together import Acceptance
from monitor.ports import BatchKey, Catalog
from monitor.segments.local_store import LocalSegmentStore

NOW_NS = 1_767_225_600 * 10**9


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> LocalSegmentStore:
    return LocalSegmentStore(tmp_path / "segments")


@pytest.fixture
def acceptance(catalog: Catalog, store: LocalSegmentStore) -> Iterator[Acceptance]:
    opened = Acceptance(catalog, store, lambda: NOW_NS)
    yield opened
    opened.close()


def prediction(number: int, **more: Any) -> Prediction:
    value = Tensor(name="p", shape=(1,), datatype="FP64", data=pack([0.5], "FP64"))
    known = Prediction(
        exchange=f"x-{number}", id=str(number), id_source="body", model="m", version="", time_ns=NOW_NS + number,
        inputs=(value,), outputs=(value,),
    )  # fmt: skip
    return type(known)(**{**{f: getattr(known, f) for f in known.__struct_fields__}, **more})


def batch(number: int, *records: Record, sidecar: str = "s") -> Batch:
    return Batch(sidecar=sidecar, sequence=number, records=records or (prediction(number),))


def ids(catalog: Catalog, store: LocalSegmentStore) -> list[str]:
    return sorted(map(str, store.read_rows(catalog.segments("predictions", "m")).id))


def test_many_senders_make_few_segments(acceptance: Acceptance, catalog: Catalog, store: LocalSegmentStore) -> None:
    """And each has its own answer."""
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda n: acceptance.accept([batch(n)])[0], range(1, 201)))
    assert [(a.batch, a.known, a.predictions) for a in answers] == [(f"s/{n}", False, 1) for n in range(1, 201)]
    assert ids(catalog, store) == sorted(map(str, range(1, 201)))
    assert len(catalog.segments("predictions", "m")) < 100


def test_nobody_waits_once_all_are_back(acceptance: Acceptance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders that wait for their answers before they go on are all there is to wait for."""
    monkeypatch.setattr(accept_together, "GATHER_SECONDS", 3600.0)
    accept, begun, gate = accept_together.accept_batches, threading.Event(), threading.Event()

    def gated(*given: Any) -> Any:
        begun.set()
        gate.wait(20)
        return accept(*given)

    monkeypatch.setattr(accept_together, "accept_batches", gated)
    alone = acceptance.submit([batch(1)])
    assert begun.wait(20)
    together = [acceptance.submit([batch(number)]) for number in (2, 3)]
    gate.set()
    assert all(future.result(20) for future in (alone, *together))
    again = [acceptance.submit([batch(number)]) for number in (4, 5)]
    assert all(future.result(20) for future in again)


def test_a_batch_that_comes_twice_at_once_is_taken_once(
    acceptance: Acceptance, catalog: Catalog, store: LocalSegmentStore
) -> None:
    """One of the senders is told that it was known."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: acceptance.accept([batch(n % 20 + 1)])[0], range(100)))
    assert sum(not answer.known for answer in answers) == 20
    assert len(ids(catalog, store)) == 20


def test_one_that_cannot_be_stored_costs_no_other(
    acceptance: Acceptance, catalog: Catalog, store: LocalSegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are accepted one by one then."""
    accept, gate = accept_together.accept_batches, threading.Event()

    def picky(batches: Sequence[Batch], *more: Any) -> Any:
        gate.wait(20)
        if any(each.sequence == 3 for each in batches):
            raise RuntimeError("poison")
        return accept(batches, *more)

    monkeypatch.setattr(accept_together, "accept_batches", picky)
    futures = [acceptance.submit([batch(number)]) for number in range(1, 6)]
    gate.set()
    errors = [future.exception(20) for future in futures]
    assert [str(error) if error else None for error in errors] == [None, None, "poison", None, None]
    assert ids(catalog, store) == ["1", "2", "4", "5"]


def test_what_waits_is_bounded(acceptance: Acceptance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders are told to come again; what waits is stored."""
    accept, gate = accept_together.accept_batches, threading.Event()
    monkeypatch.setattr(accept_together, "WAITING_MAX", 3)
    monkeypatch.setattr(accept_together, "accept_batches", lambda *given: gate.wait(20) and accept(*given))
    futures = []
    with pytest.raises(Unavailable, match="wait to be stored"):
        while True:
            futures.append(acceptance.submit([batch(len(futures) + 1)]))
    gate.set()
    assert all(future.result(20) for future in futures)


def test_closing_stores_what_waits(catalog: Catalog, store: LocalSegmentStore) -> None:
    """And takes nothing more."""
    acceptance = Acceptance(catalog, store, lambda: NOW_NS)
    futures = [acceptance.submit([batch(number)]) for number in range(1, 30)]
    acceptance.close()
    assert all(future.done() for future in futures)
    assert len(ids(catalog, store)) == 29
    with pytest.raises(Unavailable):
        acceptance.submit([batch(99)])


def test_an_exchange_that_is_read_again_is_taken_once(
    acceptance: Acceptance, catalog: Catalog, store: LocalSegmentStore
) -> None:
    """In whichever batch it comes, and what its sender counted twice is taken back."""
    read = prediction(1, exchange="kafka-000000000000002a", captured_by="kafka", id="r")
    counted = Ledger(start_ns=NOW_NS, end_ns=NOW_NS + 10**9, model="m", version="", seen=1, captured=1)
    for sidecar in ("one", "two"):
        acceptance.accept([batch(1, read, counted, sidecar=sidecar)])
    acceptance.accept([batch(2, read, counted, sidecar="two"), batch(3, read, counted, sidecar="two")])
    assert ids(catalog, store) == ["r"]
    ledger = catalog.ledger("m", None, NOW_NS, NOW_NS + 10**9)
    assert (ledger.seen, ledger.captured) == (1, 1)
    assert catalog.known([BatchKey("two", 3)])


def test_a_capture_file_that_is_delivered_twice_is_counted_once(
    acceptance: Acceptance, catalog: Catalog, store: LocalSegmentStore
) -> None:
    """Its lines bear the same names again, also from another sidecar and in another order."""
    names = [exchange_name("m", "", event) for event in ("a", "b")]
    lines = [prediction(1, exchange=name, captured_by="file", id=name[-1]) for name in names]
    counted = Ledger(start_ns=NOW_NS, end_ns=NOW_NS + 10**9, model="m", version="", seen=2, captured=2)
    acceptance.accept([batch(1, *lines, counted, sidecar="one")])
    acceptance.accept([batch(1, *lines[::-1], counted, sidecar="two")])
    assert sorted(ids(catalog, store)) == sorted(name[-1] for name in names)
    ledger = catalog.ledger("m", None, NOW_NS, NOW_NS + 10**9)
    assert (ledger.seen, ledger.captured) == (2, 2)


def test_what_became_of_an_exchange_is_counted_once(acceptance: Acceptance, catalog: Catalog) -> None:
    """Whether it was captured or not, told in whichever order, and by whom."""
    name = "kafka-000000000000002b"
    span = {"start_ns": NOW_NS, "end_ns": NOW_NS + 10**9, "model": "m", "version": ""}
    alone = Ledger(**span, seen=1, undecodable={"no_response": 1}, exchange=name)  # type: ignore[arg-type]
    acceptance.accept([batch(1, alone), batch(2, alone)])
    acceptance.accept([batch(3, alone, sidecar="another")])
    read = prediction(1, exchange=name, captured_by="kafka", id="r")
    acceptance.accept([batch(4, read, Ledger(**span, seen=1, captured=1))])  # type: ignore[arg-type]
    ledger = catalog.ledger("m", None, NOW_NS, NOW_NS + 10**9)
    assert (ledger.seen, ledger.captured, dict(ledger.undecodable)) == (1, 0, {"no_response": 1})


def test_what_no_spool_would_take_is_counted_once(acceptance: Acceptance, catalog: Catalog) -> None:
    """Its sender counts it as captured, and takes that back under its name."""
    span = {"start_ns": NOW_NS, "end_ns": NOW_NS + 10**9, "model": "m", "version": ""}
    counted = Ledger(**span, seen=1, captured=1)  # type: ignore[arg-type]
    dropped = Ledger(**span, captured=-1, dropped={"spool_full": 1}, exchange="kafka-000000000000002c")  # type: ignore[arg-type]
    for number in range(3):
        acceptance.accept([batch(number, counted, dropped)])
    ledger = catalog.ledger("m", None, NOW_NS, NOW_NS + 10**9)
    assert (ledger.seen, ledger.captured, dict(ledger.dropped)) == (1, 0, {"spool_full": 1})


def test_names_of_other_exchanges_may_repeat(
    acceptance: Acceptance, catalog: Catalog, store: LocalSegmentStore
) -> None:
    """What a tap saw is known by its batch."""
    seen = prediction(1, exchange="kafka-000000000000002a", captured_by="tap")
    acceptance.accept([batch(1, seen), batch(2, seen)])
    assert ids(catalog, store) == ["1", "1"]
