"""The forwarder: the server's bytes reach the client, whatever the traffic and whatever becomes of the copy."""

import contextlib
import errno
import gc
import socket
import struct
import threading
import time

import pytest

from collectors.tap import segment as at
from collectors.tap.forwarder import QUIET_SECONDS
from collectors.tap.links import Link, Side
from collectors.tap.ring import LOST, Kind
from collectors.tap.segment import UNCOPIED, Uncopied
from tests.collectors.tap.conftest import SECONDS, read_to_end

BLOB = bytes(range(256)) * 4096


def echo(connection: socket.socket) -> None:
    while part := connection.recv(1 << 16):
        connection.sendall(part)
    connection.shutdown(socket.SHUT_WR)


def answers_after_the_end(connection: socket.socket) -> None:
    received = bytearray()
    while part := connection.recv(1 << 16):
        received += part
    connection.sendall(received[::-1])


def wait_until(condition, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.005)


def test_bytes_come_back_whole_and_are_copied(tap):
    """What passes is what is copied, in both directions and in order."""
    running = tap(answers_after_the_end)
    request = b"some request" * 100
    assert running.talk(request) == request[::-1]
    running.stop()
    records = running.copied()
    assert b"".join(payload for kind, _, payload in records if kind == Kind.TO_SERVER) == request
    assert b"".join(payload for kind, _, payload in records if kind == Kind.TO_CLIENT) == request[::-1]
    assert [kind for kind, _, _ in records if kind > Kind.TO_CLIENT] == [Kind.OPENED, Kind.CLOSED]


def test_a_large_transfer_passes_a_full_ring(tap):
    """A ring that nobody reads does not hold anything up; what does not fit is counted to the byte."""
    running = tap(echo)
    payload = BLOB * 16
    received = bytearray()
    with running.connect() as client:

        def send() -> None:
            client.sendall(payload)
            client.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        while part := client.recv(1 << 20):
            received += part
        sender.join()
    assert bytes(received) == payload
    running.stop()
    words = running.segment.words
    uncopied = [words[at.BYTES_UNCOPIED + i] for i in range(len(UNCOPIED))]
    assert words[at.BYTES_TO_SERVER] == words[at.BYTES_TO_CLIENT] == len(payload)
    assert words[at.BYTES_COPIED] + sum(uncopied) == 2 * len(payload)
    assert uncopied[UNCOPIED.index(Uncopied.WORKER_DOWN)] == sum(uncopied) > 0
    copied = sum(len(payload) for kind, _, payload in running.copied() if kind <= Kind.TO_CLIENT)
    assert copied == words[at.BYTES_COPIED]
    assert words[at.CONNECTIONS_UNCOPIED + UNCOPIED.index(Uncopied.WORKER_DOWN)] == words[at.CONNECTIONS] == 1


def test_the_half_close_of_a_server_leaves_the_other_half_open(tap):
    """The client still sends after the server's end, and the server still reads."""
    heard = []

    def closes_its_half_first(connection: socket.socket) -> None:
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        heard.append(connection.recv(100))

    running = tap(closes_its_half_first)
    with running.connect() as client:
        assert client.recv(100) == b"bye"
        assert client.recv(100) == b""
        client.sendall(b"and you")
        wait_until(lambda: heard == [b"and you"])


def test_a_reset_of_the_server_reaches_the_client_after_its_bytes(tap):
    """A reset is not an end: the client is told, but only once it has what came before."""
    may_reset = threading.Event()

    def resets(connection: socket.socket) -> None:
        connection.sendall(b"part of an answer")
        may_reset.wait(5)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    running = tap(resets)
    with running.connect() as client:
        assert client.recv(100) == b"part of an answer"
        may_reset.set()
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_a_reset_of_the_client_reaches_the_server(tap):
    """The server learns that nobody waits for its answer."""
    ended = []

    def waits(connection: socket.socket) -> None:
        connection.recv(100)
        try:
            connection.recv(100)
        except OSError as error:
            ended.append(error.errno)

    running = tap(waits)
    with running.connect() as client:
        client.sendall(b"ask")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: ended == [errno.ECONNRESET])


