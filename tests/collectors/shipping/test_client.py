"""One connection, kept; one deadline over a whole request; every way in which an answer can fail to come."""

import socket
import threading
from contextlib import closing, suppress

import pytest

from collectors.shipping.client import ANSWER_BYTES_MAX, Address, MonitorClient, RequestFailed, parse_address
from tests.collectors.shipping.scripted import (
    Step,
    answer,
    drip,
    hang,
    raw,
    reset_within_answer,
    scripted_monitor,
)


def client_of(url: str, *, request_timeout_s: float = 5) -> MonitorClient:
    return MonitorClient(parse_address(url), connect_timeout_s=2, request_timeout_s=request_timeout_s)


def post(client: MonitorClient, body: bytes = b"x"):
    return client.post("/api/v1/records", {"content-type": "text/plain"}, body)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", Address("http", "127.0.0.1", 8080, "")),
        ("http://monitor/", Address("http", "monitor", 80, "")),
        ("https://monitor/outrider/", Address("https", "monitor", 443, "/outrider")),
        ("http://[::1]:9", Address("http", "::1", 9, "")),
    ],
)
def test_addresses(url: str, expected: Address) -> None:
    """Scheme, host, port and a path in front of ours."""
    assert parse_address(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "monitor:8080",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://x:y",
        "http://x?q=1",
        "http://u:p@x",
        "http://x/a b",
        "http://é",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_named(url: str) -> None:
    """At the start, not at the first batch."""
    with pytest.raises(ValueError, match="monitor URL"):
        parse_address(url)


def test_one_connection_serves_all_requests() -> None:
    """A new connection for each batch would cost more than the batch."""
    steps = [
        answer(200),
        answer(404, body=b"nothing here"),
        raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", goes_on=True),
        raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", goes_on=True),
    ]
    with scripted_monitor(*steps) as monitor:
        client = client_of(monitor.url)
        answers = [post(client, b"y" * 500_000) for _ in steps]
        client.close()
        assert [(each.status, each.detail) for each in answers] == [
            (200, b"{}"),
            (404, b"nothing here"),
            (200, b"ok"),
            (204, b""),
        ]
        assert monitor.connections == client.connections_opened == 1
        assert monitor.requests[0] == (
            "/api/v1/records",
            {"host": f"127.0.0.1:{monitor.port}", "content-length": "500000", "content-type": "text/plain"},
        )


def test_retry_after_is_handed_on() -> None:
    """As it was said."""
    with scripted_monitor(answer(429, "Retry-After: 12")) as monitor, closing(client_of(monitor.url)) as client:
        assert post(client).retry_after == "12"


@pytest.mark.parametrize("last", [answer(200, closing=True), raw(b"HTTP/1.0 200 OK\r\n\r\nto the end")])
def test_a_connection_that_the_server_closes_is_made_anew(last: Step) -> None:
    """Announced, or by an answer that ends with the connection."""
    with scripted_monitor(last, answer(201)) as monitor:
        client = client_of(monitor.url)
        assert [post(client).status for _ in range(2)] == [200, 201]
        assert monitor.connections == 2
        client.close()


def test_an_idle_connection_given_up_by_the_server_is_no_failure() -> None:
    """The request is sent again at once, on a new connection."""
    with scripted_monitor(answer(200), lambda _: False, answer(201)) as monitor:
        client = client_of(monitor.url)
        assert [post(client).status for _ in range(2)] == [200, 201]
        assert len(monitor.requests) == 3
        client.close()


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (hang, "timeout"),
        (drip, "timeout"),
        (lambda _: False, "reset"),
        (reset_within_answer, "reset"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), "reset"),
        (raw(b"HTTP/1.1 200 OK\r\nx"), "reset"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "protocol"),
        (raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * (ANSWER_BYTES_MAX + 1)), "protocol"),
    ],
    ids=["hang", "drip", "closed", "reset", "cut body", "cut header", "foreign", "endless header"],
)
def test_every_answer_that_does_not_come_has_a_reason(step: Step, reason: str) -> None:
    """And the next request finds a fresh connection."""
    with scripted_monitor(step) as monitor:
        client = client_of(monitor.url, request_timeout_s=0.3)
        with pytest.raises(RequestFailed) as failed:
            post(client)
        assert failed.value.reason == reason
        monitor.script.append(answer(200))
        assert post(client).status == 200
        client.close()


def test_an_absent_server_is_a_failure_to_connect() -> None:
    """Within the time for a connection."""
    with scripted_monitor() as monitor:
        url = monitor.url
    with pytest.raises(RequestFailed) as failed:
        post(client_of(url))
    assert failed.value.reason == "connect"


def test_an_answer_before_the_body_was_read_is_heard() -> None:
    """A server that refuses a large body answers and closes while we still send."""
    with scripted_monitor() as monitor:

        def refuse_early(connection) -> None:
            with connection, suppress(ConnectionResetError):
                connection.recv(100)
                answer(413, closing=True)(connection)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 20):
                    pass

        monitor.serve = refuse_early  # type: ignore[method-assign]
        with closing(client_of(monitor.url)) as client:
            assert post(client, b"z" * 5_000_000).status == 413


def test_a_request_can_be_ended_from_another_thread() -> None:
    """Stopping does not wait for a server that does not answer."""
    with scripted_monitor(hang) as monitor:
        client = client_of(monitor.url, request_timeout_s=60)
        timer = threading.Timer(0.1, client.abort)
        timer.start()
        with pytest.raises(RequestFailed):
            post(client)
        timer.join()
        with pytest.raises(RequestFailed):
            post(client)
        client.close()
