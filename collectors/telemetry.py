"""What the sidecar says about itself: Prometheus metrics and health, served over HTTP.

Counts come from shared memory at the moment of the scrape, so they survive the death of any child process. Label
values come from closed sets in our code: nothing that a client sends becomes a label.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder

from collectors.reloading import PolicyState

LABEL_CHARS_MAX = 128
"""Label values are cut to this; ours are shorter, so this only guards against a mistake."""
CIRCUITS = ("closed", "half_open", "open")
"""States of the circuit of a sink."""
REQUEST_SECONDS_MAX = 5.0
"""A scraper that sends its request more slowly than this is cut off."""


@dataclass(frozen=True, kw_only=True)
class SinkReadings:
    """What one sink has taken, and what waits for it."""

    records: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    failed_attempts: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    last_success_seconds: float = 0.0
    circuit: str = "closed"
    queue_records: int = 0
    queue_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class PacketReadings:
    """What the kernel has counted for a passive tap, and the connections whose beginning it did not see."""

    seen: int
    dropped: int
    midway_connections: int


@dataclass(frozen=True, kw_only=True)
class Readings:
    """Everything that is exported, at one moment. Mappings go from a label value to its count."""

    forwarded_bytes: Mapping[str, int]
    copied_bytes: int
    uncopied_bytes: Mapping[str, int]
    forwarded_connections: int
    copied_connections: int
    uncopied_connections: Mapping[str, int]
    refused_connections: int
    restarts: Mapping[str, int]
    up: Mapping[str, bool]
    ring_waiting_bytes: int
    ring_bytes: int
    packets: PacketReadings | None = None
    policy: PolicyState | None = None
    policy_in_use: str = ""
    telemetry: Mapping[str, bool] = field(default_factory=dict)
    tls_refused: Mapping[str, int] = field(default_factory=dict)
    certificates: Mapping[str, int] = field(default_factory=dict)
    protocols: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    exchanges: Mapping[tuple[str, str], int] = field(default_factory=dict)
    records: int = 0
    redacted: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    request_errors: Mapping[str, int] = field(default_factory=dict)
    duration_buckets: Sequence[tuple[str, int]] = ()
    duration_seconds: float = 0.0
    queue_records: int = 0
    queue_bytes: int = 0
    queue_bytes_max: int = 0
    queue_oldest_seconds: float = 0.0
    spool_faults: Mapping[str, int] = field(default_factory=dict)
    sinks: Mapping[str, "SinkReadings"] = field(default_factory=dict)


class SidecarMetrics:
    """A collector of `prometheus_client`: reads when it is scraped."""

    def __init__(self, version: str, read: Callable[[], Readings]) -> None:
        self._version = version
        self._read = read

    def collect(self) -> Iterable[Metric]:
        now = self._read()
        build = GaugeMetricFamily(
            "outrider_build_info", "Build of the running binary, constant 1.", labels=["version", "commit"]
        )
        build.add_metric([self._version, "unknown"], 1)
        yield build
        yield from _tap(now)
        yield from _tls(now)
        yield from _policy(now)
        yield from _sources(now)
        yield from _capture(now)
        yield from _delivery(now)


def _tap(now: Readings) -> Iterable[Metric]:
    yield _counters("outrider_tap_bytes", "Bytes that passed.", "direction", now.forwarded_bytes)
    yield _counter(
        "outrider_tap_copied_bytes", "Bytes that passed and were copied to the capture worker.", now.copied_bytes
    )
    yield _counters(
        "outrider_tap_uncopied_bytes",
        "Bytes that passed and were not handed to the capture worker.",
        "reason",
        now.uncopied_bytes,
    )
    yield _counter(
        "outrider_tap_forwarded_connections", "Connections forwarded, or watched.", now.forwarded_connections
    )
    yield _counter(
        "outrider_tap_copied_connections", "Connections that ended with every byte copied.", now.copied_connections
    )
    yield _counters(
        "outrider_tap_uncopied_connections",
        "Connections that ended with bytes not copied, by the first reason.",
        "reason",
        now.uncopied_connections,
    )
    closed = now.copied_connections + sum(now.uncopied_connections.values())
    yield GaugeMetricFamily(
        "outrider_tap_open_connections", "Connections that stand now.", value=now.forwarded_connections - closed
    )
    yield _counter(
        "outrider_tap_refused_connections",
        "Connections ended because the server could not be reached.",
        now.refused_connections,
    )
    yield _counters(
        "outrider_tap_connections",
        "Connections that the capture worker saw, by what they turned out to speak.",
        "protocol",
        now.protocols,
    )
    yield _counters(
        "outrider_tap_unread_connections",
        "Connections whose bytes are forwarded and not read from some point on, by why.",
        "cause",
        now.unread,
    )
    if now.packets is not None:
        yield from _packets(now.packets)
    yield GaugeMetricFamily("outrider_tap_ring_bytes", "Copied bytes not read yet.", value=now.ring_waiting_bytes)
    yield GaugeMetricFamily("outrider_tap_ring_capacity_bytes", "Size of the copy's memory.", value=now.ring_bytes)
    yield _counters("outrider_process_restarts", "Child processes started again.", "process", now.restarts)
    up = GaugeMetricFamily("outrider_process_up", "Whether a child process runs.", labels=["process"])
    for process, running in now.up.items():
        up.add_metric([process], int(running))
    yield up


def _packets(now: PacketReadings) -> Iterable[Metric]:
    yield _counter("outrider_tap_packets", "Packets of the watched ports with bytes, beginnings or ends.", now.seen)
    yield _counter(
        "outrider_tap_dropped_packets",
        "Of those, dropped by the kernel because they were not read in time.",
        now.dropped,
    )
    yield _counter(
        "outrider_tap_midway_connections", "Connections whose beginning was not seen.", now.midway_connections
    )


def _tls(now: Readings) -> Iterable[Metric]:
    yield _counters(
        "outrider_tap_tls_refused_connections",
        "Connections to a listener with a certificate that did not get through the handshakes.",
        "reason",
        now.tls_refused,
    )
    yield _counters(
        "outrider_tap_tls_certificate_loads", "Certificates loaded anew while running.", "result", now.certificates
    )


def _sources(now: Readings) -> Iterable[Metric]:
    up = GaugeMetricFamily(
        "outrider_telemetry_source_up",
        "Whether a source of GPU and server telemetry answered at the last look.",
        labels=["source"],
    )
    for source, answered in sorted(now.telemetry.items()):
        up.add_metric([source[:LABEL_CHARS_MAX]], int(answered))
    if now.telemetry:
        yield up


def _policy(now: Readings) -> Iterable[Metric]:
    policy = now.policy
    if policy is None:
        return
    info = GaugeMetricFamily(
        "outrider_sidecar_policy_info", "The policy by which is captured, constant 1.", labels=["hash"]
    )
    info.add_metric([now.policy_in_use or policy.digest], 1)
    yield info
    yield GaugeMetricFamily(
        "outrider_sidecar_policy_timestamp_seconds", "Since when that policy was wanted.", value=policy.since_ns / 1e9
    )
    results = {"applied": policy.applied, "unchanged": policy.unchanged, "refused": policy.refused}
    yield _counters("outrider_sidecar_policy_reloads", "Attempts to change the policy.", "result", results)
    yield GaugeMetricFamily(
        "outrider_sidecar_settings_awaiting_restart",
        "Settings that have changed in the file and count only after a restart.",
        value=len(policy.awaiting_restart),
    )


def _capture(now: Readings) -> Iterable[Metric]:
    exchanges = CounterMetricFamily(
        "outrider_capture_exchanges",
        "Exchanges observed; the outcomes add up to what was seen.",
        labels=["outcome", "reason"],
    )
    for (outcome, reason), count in sorted(now.exchanges.items()):
        exchanges.add_metric([outcome, reason[:LABEL_CHARS_MAX]], count)
    yield exchanges
    yield _counter("outrider_capture_records", "Predictions written to the spool.", now.records)
    yield _counters("outrider_redacted_values", "Values removed by redaction, by kind.", "kind", now.redacted)
    yield _counters("outrider_requests", "Inference requests seen.", "protocol", now.requests)
    yield _counters(
        "outrider_request_errors", "Captured requests that the server did not serve.", "reason", now.request_errors
    )
    if now.duration_buckets:
        yield HistogramMetricFamily(
            "outrider_request_duration_seconds",
            "Time from first request byte to last response byte of captured exchanges.",
            buckets=list(now.duration_buckets),
            sum_value=now.duration_seconds,
        )


def _delivery(now: Readings) -> Iterable[Metric]:
    yield GaugeMetricFamily("outrider_capture_queue_records", "Records waiting in the spool.", value=now.queue_records)
    yield GaugeMetricFamily("outrider_capture_queue_bytes", "Bytes of the spool on disk.", value=now.queue_bytes)
    yield GaugeMetricFamily(
        "outrider_capture_queue_capacity_bytes", "Quota of the spool on disk.", value=now.queue_bytes_max
    )
    if now.queue_oldest_seconds:
        yield GaugeMetricFamily(
            "outrider_capture_oldest_record_timestamp_seconds",
            "Unix time of the oldest record still waiting.",
            value=now.queue_oldest_seconds,
        )
    yield _counters("outrider_capture_spool_faults", "What went wrong in the spool.", "fault", now.spool_faults)
    yield from _sinks(now.sinks)


def _sinks(sinks: Mapping[str, SinkReadings]) -> Iterable[Metric]:
    """Sinks are named by the settings, so their number is bounded."""
    records = {name: sink.records for name, sink in sinks.items()}
    yield _counters("outrider_sink_records", "Records accepted by a sink.", "sink", records)
    for name, text, counts in (
        (
            "outrider_sink_failed_records",
            "Records a sink refused for good, or did not get for want of space.",
            {sink: each.failed for sink, each in sinks.items()},
        ),
        (
            "outrider_sink_failed_attempts",
            "Delivery attempts that failed.",
            {sink: each.failed_attempts for sink, each in sinks.items()},
        ),
    ):
        failed = CounterMetricFamily(name, text, labels=["sink", "reason"])
        for sink, reasons in counts.items():
            for reason, count in sorted(reasons.items()):
                failed.add_metric([sink, reason[:LABEL_CHARS_MAX]], count)
        yield failed
    retries = {name: sink.retries for name, sink in sinks.items()}
    yield _counters("outrider_sink_retries", "Delivery attempts repeated.", "sink", retries)
    success = GaugeMetricFamily(
        "outrider_sink_last_success_timestamp_seconds", "Unix time of the last accepted batch.", labels=["sink"]
    )
    circuit = GaugeMetricFamily(
        "outrider_sink_circuit", "1 for the state the circuit of a sink is in.", labels=["sink", "state"]
    )
    waiting = GaugeMetricFamily("outrider_sink_queue_records", "Records that wait for a sink.", labels=["sink"])
    waiting_bytes = GaugeMetricFamily("outrider_sink_queue_bytes", "Bytes that wait for a sink.", labels=["sink"])
    for sink, each in sinks.items():
        if each.last_success_seconds:
            success.add_metric([sink], each.last_success_seconds)
        for state in CIRCUITS:
            circuit.add_metric([sink, state], int(state == each.circuit))
        waiting.add_metric([sink], each.queue_records)
        waiting_bytes.add_metric([sink], each.queue_bytes)
    yield from (success, circuit, waiting, waiting_bytes)


def _counter(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)


def _counters(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value[:LABEL_CHARS_MAX]], count)
    return family


class FieldsFormatter(logging.Formatter):
    """One line an event: time, level, its name, and its fields as key=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._plain = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        fields = [f"{name}={value!r}" for name, value in vars(record).items() if name not in self._plain]
        return " ".join((super().format(record), *fields))


def log_to_stderr() -> None:
    """Write the events of this process to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(FieldsFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class TelemetryServer:
    """Serves the metrics and the health of the sidecar from a thread of its own."""

    def __init__(
        self, address: tuple[str, int], metrics: SidecarMetrics, health: Callable[[], Mapping[str, object]]
    ) -> None:
        """Bind the address. Raises OSError. `health` says what lives (`live`) and what can be captured (`ready`)."""
        registry = CollectorRegistry()
        registry.register(metrics)

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_SECONDS_MAX

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    encode, kind = choose_encoder(self.headers.get("Accept") or "")
                    self._answer(HTTPStatus.OK, kind, encode(registry))
                elif path in ("/health/live", "/health/ready"):
                    found = health()
                    well = found[path.rpartition("/")[2]]
                    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
                    self._answer(status, "application/json", json.dumps(found).encode())
                else:
                    self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics, /health/live, /health/ready\n")

            def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Scrapes are not worth a line each."""

        self._server = ThreadingHTTPServer(address, Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="telemetry", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
