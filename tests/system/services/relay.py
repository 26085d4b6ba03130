"""A relay that remembers every byte: one before the sidecar and one behind it tell whether anything was changed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PIECE_BYTES = 65_536


@dataclass
class Passed:
    """What went over one connection."""

    to_server: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)


@dataclass
class Relay:
    """`address` is where to connect; `connections` in the order they were taken."""

    address: str
    connections: list[Passed] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _sockets: list[socket.socket] = field(default_factory=list)

    def settle(self, seconds: float = 20.0) -> None:
        """Wait until every connection has ended."""
        for thread in list(self._threads):
            thread.join(seconds)
            assert not thread.is_alive(), "a connection is still open"

    def passed(self) -> list[tuple[bytes, bytes]]:
        """What each connection carried, both ways; in no order, for connections may be taken in another."""
        return sorted((bytes(each.to_server), bytes(each.to_client)) for each in self.connections)

    def _take(self, client: socket.socket, upstream: tuple[str, int]) -> None:
        server = socket.create_connection(upstream)
        passed = Passed()
        self.connections.append(passed)
        self._sockets += [client, server]
        for source, sink, record in ((client, server, passed.to_server), (server, client, passed.to_client)):
            thread = threading.Thread(target=_pump, args=(source, sink, record), daemon=True)
            self._threads.append(thread)
            thread.start()


@contextmanager
def recording_relay(upstream: str) -> Iterator[Relay]:
    """Pass everything on to `upstream` (host:port) until the block ends."""
    host, _, port = upstream.rpartition(":")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(f"127.0.0.1:{listener.getsockname()[1]}")

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                relay._take(client, (host, int(port)))

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in relay._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for pump in relay._threads:
                pump.join()
            for each in relay._sockets:
                each.close()


def _pump(source: socket.socket, sink: socket.socket, record: bytearray) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE_BYTES):
            record += piece
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
        return
    with suppress(OSError):  # a reset goes on as an end, in both directions
        sink.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        source.shutdown(socket.SHUT_RDWR)
