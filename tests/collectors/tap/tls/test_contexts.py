"""Certificates are loaded altogether or not at all; an end of TLS hands on what was whole before a fault."""

import ssl
from pathlib import Path

import pytest

from collectors.tap.tls.contexts import TlsContexts, TlsFiles
from collectors.tap.tls.end import TlsEnd
from collectors.tap.tls.greeting import PROTOCOLS
from tests.certificates import Authority


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    signed = Authority(tmp_path).sign()
    ca = tmp_path / "behind.crt"
    ca.write_bytes(signed.authority.read_bytes())
    return TlsFiles(
        str(signed.certificate), str(signed.key), to_server=True, server_name="localhost", server_ca=str(ca)
    )


def test_what_cannot_be_loaded_as_a_whole_changes_nothing(files: TlsFiles) -> None:
    """A broken authority of the server behind leaves the certificate towards clients as it was, too."""
    contexts = TlsContexts(files)
    before = contexts.towards_client(None)
    assert files.server_ca is not None
    Path(files.server_ca).write_text("none")
    with pytest.raises(OSError):
        contexts.load()
    assert contexts.towards_client(None) is before
    assert contexts.towards_server(PROTOCOLS) is not None


def shaken(files: TlsFiles) -> tuple[TlsEnd, TlsEnd]:
    contexts = TlsContexts(files)
    client = contexts.towards_server(())
    assert client is not None
    server = TlsEnd(contexts.towards_client(None), server_side=True)
    done = [False, False]
    while not all(done):
        for position, (end, other) in enumerate(((client, server), (server, client))):
            done[position] = end.shake()
            other.feed(data) if (data := end.output()) else None
    return client, server


def test_what_came_before_a_damaged_record_is_handed_on(files: TlsFiles) -> None:
    """The fault is met by the next call."""
    client, server = shaken(files)
    whole, damaged = client.encrypt(memoryview(b"whole")), bytearray(client.encrypt(memoryview(b"damaged")))
    damaged[-1] ^= 1
    server.feed(whole + damaged)
    place = memoryview(bytearray(100))
    assert server.read_into(place, 100) == 5
    assert bytes(place[:5]) == b"whole"
    assert server.holds_more
    with pytest.raises(ssl.SSLError):
        server.read_into(place, 100)
