"""The doors by which foreign messages come in, and what they are read into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from collectors.records.types import Batch


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events of inference loggers since the start, by what became of them.

    received = 2 * paired + alone + duplicate + other + waiting.
    """

    received: int = 0
    paired: int = 0
    alone: int = 0
    duplicate: int = 0
    other: int = 0
    waiting: int = 0


class EventReader(Protocol):
    """Reads what inference loggers send (CloudEvents) into batches, whose identities are those of the exchanges in them."""

    def read(self, headers: Mapping[str, str], body: bytes, now_ns: int) -> Sequence[Batch]:
        """The batches that a request completes; header names are lower case. Raises InvalidInput, and takes nothing then."""

    @property
    def counts(self) -> EventCounts: ...
    def expire(self, now_ns: int) -> Sequence[Batch]:
        """Batches that tell of the halves of exchanges that waited in vain for the other half."""


@dataclass(frozen=True, slots=True)
class HeldEvents:
    """Exchanges of which something was in memory only when a process ended, and the span in which it came."""

    count: int
    start_ns: int
    end_ns: int


class HeldEventsNote(Protocol):
    """Says how many exchanges are held in memory, somewhere that outlives the process."""

    @property
    def left(self) -> HeldEvents | None:
        """What the process before held when it ended; None where it held nothing."""

    def note(self, count: int, now_ns: int) -> None:
        """So many are held now. Called with every event, so it waits for no disk."""


@dataclass(frozen=True, slots=True)
class ToldLabel:
    """A label that a browser told; `where` is its place in the message."""

    where: str
    model: str
    id: str
    value: str | float | bool


@dataclass(frozen=True, slots=True)
class ToldByBeacon:
    """What one message of a browser holds; `models` are those of its predictions, with the place that names each."""

    batch: Batch | None
    models: Mapping[str, str]
    labels: tuple[ToldLabel, ...]


class BeaconReader(Protocol):
    """Reads what browsers tell, and redacts it."""

    def read(self, body: bytes, now_ns: int) -> ToldByBeacon:
        """Raises InvalidInput with the place of what is wrong, and takes nothing then."""
