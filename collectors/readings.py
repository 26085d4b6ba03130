"""What the shared memory says of the tap and of the worker, as telemetry shows it: read anew at each scrape."""

import itertools
import time
from typing import get_args

from collectors.decoders.decoder import Reason
from collectors.protocols.connection import OPAQUE_CAUSES
from collectors.protocols.exchange import DROPPED, Damage
from collectors.spool.recovery import FAULTS
from collectors.tap import segment as at
from collectors.tap.passive.starting import WATCHER
from collectors.tap.segment import TLS_REFUSALS, UNCOPIED, Segment
from collectors.tap.status import DURATION_BOUNDS_SECONDS, decode_status
from collectors.telemetry import PacketReadings, Readings, SinkReadings

LOSSES: dict[tuple[str, str], int] = {
    ("dropped" if reason in DROPPED else "undecodable", reason): 0 for reason in (*get_args(Damage), *get_args(Reason))
}
"""Every way to lose an exchange, from the first scrape on: the increase from nothing to one would go unseen."""
FORWARDER = "forwarder"
"""The process of the tap that connections go through."""
ALIVE_SECONDS = 10.0
"""A child that has not shown itself for this long does not live."""


def read_health(segment: Segment, now_ns: int) -> dict[str, bool]:
    """`live`: bytes are forwarded, or packets watched. `ready`: and they can be captured. Neither asks about the monitor."""
    words = segment.words
    forwards = abs(now_ns - words[at.TAP_ALIVE_NS]) < ALIVE_SECONDS * 1e9  # clocks are set back, too
    captures = bool(words[at.WORKER_UP]) and abs(now_ns - words[at.WORKER_ALIVE_NS]) < ALIVE_SECONDS * 1e9
    return {"live": forwards, "ready": forwards and captures}


def read_segment(segment: Segment, queue_bytes_max: int, tap: str = FORWARDER) -> Readings:
    """Everything that is exported, as the shared memory has it now."""
    words = segment.words
    status = decode_status(segment.read_status())
    exchanges = {
        **LOSSES,
        ("captured", ""): status.captured,
        ("sampled_out", ""): status.sampled_out,
        ("not_inference", ""): status.not_inference,
        **{("dropped", reason): count for reason, count in status.dropped.items()},
        **{("undecodable", reason): count for reason, count in status.undecodable.items()},
    }
    below = list(itertools.accumulate(status.duration_counts))
    bounds = [*(f"{bound:g}" for bound in DURATION_BOUNDS_SECONDS), "+Inf"]
    health = read_health(segment, time.time_ns())
    return Readings(
        forwarded_bytes={"to_server": words[at.BYTES_TO_SERVER], "to_client": words[at.BYTES_TO_CLIENT]},
        copied_bytes=words[at.BYTES_COPIED],
        uncopied_bytes={reason: words[at.BYTES_UNCOPIED + i] for i, reason in enumerate(UNCOPIED)},
        forwarded_connections=words[at.CONNECTIONS],
        copied_connections=words[at.CONNECTIONS_COPIED],
        uncopied_connections={reason: words[at.CONNECTIONS_UNCOPIED + i] for i, reason in enumerate(UNCOPIED)},
        refused_connections=words[at.CONNECTIONS_REFUSED],
        packets=PacketReadings(
            seen=words[at.PACKETS],
            dropped=words[at.PACKETS_DROPPED],
            midway_connections=words[at.CONNECTIONS_MIDWAY],
        )
        if tap == WATCHER
        else None,
        restarts={tap: words[at.TAP_RESTARTS], "worker": words[at.WORKER_RESTARTS]},
        up={tap: health["live"], "worker": bool(words[at.WORKER_UP])},
        ring_waiting_bytes=words[at.HEAD] - words[at.TAIL],
        ring_bytes=len(segment.ring),
        policy_in_use=status.policy,
        telemetry=status.telemetry,
        tls_refused={reason: words[at.TLS_REFUSED + i] for i, reason in enumerate(TLS_REFUSALS)},
        certificates={"applied": words[at.TLS_RELOADS], "refused": words[at.TLS_RELOADS_FAILED]},
        protocols={**dict.fromkeys(("http1", "http2", "opaque"), 0), **status.protocols},
        unread={**dict.fromkeys(OPAQUE_CAUSES, 0), **status.unread},
        exchanges=exchanges,
        records=status.records,
        redacted=status.redacted,
        requests={**dict.fromkeys(("http1", "http2", "grpc"), 0), **status.requests},
        request_errors=status.request_errors,
        duration_buckets=list(zip(bounds, below, strict=True)),
        duration_seconds=status.duration_ns / 1e9,
        queue_records=status.queue_records,
        queue_bytes=status.queue_bytes,
        queue_bytes_max=queue_bytes_max,
        queue_oldest_seconds=status.queue_oldest_ns / 1e9,
        spool_faults={**dict.fromkeys(FAULTS, 0), **status.spool_faults},
        sinks={
            name: SinkReadings(
                records=sink.records,
                failed=sink.failed,
                failed_attempts=sink.failed_attempts,
                retries=sink.retries,
                last_success_seconds=sink.last_success_ns / 1e9,
                circuit=sink.circuit,
                queue_records=sink.queue_records,
                queue_bytes=sink.queue_bytes,
            )
            for name, sink in status.sinks.items()
        },
    )
