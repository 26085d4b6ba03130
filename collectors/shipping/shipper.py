"""Takes batches from the spool in order and posts each until the monitor has answered for it.

One thread, one connection. A batch is acknowledged in the spool when the monitor has it (2xx, or 409: it had it
already) or will never take it (put into `refused/` then); anything else is tried again, in the same place in the
order. A batch at which the monitor itself fails (500, again and again, while it takes the next one) would hold up all
that come behind it, so it counts as one that it will never take. What is not answered for when shipping stops stays in the spool and is sent again by the next start: at least
once, and once in effect because the monitor knows a batch by its id.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random

from collectors.shipping.answers import retry_after_s, verdict
from collectors.shipping.client import Answer, MonitorClient, RequestFailed, parse_address
from collectors.shipping.pacing import Circuit, Pacing
from collectors.shipping.settings import DEFAULT_SETTINGS, ShippingSettings
from collectors.spool import Spool

PATH = "/api/v1/records"
CONTENT_TYPE = "application/vnd.outrider.batch"
BATCH_HEADER = "outrider-batch"

FINISHING_SHARE = 0.5
"""Of the time given to stop: the request under way may end by itself in it; then its connection is cut."""

POISON_ATTEMPTS = 8
"""Answers 500 to one batch after which we ask whether the monitor would take another: with the default pauses a minute
or more, longer than a restart."""

INTERNAL_SERVER_ERROR = 500

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShippingCounts:
    """What became of batches and attempts since the start. `failed` is by reason, one count an attempt.

    `sent` were answered 2xx, `known` 409; `refused` will never be taken, `refused_not_kept` of them had no room in
    the dead-letter folder.
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
    """Ships one spool to one monitor. Raises ValueError for a URL that is not one."""

    def __init__(
        self,
        spool: Spool,
        url: str,
        settings: ShippingSettings = DEFAULT_SETTINGS,
        *,
        dice: Random | None = None,
        clock: Callable[[], int] = time.time_ns,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._clock = clock
        self._stopping = threading.Event()
        self._pause = pause or self._stopping.wait
        self._pacing = Pacing(settings, dice or Random())  # noqa: S311 (jitter, not a secret)
        self._client = MonitorClient(
            parse_address(url),
            connect_timeout_s=settings.connect_timeout_s,
            request_timeout_s=settings.request_timeout_s,
        )
        self._counts = ShippingCounts()
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)

    @property
    def counts(self) -> ShippingCounts:
        """As they stand now; an immutable value."""
        return self._counts

    @property
    def connections_opened(self) -> int:
        return self._client.connections_opened

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """End within the time; what is not answered for stays in the spool. Returns whether the thread has ended."""
        self._stopping.set()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s * FINISHING_SHARE)
        if self._thread.is_alive():
            self._client.abort()
            self._thread.join(timeout_s * (1 - FINISHING_SHARE))
        return not self._thread.is_alive()

    def _run(self) -> None:
        after = self._spool.acknowledged
        while not self._stopping.is_set():
            batches = self._read(after)
            if not batches:
                after = max(after, self._spool.acknowledged)
                self._stopping.wait(self._settings.poll_s)
            for sequence, payload in batches:
                if not self._ship(sequence, payload):
                    break
                after = sequence
        self._client.close()

    def _read(self, after: int) -> list[tuple[int, bytes]]:
        try:
            return self._spool.read(after, self._settings.read_bytes)
        except OSError as error:
            self._wait_after("spool_read", str(error), None)
            return []

    def _ship(self, sequence: int, payload: bytes) -> bool:
        """Post one batch until it is answered for; False where shipping stops first."""
        batch = self._spool.batch_id(sequence)
        headers = {"content-type": CONTENT_TYPE, BATCH_HEADER: batch}
        is_retry, server_errors, are_others_taken = False, 0, False
        while not self._stopping.is_set():
            if is_retry:
                self._counts = replace(self._counts, retries=self._counts.retries + 1)
            is_retry = True
            try:
                answer = self._client.post(PATH, headers, payload)
            except RequestFailed as failure:
                if not self._stopping.is_set():
                    self._wait_after(failure.reason, str(failure), None)
                continue
            is_poison = answer.status == INTERNAL_SERVER_ERROR and are_others_taken
            if self._is_answered_for(sequence, payload, answer, is_poison=is_poison):
                return True
            server_errors += answer.status == INTERNAL_SERVER_ERROR
            are_others_taken = server_errors >= POISON_ATTEMPTS and self._is_next_taken(sequence)
            now = datetime.fromtimestamp(self._clock() / 1e9, UTC)
            self._wait_after(f"http_{answer.status}", _text(answer.detail), retry_after_s(answer.retry_after, now))
        return False

    def _is_next_taken(self, sequence: int) -> bool:
        """Send the batch behind this one; it is sent again in its turn, and known then."""
        try:
            following = self._spool.read(sequence, 1)
            if not following or self._stopping.is_set():
                return False
            number, payload = following[0]
            headers = {"content-type": CONTENT_TYPE, BATCH_HEADER: self._spool.batch_id(number)}
            return verdict(self._client.post(PATH, headers, payload).status) in ("taken", "known")
        except (OSError, RequestFailed):
            return False

    def _is_answered_for(self, sequence: int, payload: bytes, answer: Answer, *, is_poison: bool) -> bool:
        said = "refused" if is_poison else verdict(answer.status)
        if said == "again":
            return False
        kept = True
        if said == "refused":
            detail = _text(answer.detail)
            kept = self._spool.keep_refused(sequence, payload, status=answer.status, detail=detail)
            _LOG.warning("batch_refused", extra={"sequence": sequence, "status": answer.status, "detail": detail})
        self._pacing.succeeded()
        records = self._spool.acknowledge(sequence)
        counts = self._counts
        if said == "taken":
            counts = replace(counts, sent_batches=counts.sent_batches + 1, sent_records=counts.sent_records + records)
        elif said == "known":
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
        return True

    def _wait_after(self, reason: str, detail: str, server_wish_s: float | None) -> None:
        pause_s = self._pacing.failed(server_wish_s)
        failed = {**self._counts.failed, reason: self._counts.failed.get(reason, 0) + 1}
        self._counts = replace(self._counts, failed=failed, circuit=self._pacing.circuit)
        _LOG.info("shipping_failed", extra={"why": reason, "detail": detail, "pause_s": pause_s})
        self._pause(pause_s)


def _text(detail: bytes) -> str:
    return detail.decode("utf-8", "replace")
