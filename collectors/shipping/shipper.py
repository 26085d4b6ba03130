"""Takes batches from one queue of the spool in order and hands each to its sink until the sink has answered for it.

One thread a sink. A batch is acknowledged when the sink has it or will never take it (put into `refused/` then);
anything else is tried again, in the same place in the order. Several may be on their way at once and are answered for
in any order; they are acknowledged in theirs, so that the queue's place is one number. A batch at which the sink itself
fails (a monitor's 500, again and again, while it takes the next one) would hold up all that come behind it, so it
counts as one that it will never take. What is not answered for when shipping stops stays in the spool and is sent again
by the next start: at least once, and once in effect because a batch is known by its id.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from collectors.shipping.courier import Courier, Outcome, Parcel
from collectors.shipping.pacing import Circuit, Pacing
from collectors.shipping.settings import DEFAULT_SETTINGS, ShippingSettings
from collectors.spool import Queue

FINISHING_SHARE = 0.5
"""Of the time given to stop: the delivery under way may end by itself in it; then it is cut."""

POISON_ATTEMPTS = 8
"""Failures at one batch after which we ask whether the sink would take another: with the default pauses a minute or
more, longer than a restart."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShippingCounts:
    """What became of batches and attempts since the start. `failed` is by reason, one count an attempt.

    `sent` were taken, `known` were there already; `refused` will never be taken, `refused_not_kept` of them had no room
    in the dead-letter folder.
    """

    sent_batches: int = 0
    sent_records: int = 0
    known_batches: int = 0
    known_records: int = 0
    refused_batches: int = 0
    refused_records: int = 0
    refused_not_kept: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    last_success_ns: int | None = None
    circuit: Circuit = "closed"


