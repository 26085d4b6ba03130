"""A tap in one process: a segment, a forwarder in a thread, and whatever server the test scripts."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from collectors.tap.copier import Copier
from collectors.tap.forwarder import DRAIN_SECONDS, Forwarder
from collectors.tap.links import Route
from collectors.tap.ring import Kind, RingReader
from collectors.tap.segment import Segment
from collectors.tap.tls.contexts import TlsContexts

RING_BYTES = 4 * 1024 * 1024
SECONDS = 10.0


def listening() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(64)
    return sock


class Tap:
    """A running forwarder before `serve`, which gets each accepted connection in a thread of its own."""

    def __init__(
        self,
        serve: Callable[[socket.socket], None] | None,
        connection_copy_bytes: int,
        tls: TlsContexts | None = None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self.segment = Segment.create(RING_BYTES)
        self.wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._stop, self._leash = os.pipe()
        self._upstream = listening()
        address = self._upstream.getsockname()
        if serve is None:
            self._upstream.close()
        else:
            threading.Thread(target=self._accept, args=(serve,), daemon=True).start()
        listener = listening()
        listener.setblocking(False)
        self.address = listener.getsockname()
        copier = Copier(self.segment, self.wake, connection_copy_bytes)
        with listening() as nobody:
            absent = nobody.getsockname()
        addresses = [(socket.AF_INET, absent), (socket.AF_INET, address)]  # a name may have several
        forwarder = Forwarder([Route(listener, addresses, tls)], copier, stop=self._stop, drain_seconds=drain_seconds)
        self.thread = threading.Thread(target=forwarder.run, daemon=True)
        self.thread.start()
        self.reader = RingReader(self.segment)

    def _accept(self, serve: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                connection, _ = self._upstream.accept()
            except OSError:
                return
            connection.settimeout(SECONDS)

            def handle(connection: socket.socket = connection) -> None:
                with contextlib.suppress(OSError), connection:
                    serve(connection)

            threading.Thread(target=handle, daemon=True).start()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=SECONDS)

    def talk(self, request: bytes) -> bytes:
        """Send, close our half, read to the end."""
        with self.connect() as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return read_to_end(client)

    def copied(self) -> list[tuple[Kind, int, bytes]]:
        """What was published into the ring since the last look."""
        records = [(Kind(r.kind), r.connection, bytes(r.payload)) for r in self.reader.read(RING_BYTES)]
        self.reader.advance()
        return records

    def stop(self) -> None:
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()
        self._upstream.close()


def read_to_end(sock: socket.socket) -> bytes:
    received = bytearray()
    while part := sock.recv(1 << 20):
        received += part
    return bytes(received)


@pytest.fixture
def tap() -> Iterator[Callable[..., Tap]]:
    running: list[Tap] = []

    def start(
        serve: Callable[[socket.socket], None] | None,
        *,
        connection_copy_bytes: int = RING_BYTES,
        tls: TlsContexts | None = None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> Tap:
        running.append(Tap(serve, connection_copy_bytes, tls, drain_seconds))
        return running[-1]

    yield start
    for each in running:
        each.stop()
