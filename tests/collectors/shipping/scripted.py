"""A monitor that plays a script over real sockets: one line a request, then it takes whatever comes, each batch once."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from collectors.records.encoding import decode_batch

Connection = socket.socket
Step = Callable[[Connection], bool]
"""Answers one request that was read; returns whether the connection goes on."""


def answer(status: int, *headers: str, body: bytes = b"{}", closing: bool = False) -> Step:
    def step(connection: Connection) -> bool:
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *headers, *(["connection: close"] * closing)]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        return not closing

    return step


def raw(data: bytes, *, goes_on: bool = False) -> Step:
    """Say exactly this, and hang up unless told otherwise."""

    def step(connection: Connection) -> bool:
        connection.sendall(data)
        return goes_on

    return step


def reset_within_answer(connection: Connection) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang(connection: Connection) -> bool:
    """Say nothing until the client gives up."""
    connection.settimeout(20)
    connection.recv(1)
    return False


def drip(connection: Connection) -> bool:
    """One byte at a time, each within any timeout for a single read, never a whole answer."""
    connection.settimeout(0.01)
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    for _ in range(2000):
        try:
            connection.sendall(b"y")
            if not connection.recv(1):
                return False
        except TimeoutError:
            continue
        except OSError:
            return False
    return False


@dataclass
class ScriptedMonitor:
    """What was asked, and what was taken: records by batch id, once each."""

    port: int = 0
    script: list[Step] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    taken: dict[str, list[int]] = field(default_factory=dict)
    known: int = 0
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: Connection) -> None:
        stream = connection.makefile("rb")
        try:
            while request := self._request(stream):
                path, headers, body = request
                self.requests.append((path, headers))
                step = self.script.pop(0) if self.script else self._take(body)
                if not step(connection):
                    break
        except OSError:
            pass
        finally:
            stream.close()
            connection.close()

    def _request(self, stream) -> tuple[str, dict[str, str], bytes] | None:
        first = stream.readline().decode()
        if not first:
            return None
        headers = {}
        while (line := stream.readline().decode().strip()) != "":
            name, _, value = line.partition(": ")
            headers[name] = value
        size = int(headers.get("content-length", -1))
        body = stream.read(max(size, 0))
        return (first.split()[1], headers, body) if len(body) == size else None  # cut off: its sender was killed

    def _take(self, body: bytes) -> Step:
        batch = decode_batch(body)
        if batch.id in self.taken:
            self.known += 1
            return answer(409)
        self.taken[batch.id] = [record.start_ns for record in batch.records]  # type: ignore[union-attr]
        return answer(200)

    @property
    def records(self) -> list[int]:
        return [record for records in self.taken.values() for record in records]


@contextmanager
def scripted_monitor(*script: Step) -> Iterator[ScriptedMonitor]:
    """A monitor on a free port of loopback; its threads end with it."""
    monitor = ScriptedMonitor(script=list(script))
    open_connections: list[Connection] = []
    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))
    monitor.port = listener.getsockname()[1]

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            monitor.connections += 1
            open_connections.append(connection)
            threads.append(threading.Thread(target=monitor.serve, args=(connection,), daemon=True))
            threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield monitor
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *threads):
            thread.join(10)
