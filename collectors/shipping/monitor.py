"""The courier to a monitor over HTTP: several requests in flight, each on a pooled connection of its own.

Batches are compressed as they lie in the spool (zstandard), and sent as they are.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from queue import SimpleQueue

from collectors.shipping.answers import retry_after_s, verdict
from collectors.shipping.client import MonitorClient, RequestFailed, parse_address
from collectors.shipping.courier import Outcome, Parcel
from collectors.shipping.settings import ShippingSettings

PATH = "/api/v1/records"
CONTENT_TYPE = "application/vnd.outrider.batch"
BATCH_HEADER = "outrider-batch"

INTERNAL_SERVER_ERROR = 500


class MonitorCourier:
    """Posts each batch to one monitor. Raises ValueError for a URL that is not one."""

    patience_s = 0.0

    def __init__(self, url: str, settings: ShippingSettings, clock: Callable[[], int] = time.time_ns) -> None:
        address = parse_address(url)
        self.parcels_max = settings.requests_in_flight
        self.bytes_max = settings.read_bytes
        self._clock = clock
        self._clients = [
            MonitorClient(
                address, connect_timeout_s=settings.connect_timeout_s, request_timeout_s=settings.request_timeout_s
            )
            for _ in range(settings.requests_in_flight)
        ]
        self._idle: SimpleQueue[MonitorClient] = SimpleQueue()
        for client in self._clients:
            self._idle.put(client)
        self._pool: ThreadPoolExecutor | None = None

    @property
    def connections_opened(self) -> int:
        return sum(client.connections_opened for client in self._clients)

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        if len(parcels) == 1:
            return [self._outcome(self._clients[0], parcels[0])]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.parcels_max, "shipper")
        return list(self._pool.map(self._deliver_one, parcels))

    def abort(self) -> None:
        for client in self._clients:
            client.abort()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        for client in self._clients:
            client.close()

    def _deliver_one(self, parcel: Parcel) -> Outcome:
        client = self._idle.get()
        try:
            return self._outcome(client, parcel)
        finally:
            self._idle.put(client)

    def _outcome(self, client: MonitorClient, parcel: Parcel) -> Outcome:
        headers = {"content-type": CONTENT_TYPE, BATCH_HEADER: parcel.batch}
        try:
            answer = client.post(PATH, headers, parcel.payload)
        except RequestFailed as failure:
            return Outcome("again", failure.reason, str(failure))
        now = datetime.fromtimestamp(self._clock() / 1e9, UTC)
        return Outcome(
            verdict(answer.status),
            f"http_{answer.status}",
            answer.detail.decode("utf-8", "replace"),
            retry_after_s(answer.retry_after, now),
            is_about_batch=answer.status == INTERNAL_SERVER_ERROR,
        )
