"""What the sidecar exports is what it reads, under the published names, whatever asks for it."""

import contextlib
import http.client
import logging
import re
from collections.abc import Iterator

import pytest

from collectors.readings import read_health, read_segment
from collectors.tap import segment as at
from collectors.tap.segment import Segment
from collectors.tap.status import WorkerStatus, encode_status
from collectors.telemetry import FieldsFormatter, SidecarMetrics, TelemetryServer

SECOND = 1_000_000_000


@pytest.fixture
def segment() -> Segment:
    return Segment.create(4 * 1024 * 1024)


@pytest.fixture
def port(segment) -> Iterator[int]:
    metrics = SidecarMetrics("1.2", lambda: read_segment(segment, 1000))
    server = TelemetryServer(("127.0.0.1", 0), metrics, lambda: {"live": True, "ready": False})
    server.start()
    yield server._server.server_address[1]
    server.stop()


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_counts_of_the_shared_memory_are_exported(segment, port):
    """Under the names of the documentation, from the first scrape on."""
    segment.words[at.BYTES_TO_SERVER] = 7
    segment.words[at.BYTES_UNCOPIED + 1] = 5
    status = WorkerStatus(captured=3, records=9, dropped={"not_copied": 2}, redacted={"email": 4}, duration_ns=SECOND)
    status.requests = {"http1": 5}
    status.spool_faults = {"sync": 2}
    status.duration_counts[2] = 3
    segment.write_status(encode_status(status))
    text = get(port, "/metrics")[1]
    for line in (
        'outrider_build_info{commit="unknown",version="1.2"} 1.0',
        'outrider_tap_bytes_total{direction="to_server"} 7.0',
        'outrider_tap_uncopied_bytes_total{reason="connection_budget"} 5.0',
        'outrider_tap_connections_total{protocol="opaque"} 0.0',
        'outrider_tap_unread_connections_total{cause="tls"} 0.0',
        'outrider_capture_exchanges_total{outcome="captured",reason=""} 3.0',
        'outrider_capture_exchanges_total{outcome="dropped",reason="not_copied"} 2.0',
        'outrider_capture_exchanges_total{outcome="dropped",reason="memory_full"} 0.0',
        'outrider_capture_exchanges_total{outcome="undecodable",reason="malformed"} 0.0',
        "outrider_capture_records_total 9.0",
        'outrider_redacted_values_total{kind="email"} 4.0',
        'outrider_requests_total{protocol="http1"} 5.0',
        'outrider_request_duration_seconds_bucket{le="0.0025"} 0.0',
        'outrider_request_duration_seconds_bucket{le="0.005"} 3.0',
        "outrider_request_duration_seconds_count 3.0",
        "outrider_request_duration_seconds_sum 1.0",
        "outrider_capture_queue_capacity_bytes 1000.0",
        'outrider_capture_spool_faults_total{fault="sync"} 2.0',
        'outrider_capture_spool_faults_total{fault="damaged"} 0.0',
    ):
        assert line in text.splitlines()


def test_the_exposition_is_valid(port):
    """Every line is a comment or a sample, and no series appears twice."""
    lines = get(port, "/metrics")[1].splitlines()
    assert all(re.match(r"^(#|[a-z_]+(\{[^}]*\})? [0-9.e+-]+$)", line) for line in lines)
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))


def test_health_is_an_http_status(port):
    """What cannot be captured is not ready, though it lives."""
    assert get(port, "/health/live")[0] == 200
    assert get(port, "/health/ready")[0] == 503
    assert get(port, "/other")[0] == 404


def test_health_is_a_recent_sign_of_life(segment):
    """A process that hangs does not live, though it runs."""
    words = segment.words
    assert read_health(segment, 100 * SECOND) == {"live": False, "ready": False}
    words[at.TAP_ALIVE_NS] = words[at.WORKER_ALIVE_NS] = 100 * SECOND
    assert read_health(segment, 101 * SECOND) == {"live": True, "ready": False}
    words[at.WORKER_UP] = 1
    assert read_health(segment, 101 * SECOND) == {"live": True, "ready": True}
    words[at.TAP_ALIVE_NS] = 200 * SECOND
    assert read_health(segment, 201 * SECOND) == {"live": True, "ready": False}


def test_an_event_is_logged_with_its_fields():
    """The message is a constant, the data stand beside it."""
    record = logging.makeLogRecord({"msg": "child_ended", "levelname": "WARNING", "child": "worker", "code": -9})
    assert FieldsFormatter().format(record).endswith("WARNING child_ended child='worker' code=-9")
