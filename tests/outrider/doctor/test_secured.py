"""Listeners with a certificate, looked at as their clients and their servers would see them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.settings import SidecarSettings, read_settings
from outrider.doctor.secured import certificates, handshakes
from tests.certificates import Authority, Signed


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    return Authority(tmp_path).sign()


@pytest.fixture
def server(signed: Signed) -> Iterator[str]:
    """Shakes hands with whoever comes, and no more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with contextlib.suppress(OSError), connection, context.wrap_socket(connection, server_side=True):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def settings(signed: Signed, upstream: str, **behind: object) -> SidecarSettings:
    tls = {"certificate": str(signed.certificate), "key": str(signed.key), "upstream": {"enabled": True, **behind}}
    return read_settings({"listeners": [{"listen": "127.0.0.1:1", "upstream": upstream, "tls": tls}]})


def test_both_ends_are_well(signed: Signed, server: str) -> None:
    """The certificate is shown, and the server's holds by its authority and its address."""
    given = settings(signed, server, ca=str(signed.authority))
    found = certificates(given) + handshakes(given.listeners[0], server)
    assert [(each.what, each.state) for each in found] == [
        ("certificates", "ok"),
        ("sidecar ends TLS", "ok"),
        ("upstream speaks TLS", "ok"),
    ]


def test_every_fault_is_told_with_its_place(signed: Signed, server: str, tmp_path: Path) -> None:
    """A key that is gone, a port where nobody listens, a certificate of nobody that is trusted."""
    given = settings(signed, server)
    signed.key.unlink()
    found = certificates(given) + handshakes(given.listeners[0], "127.0.0.1:1")
    assert [(each.where, each.state) for each in found] == [
        ("listeners[0].tls", "failed"),
        ("127.0.0.1:1", "failed"),
        (server, "failed"),
    ]
    assert "unable to get local issuer certificate" in found[2].detail


def test_whoever_verifies_nothing_trusts_anybody(signed: Signed, server: str) -> None:
    """As the settings say."""
    given = settings(signed, server, verify=False)
    assert [each.state for each in handshakes(given.listeners[0], server)] == ["ok", "ok"]


def test_plain_listeners_need_no_certificate() -> None:
    """Nothing is said of what is not there."""
    assert certificates(read_settings({"listeners": [{"listen": "a:1", "upstream": "b:2"}]})) == []