def test_an_early_answer_survives_an_upload_that_is_refused(tap):
    """A server that answers without reading, and closes, is heard."""

    def refuses(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(b"too large")

    running = tap(refuses)
    with running.connect() as client:
        received = b""
        with contextlib.suppress(OSError):
            client.sendall(BLOB * 4)
        with contextlib.suppress(OSError):
            while part := client.recv(100):
                received += part
    assert received in (b"too large", b"")  # the kernel may drop it with the reset, as it would without us
    wait_until(lambda: running.segment.words[at.CONNECTIONS_COPIED] + _uncopied_connections(running) == 1)


def _uncopied_connections(running) -> int:
    return sum(running.segment.words[at.CONNECTIONS_UNCOPIED + i] for i in range(len(UNCOPIED)))


def test_an_absent_server_ends_the_connection_at_once(tap):
    """Nothing is kept for a server that is not there."""
    running = tap(None)
    with pytest.raises(ConnectionResetError), running.connect() as client:  # it may come before connecting is over
        client.recv(1)
    wait_until(lambda: running.segment.words[at.CONNECTIONS_REFUSED] == 1)


def test_a_slow_reader_holds_back_only_its_own_server(tap):
    """Back-pressure reaches the server: what it could send ahead is bounded, and other connections go on."""
    sent = []

    def streams(connection: socket.socket) -> None:
        if connection.recv(10) == b"quick":
            connection.sendall(b"done")
            return
        for _ in range(200):
            connection.sendall(BLOB)
            sent.append(len(BLOB))

    running = tap(streams)
    with running.connect() as slow, running.connect() as quick:
        slow.sendall(b"stream")
        wait_until(lambda: sent)
        quick.sendall(b"quick")
        assert quick.recv(10) == b"done"
        before = -1
        while before != sum(sent):
            before = sum(sent)
            time.sleep(0.2)
        assert before < 64 * len(BLOB)


def test_a_connection_over_its_budget_is_not_copied_until_its_next_turn(tap):
    """One large transfer does not crowd out the rest; the loss is told, and ends where the next request begins."""
    running = tap(answers_by_kind, connection_copy_bytes=1 << 20)
    with running.connect() as client:
        client.sendall(b"large")
        assert len(_read(client, 3 << 20)) == 3 << 20
        running.segment.words[at.TAIL] = running.segment.words[at.HEAD]  # the worker has read everything
        running.reader.skip_all()
        client.sendall(b"small")
        assert _read(client, 4) == b"tiny"
    running.stop()
    kinds = [(kind, payload) for kind, _, payload in running.copied()]
    assert kinds[0][0] == Kind.LOST
    since_ns, to_server, to_client = LOST.unpack(kinds[0][1])
    assert 0 < since_ns <= time.time_ns()
    assert to_server == 0
    assert (3 << 20) - to_client <= 2 * ((1 << 20) + (1 << 18))  # twice the budget and one receive
    assert kinds[1:] == [(Kind.TO_SERVER, b"small"), (Kind.TO_CLIENT, b"tiny"), (Kind.CLOSED, b"")]


def answers_by_kind(connection: socket.socket) -> None:
    while asked := connection.recv(5):
        connection.sendall(BLOB * 3 if asked == b"large" else b"tiny")


def _read(client: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        received += client.recv(count - len(received))
    return bytes(received)


def test_stopping_lets_an_exchange_in_flight_end(tap):
    """After the order to stop, an answer that is on its way still arrives, and no new connection is taken."""
    may_answer = threading.Event()

    def answers_late(connection: socket.socket) -> None:
        connection.recv(10)
        may_answer.wait(5)
        connection.sendall(b"late")

    running = tap(answers_late)
    with running.connect() as client:
        client.sendall(b"ask")
        wait_until(lambda: running.segment.words[at.BYTES_TO_SERVER] == 3)
        threading.Timer(0.3, may_answer.set).start()
        threading.Timer(0.1, running.stop).start()
        assert client.recv(10) == b"late"
    running.stop()
    with pytest.raises(OSError):
        running.connect()


def test_stopping_lets_a_stream_go_on_that_pauses(tap):
    """A pause between two words is no end, however often it comes."""
    spoken, heard = [b"one ", b"two ", b"three ", b"four"], bytearray()

    def streams(connection: socket.socket) -> None:
        connection.recv(10)
        for word in spoken:
            connection.sendall(word)
            time.sleep(0.4)

    running = tap(streams, drain_seconds=60.0)
    with running.connect() as client:
        client.sendall(b"ask")
        heard += client.recv(10)
        threading.Timer(0.1, running.stop).start()
        heard += read_to_end(client)
    assert bytes(heard) == b"".join(spoken)


def test_stopping_waits_for_a_client_that_takes_its_answer_slowly(tap):
    """Bytes that wait in our memory are not an idle connection."""
    answer = bytes(8 << 20)
    running = tap(lambda connection: (connection.recv(10), connection.sendall(answer)), drain_seconds=60.0)
    with running.connect() as client:
        client.sendall(b"ask")
        wait_until(lambda: running.segment.words[at.BYTES_TO_CLIENT] > 0)
        threading.Timer(0.1, running.stop).start()
        time.sleep(QUIET_SECONDS + 0.5)
        assert len(read_to_end(client)) == len(answer)


def test_what_the_end_of_the_time_cuts_off_is_reset(tap):
    """A body that ends with its connection would look whole."""
    ended = threading.Event()
    running = tap(
        lambda connection: (connection.recv(10), connection.sendall(b"half"), ended.wait(SECONDS)), drain_seconds=0.2
    )
    with running.connect() as client:
        client.sendall(b"ask")
        assert client.recv(10) == b"half"
        client.sendall(b"more")
        running.stop()
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    ended.set()


@pytest.mark.parametrize("serve", [answers_by_kind, None], ids=["served", "refused"])
def test_links_leave_nothing_behind(tap, serve):
    """The forwarder runs without a garbage collector."""
    running = tap(serve)
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            with contextlib.suppress(OSError):
                running.talk(b"small")
        words = running.segment.words
        wait_until(lambda: words[at.CONNECTIONS_COPIED] + words[at.CONNECTIONS_REFUSED] == 50)
        left = [each for each in gc.get_objects() if isinstance(each, Link | Side)]
    finally:
        gc.enable()
    assert len(left) <= 3  # the last link may still be on the loop's stack
