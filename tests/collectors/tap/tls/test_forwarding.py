"""TLS at the forwarder: with a certificate plain bytes are copied, without one ciphertext passes and is counted."""

import contextlib
import os
import random
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator

import pytest

from collectors.tap import segment as at
from collectors.tap.ring import Kind
from collectors.tap.segment import TLS_REFUSALS, UNCOPIED, TlsRefusal, Uncopied
from collectors.tap.tls.contexts import TlsContexts, TlsFiles
from tests.certificates import Authority, Signed

SECONDS = 20.0
BLOB = os.urandom(1 << 20)
LARGE = BLOB * 20


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def signed(authority) -> Signed:
    return authority.sign()


def ends_here(signed: Signed, **more) -> TlsContexts:
    return TlsContexts(TlsFiles(str(signed.certificate), str(signed.key), **more))


def begins_again(signed: Signed, **more) -> TlsContexts:
    told = {"to_server": True, "server_name": "localhost", "server_ca": str(signed.authority)}
    return ends_here(signed, **{**told, **more})


def client_context(signed: Signed, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(signed.authority))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def server_context(signed: Signed, *protocols: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


@contextlib.contextmanager
def connected(tap, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with tap.connect() as plain, context.wrap_socket(plain, server_hostname="localhost") as secured:
        secured.settimeout(SECONDS)
        yield secured


def behind_tls(context: ssl.SSLContext, serve):
    """The same server, speaking TLS."""

    def secured(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.settimeout(SECONDS)
            serve(wrapped)

    return secured


def echo(connection: socket.socket) -> None:
    while part := connection.recv(1 << 16):
        connection.sendall(part)


def exchange(client: socket.socket, payload: bytes) -> bytes:
    """Send all while receiving as much, in one thread: OpenSSL serves no two at once."""
    received, unsent, end = bytearray(), memoryview(payload), time.monotonic() + SECONDS
    client.setblocking(False)
    while len(received) < len(payload):
        assert time.monotonic() < end, f"stuck after {len(received)} bytes"
        with contextlib.suppress(ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            unsent = unsent[client.send(unsent[: 1 << 16]) :] if unsent else unsent
        try:
            part = client.recv(1 << 20)
        except (ssl.SSLWantReadError, BlockingIOError):
            select.select([client], [client] if unsent else [], [], 1.0)
            continue
        assert part, f"ended after {len(received)} bytes"
        received += part
    client.settimeout(SECONDS)
    return bytes(received)


def wait_until(condition, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.005)


def refused(tap, refusal: TlsRefusal) -> int:
    return tap.segment.words[at.TLS_REFUSED + TLS_REFUSALS.index(refusal)]


def copied_bytes(records, kind: Kind) -> bytes:
    return b"".join(payload for each, _, payload in records if each == kind)


@pytest.mark.parametrize("again", [False, True], ids=["plain server", "server with TLS"])
def test_plain_bytes_are_copied_as_on_any_other_connection(tap, signed, again):
    """What the client sent and received stands in the ring, and nothing of the ciphertext."""
    serve = behind_tls(server_context(signed), echo) if again else echo
    running = tap(serve, tls=(begins_again if again else ends_here)(signed))
    with connected(running, client_context(signed)) as client:
        assert exchange(client, b"some request" * 1000) == b"some request" * 1000
    wait_until(lambda: running.segment.words[at.CONNECTIONS_COPIED] == 1)
    running.stop()
    records = running.copied()
    assert copied_bytes(records, Kind.TO_SERVER) == copied_bytes(records, Kind.TO_CLIENT) == b"some request" * 1000
    assert [kind for kind, _, _ in records if kind > Kind.TO_CLIENT] == [Kind.OPENED, Kind.CLOSED]
    assert running.segment.words[at.BYTES_TO_SERVER] == 12_000


@pytest.mark.parametrize("again", [False, True], ids=["plain server", "server with TLS"])
def test_twenty_megabytes_come_back_whole_through_a_full_ring(tap, signed, again):
    """Back-pressure holds in both directions, and every plain byte is in the account."""
    serve = behind_tls(server_context(signed), echo) if again else echo
    running = tap(serve, tls=(begins_again if again else ends_here)(signed))
    with connected(running, client_context(signed)) as client:
        assert exchange(client, LARGE) == LARGE
    wait_until(lambda: sum(running.segment.words[at.CONNECTIONS_UNCOPIED + i] for i in range(len(UNCOPIED))) == 1)
    running.stop()
    words = running.segment.words
    uncopied = sum(words[at.BYTES_UNCOPIED + i] for i in range(len(UNCOPIED)))
    assert words[at.BYTES_TO_SERVER] == words[at.BYTES_TO_CLIENT] == len(LARGE)
    assert words[at.BYTES_COPIED] + uncopied == 2 * len(LARGE)


def test_a_slow_client_holds_back_its_server(tap, signed):
    """What waits in our memory for a client that does not read stays small."""
    sent = []

    def streams(connection: socket.socket) -> None:
        connection.recv(10)
        for _ in range(100):
            connection.sendall(BLOB)
            sent.append(len(BLOB))

    running = tap(streams, tls=ends_here(signed))
    with connected(running, client_context(signed)) as client:
        client.sendall(b"stream")
        wait_until(lambda: sent)
        before = -1
        while before != len(sent):
            before = len(sent)
            time.sleep(0.3)
        assert before < 50
        received = bytearray()
        while len(received) < 100 * len(BLOB):
            received += client.recv(1 << 20)
        assert received == BLOB * 100


@pytest.mark.parametrize(
    ("offered", "spoken", "agreed"),
    [
        (("h2", "http/1.1"), ("h2", "http/1.1"), "h2"),
        (("h2", "http/1.1"), ("http/1.1",), "http/1.1"),
        (("h2",), ("h2",), "h2"),
        ((), ("h2", "http/1.1"), None),
        (("h2", "http/1.1"), (), None),
        (("spdy/3", "http/1.1"), ("http/1.1",), "http/1.1"),
    ],
)
def test_the_client_is_offered_what_the_server_has_chosen(tap, signed, offered, spoken, agreed):
    """Negotiation goes from end to end."""
    running = tap(behind_tls(server_context(signed, *spoken), echo), tls=begins_again(signed))
    with connected(running, client_context(signed, *offered)) as client:
        assert client.selected_alpn_protocol() == agreed
        assert exchange(client, b"x") == b"x"


@pytest.mark.parametrize(
    ("offered", "alpn", "agreed"),
    [
        (("h2", "http/1.1"), None, "http/1.1"),
        (("h2",), None, "h2"),
        (("h2", "http/1.1"), ("h2",), "h2"),
        (("h2", "http/1.1"), (), None),
    ],
)
def test_before_a_plain_server_the_settings_choose(tap, signed, offered, alpn, agreed):
    """By default HTTP/1.1, and HTTP/2 for clients that speak nothing else."""
    running = tap(echo, tls=ends_here(signed, alpn=alpn))
    with connected(running, client_context(signed, *offered)) as client:
        assert client.selected_alpn_protocol() == agreed


def test_a_client_without_the_demanded_certificate_is_refused_and_counted(tap, signed, authority):
    """And one that has it is served."""
    own = authority.sign("client")
    running = tap(echo, tls=ends_here(signed, client_ca=str(signed.authority)))
    with pytest.raises(OSError), connected(running, client_context(signed)) as client:
        client.sendall(b"x")
        assert client.recv(1)
        raise OSError
    wait_until(lambda: refused(running, TlsRefusal.CLIENT_HANDSHAKE) == 1)
    context = client_context(signed)
    context.load_cert_chain(own.certificate, own.key)
    with connected(running, context) as client:
        assert exchange(client, b"served") == b"served"


@pytest.mark.parametrize("wrong", [{"server_name": "other.example"}, {"server_ca": None}], ids=["name", "authority"])
def test_a_server_with_a_wrong_certificate_is_refused_and_counted(tap, signed, wrong):
    """No client's byte reaches a server that is not the one meant."""
    heard = []
    serve = behind_tls(server_context(signed), lambda connection: heard.append(connection.recv(10)))
    running = tap(serve, tls=begins_again(signed, **wrong))
    with pytest.raises(OSError), connected(running, client_context(signed)):
        pass
    wait_until(lambda: refused(running, TlsRefusal.SERVER_HANDSHAKE) == 1)
    assert b"".join(heard) == b""


def test_a_client_that_does_not_trust_us_is_counted(tap, signed):
    """The alert comes from the other side; nothing crashes, and the next client is served."""
    running = tap(echo, tls=ends_here(signed))
    with pytest.raises(ssl.SSLError), connected(running, ssl.create_default_context()):
        pass
    wait_until(lambda: refused(running, TlsRefusal.CLIENT_HANDSHAKE) == 1)
    with connected(running, client_context(signed)) as client:
        assert exchange(client, b"x") == b"x"


def test_old_versions_are_refused(tap, signed):
    """TLS 1.1 is no protection any more."""
    context = client_context(signed)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    running = tap(echo, tls=ends_here(signed))
    with pytest.raises(OSError), connected(running, context):
        pass
    wait_until(lambda: refused(running, TlsRefusal.CLIENT_HANDSHAKE) == 1)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff" + b"\x01\xff\xff\xff" + b"x" * 70000,
        b"\x80",
    ],
)
def test_garbage_is_refused_and_counted(tap, signed, garbage):
    """Bytes that are no hello end the connection at once."""
    running = tap(echo, tls=ends_here(signed))
    with running.connect() as client, contextlib.suppress(OSError):
        client.sendall(garbage)
        assert client.recv(100) == b""
    wait_until(lambda: refused(running, TlsRefusal.NO_HELLO) == 1)
    with connected(running, client_context(signed)) as client:
        assert exchange(client, b"x") == b"x"


def test_a_reset_in_the_middle_of_a_handshake_leaves_the_others_alone(tap, signed):
    """At every point of the client's first flight."""
    running = tap(echo, tls=ends_here(signed))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = client_context(signed).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        machine.do_handshake()
    hello = outgoing.read()
    cuts = [0, 1, 5, 100, len(hello) - 1, len(hello)]
    for cut in cuts:
        with running.connect() as client:
            client.sendall(hello[:cut])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    words = running.segment.words
    wait_until(lambda: sum(words[at.TLS_REFUSED + i] for i in range(len(TLS_REFUSALS))) == len(cuts))
    with connected(running, client_context(signed)) as client:
        assert exchange(client, b"x") == b"x"


def test_a_hello_in_single_bytes_is_heard(tap, signed):
    """However it was cut on its way."""
    running = tap(echo, tls=ends_here(signed))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = client_context(signed, "h2").wrap_bio(incoming, outgoing, server_hostname="localhost")
    with running.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                machine.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    client.sendall(bytes([byte]))
                incoming.write(client.recv(1 << 16))
        assert machine.selected_alpn_protocol() == "h2"


def test_a_half_close_leaves_the_other_half_open(tap, signed):
    """The client says its farewell, and still gets the answer, and the server's farewell after it."""

    def answers_at_the_end(connection: socket.socket) -> None:
        received = bytearray()
        while part := connection.recv(1 << 16):
            received += part
        connection.sendall(received[::-1])

    running = tap(answers_at_the_end, tls=ends_here(signed))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = client_context(signed).wrap_bio(incoming, outgoing, server_hostname="localhost")

    def pump(call):
        while True:
            try:
                result = call()
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    client.sendall(outgoing.read())
                part = client.recv(1 << 16)
                incoming.write(part) if part else incoming.write_eof()
            else:
                if outgoing.pending:
                    client.sendall(outgoing.read())
                return result

    with running.connect() as client:
        pump(machine.do_handshake)
        machine.write(b"abc" * 1000)
        with contextlib.suppress(ssl.SSLWantReadError):
            machine.unwrap()
        client.sendall(outgoing.read())
        client.shutdown(socket.SHUT_WR)
        received = bytearray()
        with pytest.raises(ssl.SSLZeroReturnError):  # a farewell, not merely an end
            while True:
                received += pump(lambda: machine.read(1 << 16))
        assert received == b"cba" * 1000
    wait_until(lambda: running.segment.words[at.CONNECTIONS_COPIED] == 1)


def test_an_answer_that_was_cut_short_is_not_made_to_look_whole(tap, signed):
    """A server that ends without a farewell: its client sees the same."""

    def cuts_short(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            wrapped = server_context(signed).wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)
            wrapped.recv(10)
            wrapped.sendall(b"part of an ans")
            os.close(wrapped.detach())

    running = tap(cuts_short, tls=begins_again(signed))
    with running.connect() as plain:
        client = client_context(signed).wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
        with client:
            client.sendall(b"ask")
            assert client.recv(100) == b"part of an ans"
            with pytest.raises(ssl.SSLEOFError):
                client.recv(100)


def test_a_certificate_is_renewed_without_ending_a_connection(tap, signed, authority, tmp_path):
    """Connections that stand go on; new ones see the new certificate; a broken file changes nothing."""
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    certificate.write_bytes(signed.certificate.read_bytes())
    key.write_bytes(signed.key.read_bytes())
    contexts = TlsContexts(TlsFiles(str(certificate), str(key)))
    running = tap(echo, tls=contexts)

    def serial(client: ssl.SSLSocket) -> str:
        shown = client.getpeercert()
        assert shown is not None
        return str(shown["serialNumber"])

    with connected(running, client_context(signed)) as old:
        before = serial(old)
        renewed = authority.sign()
        certificate.write_bytes(renewed.certificate.read_bytes())
        with pytest.raises(OSError):
            contexts.load()  # the key is still that of the other
        with connected(running, client_context(signed)) as client:
            assert serial(client) == before
        key.write_bytes(renewed.key.read_bytes())
        contexts.load()
        with connected(running, client_context(signed)) as client:
            assert serial(client) != before
        assert exchange(old, b"still here") == b"still here"


def test_ciphertext_passes_a_plain_listener_and_is_counted_apart(tap, signed):
    """Only the hello is copied, so that the worker knows what it was; nobody could read the rest."""
    running = tap(behind_tls(server_context(signed, "h2"), echo))
    with connected(running, client_context(signed, "h2")) as client:
        assert client.selected_alpn_protocol() == "h2"
        assert exchange(client, BLOB) == BLOB
    words, tls = running.segment.words, UNCOPIED.index(Uncopied.TLS)
    wait_until(lambda: words[at.CONNECTIONS_UNCOPIED + tls] == 1)
    running.stop()
    passed = words[at.BYTES_TO_SERVER] + words[at.BYTES_TO_CLIENT]
    assert words[at.BYTES_UNCOPIED + tls] + words[at.BYTES_COPIED] == passed > 2 * len(BLOB)
    records = running.copied()
    kinds = [kind for kind, _, _ in records]
    assert kinds[:2] == [Kind.OPENED, Kind.TO_SERVER]
    assert set(kinds[2:-1]) == {Kind.LOST}
    lost = [struct.unpack("<QQQ", payload)[1:] for kind, _, payload in records if kind == Kind.LOST]
    assert sum(map(sum, lost)) == words[at.BYTES_UNCOPIED + tls]


@pytest.mark.parametrize("again", [False, True], ids=["plain server", "server with TLS"])
def test_no_peer_brings_the_forwarder_down(tap, signed, again):
    """Peers that go, reset, send garbage inside and outside of TLS, or stop reading, at random points."""
    rng = random.Random(11)

    def ill_behaved(connection: socket.socket) -> None:
        connection.settimeout(0.3)
        with contextlib.suppress(OSError):
            connection.recv(rng.choice([1, 1000, 1 << 16]))
            connection.sendall(BLOB[: rng.choice([1, 20_000, 1 << 20])])
            if rng.random() < 0.3:
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1 << 16)
            if rng.random() < 0.4:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    serve = behind_tls(server_context(signed), ill_behaved) if again else ill_behaved
    running = tap(serve, tls=(begins_again if again else ends_here)(signed))
    context = client_context(signed)
    for _ in range(60):
        with contextlib.suppress(OSError, ValueError), running.connect() as plain:
            client = context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
            client.settimeout(0.3)
            with contextlib.suppress(OSError), client:
                client.sendall(BLOB[: rng.choice([1, 1000, 300_000])])
                if rng.random() < 0.7:
                    client.recv(rng.choice([1, 1 << 16]))
                if rng.random() < 0.3:
                    os.write(client.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))  # a record that was never encrypted
                if rng.random() < 0.4:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert running.thread.is_alive()
    words = running.segment.words

    def ended() -> int:
        uncopied = sum(words[at.CONNECTIONS_UNCOPIED + i] for i in range(len(UNCOPIED)))
        return int(words[at.CONNECTIONS_COPIED] + uncopied)

    wait_until(lambda: ended() == words[at.CONNECTIONS])
    assert running.thread.is_alive()
