"""What a capture worker has done so far: kept in shared memory, so that its successor goes on counting from there."""

from collections.abc import Mapping

import msgspec

DURATION_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)
"""Upper bounds of the duration histogram; the twelfth bucket is open."""
REASONS_MAX = 100
"""Reasons are closed sets in our code; more than these in one mapping would be a mistake and count as `other`."""


class SinkStatus(msgspec.Struct):
    """What one sink has taken, and what waits for it now."""

    records: int = 0
    failed: dict[str, int] = {}
    failed_attempts: dict[str, int] = {}
    retries: int = 0
    last_success_ns: int = 0
    circuit: str = "closed"
    queue_records: int = 0
    queue_bytes: int = 0


class WorkerStatus(msgspec.Struct):
    """Counts since the sidecar started, and gauges of this moment."""

    captured: int = 0
    sampled_out: int = 0
    not_inference: int = 0
    dropped: dict[str, int] = {}
    undecodable: dict[str, int] = {}
    records: int = 0
    protocols: dict[str, int] = {}
    unread: dict[str, int] = {}
    requests: dict[str, int] = {}
    redacted: dict[str, int] = {}
    request_errors: dict[str, int] = {}
    duration_counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(DURATION_BOUNDS_SECONDS) + 1))
    duration_ns: int = 0
    queue_records: int = 0
    queue_bytes: int = 0
    queue_oldest_ns: int = 0
    spool_faults: dict[str, int] = {}
    policy: str = ""
    sinks: dict[str, "SinkStatus"] = {}
    telemetry: dict[str, bool] = {}
    """Which sources of devices and servers answered at the last look."""
    tap_told: list[int] = []
    """What the monitor has been told of the tap, as `passing.py` keeps it."""


def add_counts(total: dict[str, int], more: Mapping[str, int]) -> None:
    """Add counts by reason to a total."""
    for reason, count in more.items():
        known = reason if reason in total or len(total) < REASONS_MAX else "other"
        total[known] = total.get(known, 0) + count


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(WorkerStatus)


def encode_status(status: WorkerStatus) -> bytes:
    return _ENCODER.encode(status)


def decode_status(data: bytes) -> WorkerStatus:
    """Of empty bytes: the status before anything was done."""
    return _DECODER.decode(data) if data else WorkerStatus()