class Shipper:
    """Ships one queue to one sink."""

    def __init__(
        self,
        queue: Queue,
        courier: Courier,
        settings: ShippingSettings = DEFAULT_SETTINGS,
        *,
        dice: Random | None = None,
        clock: Callable[[], int] = time.time_ns,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.queue = queue
        self._courier = courier
        self._settings = settings
        self._clock = clock
        self._stopping = threading.Event()
        self._pause = pause or self._stopping.wait
        self._pacing = Pacing(settings, dice or Random())  # noqa: S311 (jitter, not a secret)
        self._counts = ShippingCounts()
        self._attempts: dict[int, int] = {}
        """Of the parcels at hand."""
        self._answered: dict[int, Outcome] = {}
        """Parcels that are done with behind one that is not."""
        self._thread = threading.Thread(target=self._run, name=f"shipper-{queue.name}", daemon=True)

    @property
    def counts(self) -> ShippingCounts:
        """As they stand now; an immutable value."""
        return self._counts

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End within the time; what is not answered for stays in the spool. Returns whether the thread has ended."""
        self.tell_to_stop()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s * FINISHING_SHARE)
        if self._thread.is_alive():
            self._courier.abort()
            self._thread.join(timeout_s * (1 - FINISHING_SHARE))
        return not self._thread.is_alive()

    def tell_to_stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def _run(self) -> None:
        after = self.queue.acknowledged
        while not self._stopping.is_set():
            parcels = self._gather(after)
            if not parcels:
                after = max(after, self.queue.acknowledged)
                self._stopping.wait(self._settings.poll_s)
            while parcels and not self._stopping.is_set():
                done = self._round(parcels)
                after = parcels[done - 1].sequence if done else after
                parcels = parcels[done:]
        self._courier.close()

    def _gather(self, after: int) -> list[Parcel]:
        """What waits; for a patient courier once it is much, or has waited long enough."""
        parcels = self._read(after, self._courier.bytes_max)
        waited_s = 0.0
        while parcels and waited_s < self._courier.patience_s and not self._stopping.is_set():
            if sum(len(parcel.payload) for parcel in parcels) >= self._courier.bytes_max // 2:
                break
            self._pause(self._settings.poll_s)
            waited_s += self._settings.poll_s
            if self.queue.counts.pending_bytes > self._courier.bytes_max // 2:
                break
        return self._read(after, self._courier.bytes_max) if waited_s else parcels

    def _read(self, after: int, limit_bytes: int) -> list[Parcel]:
        try:
            found = self.queue.read(after, limit_bytes)
        except OSError as error:
            self._wait_after([Outcome("again", "spool_read", str(error))])
            return []
        return [Parcel(sequence, self.queue.batch_id(sequence), payload) for sequence, payload in found]

    def _round(self, parcels: Sequence[Parcel]) -> int:
        """Hand over the first ones; returns how many of them, from the first on, are done with."""
        self._pacing.attempted()
        width = self._courier.parcels_max if self._pacing.circuit == "closed" else 1
        sent = [parcel for parcel in parcels[:width] if parcel.sequence not in self._answered]
        self._counts = replace(
            self._counts,
            retries=self._counts.retries + sum(parcel.sequence in self._attempts for parcel in sent),
            circuit=self._pacing.circuit,
        )
        failed = []
        for parcel, outcome in zip(sent, self._courier.deliver(sent), strict=True):
            self._attempts[parcel.sequence] = self._attempts.get(parcel.sequence, 0) + outcome.is_about_batch
            if outcome.verdict != "again":
                self._answered[parcel.sequence] = outcome
            elif self._is_poison(parcel, outcome):
                self._answered[parcel.sequence] = replace(outcome, verdict="refused")
            else:
                failed.append(outcome)
        done = 0
        for parcel in parcels[:width]:
            if parcel.sequence not in self._answered:
                break
            self._settle(parcel, self._answered.pop(parcel.sequence))
            done += 1
        if failed and not self._stopping.is_set():
            self._wait_after(failed)
        return done

    def _is_poison(self, parcel: Parcel, outcome: Outcome) -> bool:
        """Whether the sink has failed at this batch for long, and takes others."""
        if not outcome.is_about_batch or self._attempts[parcel.sequence] <= POISON_ATTEMPTS:
            return False
        if any(
            number > parcel.sequence and other.verdict in ("taken", "known") for number, other in self._answered.items()
        ):
            return True
        following = [] if self._stopping.is_set() else self._read(parcel.sequence, 1)
        if not following:
            return False
        (tried,) = self._courier.deliver(following)
        if tried.verdict in ("taken", "known"):
            self._answered[following[0].sequence] = tried
            return True
        return False

    def _settle(self, parcel: Parcel, outcome: Outcome) -> None:
        kept = True
        if outcome.verdict == "refused":
            kept = self.queue.keep_refused(
                parcel.sequence, parcel.payload, status=outcome.reason, detail=outcome.detail
            )
            _LOG.warning(
                "batch_refused",
                extra={
                    "sink": self.queue.name,
                    "sequence": parcel.sequence,
                    "why": outcome.reason,
                    "detail": outcome.detail,
                },
            )
        self._attempts.pop(parcel.sequence, None)
        self._pacing.succeeded()
        records = self.queue.acknowledge(parcel.sequence)
        counts = self._counts
        if outcome.verdict == "taken":
            counts = replace(counts, sent_batches=counts.sent_batches + 1, sent_records=counts.sent_records + records)
        elif outcome.verdict == "known":
            counts = replace(
                counts, known_batches=counts.known_batches + 1, known_records=counts.known_records + records
            )
        else:
            counts = replace(
                counts,
                refused_batches=counts.refused_batches + 1,
                refused_records=counts.refused_records + records,
                refused_not_kept=counts.refused_not_kept + (not kept),
            )
        self._counts = replace(counts, last_success_ns=self._clock(), circuit=self._pacing.circuit)

    def _wait_after(self, failures: Sequence[Outcome]) -> None:
        wish_s = max((failure.retry_after_s or 0.0 for failure in failures), default=0.0)
        pause_s = self._pacing.failed(wish_s)
        failed = dict(self._counts.failed)
        for failure in failures:
            failed[failure.reason] = failed.get(failure.reason, 0) + 1
        self._counts = replace(self._counts, failed=failed, circuit=self._pacing.circuit)
        first = failures[0]
        _LOG.info(
            "shipping_failed",
            extra={"sink": self.queue.name, "why": first.reason, "detail": first.detail, "pause_s": pause_s},
        )
        self._pause(pause_s)
