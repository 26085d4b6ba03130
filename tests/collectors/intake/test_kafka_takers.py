"""What a taker says is safe is in the spool, whatever came, or told it to stop, while it waited."""

from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.intake import kafka_takers
from collectors.intake.gathering import Outlet
from collectors.intake.kafka_messages import Message, Origin, Side, exchange_name
from collectors.intake.kafka_takers import BatchTaker, ExchangeTaker, PoisonFolder
from collectors.records.types import Ledger
from collectors.spool import Spool, SpoolFull, packing
from tests.collectors.generated import request
from tests.collectors.intake.outlets import outlet, predictions, records
from tests.collectors.intake.test_kafka_messages import ANSWERED, ASKED, part

ORIGINS: dict[str, Origin] = {f"m.{side}": Origin("m", "", side) for side in ("request", "response")}  # type: ignore[misc]


def half(side: Side, id: str, *, offset: int) -> Message:
    value = ASKED if side == "request" else ANSWERED
    return Message(f"m.{side}", 0, offset, 10**18, value, {"x-request-id": id})


class Filled:
    """A spool that takes nothing for a while."""

    def __init__(self, spool: Spool, monkeypatch: pytest.MonkeyPatch, *, refusals: int) -> None:
        self.refusals = refusals
        self._append = spool.append
        monkeypatch.setattr(spool, "append", self.append)
        monkeypatch.setattr(kafka_takers, "RETRY_SECONDS", 0)

    def append(self, given: list[object]) -> int:
        if self.refusals:
            self.refusals -= 1
            raise SpoolFull("quota", "none left")
        return self._append(given)  # type: ignore[arg-type]


@pytest.fixture
def into(tmp_path: Path) -> Outlet:
    return outlet(tmp_path)


def taker_of(into: Outlet) -> ExchangeTaker:
    return ExchangeTaker(into.pipeline, into.spool, ORIGINS.get, PoisonFolder(into.spool.directory / "poison"))


def give(taker: ExchangeTaker, id: str, *, offset: int) -> None:
    taker.take(half("request", id, offset=offset))
    taker.take(half("response", id, offset=offset))


def nothing() -> None:
    """While the taker waits."""


def test_what_a_full_spool_refused_is_there_when_it_is_told_to_stop(
    into: Outlet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last flush, after which offsets are committed, has it."""
    taker = taker_of(into)
    Filled(into.spool, monkeypatch, refusals=1)
    give(taker, "one", offset=1)
    assert not taker.flush(lambda: True, nothing)
    assert taker.flush(lambda: True, nothing)
    into.close(0)
    assert [each.id for each in predictions(tmp_path)] == ["one"]


def test_what_came_while_it_waited_is_safe_too(into: Outlet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its offset is committed with the others."""
    taker = taker_of(into)
    Filled(into.spool, monkeypatch, refusals=1)
    give(taker, "one", offset=1)
    assert taker.flush(lambda: False, lambda: give(taker, "two", offset=2))
    into.close(0)
    assert [each.id for each in predictions(tmp_path)] == ["one", "two"]


def test_a_flush_within_a_flush_says_yes_only_for_all_of_it(
    into: Outlet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a partition is taken away while the spool is full: its offsets are committed there and then."""
    taker = taker_of(into)
    Filled(into.spool, monkeypatch, refusals=1)
    give(taker, "one", offset=1)
    known: list[bool] = []

    def revoked() -> None:
        known.append(taker.flush(lambda: False, nothing) and bool(into.spool.pending_records))

    assert taker.flush(lambda: False, revoked)
    assert known == [True]
    into.close(0)
    assert [each.id for each in predictions(tmp_path)] == ["one"]


def test_what_is_not_captured_is_told_under_the_name_of_its_exchange(into: Outlet, tmp_path: Path) -> None:
    """The same whenever its messages are read again; what is captured is known by its prediction."""
    taker = taker_of(into)
    taker.take(half("request", "one", offset=1))
    give(taker, "two", offset=2)
    assert taker.flush(lambda: False, nothing)
    into.close(0)
    told = {
        each.exchange: (dict(each.undecodable), each.captured) for each in records(tmp_path) if isinstance(each, Ledger)
    }
    name = exchange_name(("m", "one"))
    assert told == {name: ({"no_response": 1}, 0), None: ({}, 1)}


def test_a_half_whose_partition_went_to_another_is_not_told_as_alone(into: Outlet, tmp_path: Path) -> None:
    """The new owner reads it again, and pairs it."""
    taker = taker_of(into)
    taker.take(half("request", "one", offset=1))
    taker.forget(("m.request", 0))
    assert taker.held(("m.request", 0)) is None
    give(taker, "two", offset=2)
    assert taker.flush(lambda: False, nothing)  # the messages' times are long ago: whoever waits has waited enough
    into.close(0)
    assert sum(getattr(each, "seen", 0) for each in records(tmp_path)) == 1


def test_batches_wait_until_the_monitor_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, however they came."""
    monkeypatch.setattr(kafka_takers, "RETRY_SECONDS", 0)
    sent: list[list[str]] = []

    def deliver(batches: object) -> list[str]:
        sent.append([batch for batch, _ in batches])  # type: ignore[attr-defined]
        return ["again"] * len(sent[-1]) if len(sent) == 1 else [""] * len(sent[-1])

    taker = BatchTaker(deliver, PoisonFolder(tmp_path))
    taker.take(part(0, 1, b"one", offset=1, batch="ab/1"))
    come: Callable[[], None] = lambda: taker.take(part(0, 1, b"two", offset=2, batch="ab/2"))  # noqa: E731
    assert taker.flush(lambda: False, come)
    assert (sent, taker.taken) == ([["ab/1"], ["ab/1", "ab/2"]], 2)


def test_a_record_that_no_spool_takes_holds_up_no_other(
    into: Outlet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is accounted for as dropped, and the account adds up."""
    monkeypatch.setattr(packing, "BATCH_BYTES_MAX", 5_000)
    monkeypatch.setattr(packing, "BATCH_BYTES_TARGET", 2_000)
    taker = taker_of(into)
    large = request(
        model_name="m", id="large",
        inputs=[{"name": "x", "datatype": "FP64", "shape": [1, 1000], "contents": {"fp64_contents": [0.5] * 1000}}],
    ).SerializeToString()  # fmt: skip
    taker.take(Message("m.request", 0, 1, 10**18, large, {"x-request-id": "large"}))
    taker.take(half("response", "large", offset=1))
    give(taker, "small", offset=2)
    assert taker.flush(lambda: False, nothing)
    into.close(0)
    ledgers = [each for each in records(tmp_path) if isinstance(each, Ledger)]
    assert [each.id for each in predictions(tmp_path)] == ["small"]
    assert sum(each.seen for each in ledgers) == 2
    assert sum(each.captured for each in ledgers) == 1
    assert sum(each.dropped.get("spool_full", 0) for each in ledgers) == 1
