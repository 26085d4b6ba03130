"""The door to a sink: a courier is handed parcels and says of each what became of it.

A parcel is a batch with its number and its id, as it lies in the spool. Couriers keep nothing: what is not answered for
is handed over again, under the same id, so a sink that knows ids takes each batch once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["taken", "known", "refused", "again"]
"""`taken` and `known` are acknowledged, `refused` will never be taken, `again` may be taken later."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One batch on its way."""

    sequence: int
    batch: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a parcel; `reason` is of a closed set for each kind of sink, so that it can label a counter.

    `is_about_batch`: the sink failed at this very batch, and might take the next.
    """

    verdict: Verdict
    reason: str = ""
    detail: str = ""
    retry_after_s: float | None = None
    is_about_batch: bool = False


class Courier(Protocol):
    """One kind of sink. `deliver` is called by one thread, `abort` by another."""

    @property
    def parcels_max(self) -> int:
        """How many parcels it takes at once."""

    @property
    def bytes_max(self) -> int:
        """How many bytes of them, unless one alone is larger."""

    @property
    def patience_s(self) -> float:
        """How long parcels may wait for others, so that they go as one; 0 for not at all."""

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        """One outcome for each parcel, in their order. Raises nothing of the sink's."""

    def abort(self) -> None:
        """End a delivery that another thread is in; no other follows."""

    def close(self) -> None: ...
