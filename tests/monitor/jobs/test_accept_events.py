"""Events become rows once, whatever comes twice and whatever fails in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collectors.records.packing import pack
from collectors.records.types import Batch, Prediction, Tensor
from monitor.errors import Fault, InvalidInput, Unavailable
from monitor.exporters.telemetry import Telemetry
from monitor.jobs import accept_events, accept_together
from monitor.jobs.accept_events import EventAcceptance
from monitor.main import Service, open_service
from monitor.ports import EventCounts, HeldEvents
from monitor.settings import MonitorSettings

NOW_NS = 1_767_225_600 * 10**9


def batch(number: int) -> Batch:
    value = Tensor(name="p", shape=(1,), datatype="FP64", data=pack([0.5], "FP64"))
    prediction = Prediction(
        exchange=f"ce-{number}", id=str(number), id_source="ce-id", model="m", version="", time_ns=NOW_NS + number,
        inputs=(value,), outputs=(value,), captured_by="cloudevents",
    )  # fmt: skip
    return Batch(sidecar="cloudevents", sequence=number, records=(prediction,))


@dataclass
class Reader:
    """Hands out what the test has put there."""

    completed: list[Batch] = field(default_factory=list)
    expired: list[Batch] = field(default_factory=list)
    refusal: InvalidInput | None = None
    waiting: int = 0

    def read(self, headers: Mapping[str, str], body: bytes, now_ns: int) -> Sequence[Batch]:
        if self.refusal is not None:
            raise self.refusal
        given, self.completed = self.completed, []
        return given

    @property
    def counts(self) -> EventCounts:
        return EventCounts(waiting=self.waiting)

    def expire(self, now_ns: int) -> Sequence[Batch]:
        given, self.expired = self.expired, []
        return given


@dataclass
class Note:
    """Remembers what was said last."""

    left: HeldEvents | None = None
    said: int = 0

    def note(self, count: int, now_ns: int) -> None:
        self.said = count


@dataclass
class Door:
    service: Service
    reader: Reader
    events: EventAcceptance
    note: Note

    @property
    def rows(self) -> int:
        return sum(segment.rows for segment in self.service.context.catalog.segments("predictions", "m"))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    service = open_service(MonitorSettings(data=tmp_path), version="0", clock=lambda: NOW_NS)
    reader = Reader()
    context = service.context
    note = Note()
    events = EventAcceptance(reader, service.acceptance, Telemetry("0"), context.clock, note)
    yield Door(service, reader, events, note)
    service.close()


def test_what_a_request_completes_becomes_rows(door: Door) -> None:
    """As many as it has predictions."""
    door.reader.completed = [batch(1), batch(2)]
    assert door.events.accept({}, b"") == 2
    assert door.rows == 2


def test_the_same_exchange_again_is_known(door: Door) -> None:
    """By the identity of its batch."""
    for _ in range(2):
        door.reader.completed = [batch(1)]
        door.events.accept({}, b"")
    assert door.rows == 1


def test_what_the_catalog_could_not_take_is_tried_again(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader would know the event as a duplicate then."""
    take = accept_together.accept_batches

    def refuse(*_: object) -> None:
        raise Unavailable("catalog", "down")

    monkeypatch.setattr(accept_together, "accept_batches", refuse)
    door.reader.completed = [batch(1)]
    with pytest.raises(Unavailable):
        door.events.accept({}, b"")
    monkeypatch.setattr(accept_together, "accept_batches", take)
    door.events.tend()
    assert door.rows == 1


def test_what_waits_is_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest have no room while the catalog takes nothing."""
    take = accept_together.accept_batches

    def refuse(*_: object) -> None:
        raise Unavailable("catalog", "down")

    monkeypatch.setattr(accept_events, "WAITING_MAX", 1)
    monkeypatch.setattr(accept_together, "accept_batches", refuse)
    door.reader.completed = [batch(1), batch(2)]
    with pytest.raises(Unavailable):
        door.events.accept({}, b"")
    monkeypatch.setattr(accept_together, "accept_batches", take)
    door.events.tend()
    assert door.rows == 1


def test_what_waited_in_vain_is_told_without_an_event(door: Door) -> None:
    """By the scheduler's upkeep."""
    door.reader.expired = [batch(7)]
    door.events.tend()
    assert door.rows == 1


def test_what_is_no_event_is_refused(door: Door) -> None:
    """With the reader's words."""
    door.reader.refusal = InvalidInput(Fault("body", "x", "a CloudEvent"))
    with pytest.raises(InvalidInput, match="a CloudEvent"):
        door.events.accept({}, b"")


def test_what_is_held_in_memory_is_noted(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Halves that wait, and batches that the catalog has not taken; nothing once they are kept."""
    door.reader.waiting = 3
    door.events.submit({}, b"")
    assert door.note.said == 3
    door.reader.waiting = 2
    door.reader.completed = [batch(1)]

    def refuse(*_: object) -> None:
        raise Unavailable("catalog", "away")

    with monkeypatch.context() as away:
        away.setattr(door.service.acceptance, "submit", refuse)
        with pytest.raises(Unavailable):
            door.events.submit({}, b"")
    assert door.note.said == 3
    door.reader.waiting = 0
    door.events.tend()
    assert (door.note.said, door.rows) == (0, 1)


def test_what_was_held_when_a_process_ended_is_a_gap(door: Door) -> None:
    """Told once, however often the next one starts."""
    door.reader.completed = [batch(1)]
    door.events.accept({}, b"")
    left = Note(left=HeldEvents(7, NOW_NS, NOW_NS + 10))
    for _ in range(2):
        EventAcceptance(door.reader, door.service.acceptance, Telemetry("0"), lambda: NOW_NS, left)
    (gap,) = door.service.context.catalog.gaps("m", None, None)
    assert (gap.gap.reason, gap.gap.exchanges_estimated) == ("events_forgotten", 7)
