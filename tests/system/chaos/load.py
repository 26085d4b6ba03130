"""Clients that ask all the time and look at every byte that they are answered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.system.chaos.model import answer, request

CLIENTS = 4
ANSWER_SECONDS_MAX = 60.0
"""A stall of the machine is no error of ours; an answer that never comes is."""
PAUSE_SECONDS = 0.004


@dataclass
class Client(threading.Thread):
    """Asks over one kept connection; connects anew where that ends."""

    port: int
    number: int
    pause_seconds: float
    sent: int = 0
    answered: int = 0
    lost: list[str] = field(default_factory=list)
    """Requests whose connection ended before their answer did."""
    changed: list[str] = field(default_factory=list)
    """Answers that were not what the server had said."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(name=f"client-{self.number}", daemon=True)

    def __hash__(self) -> int:
        return self.number

    def run(self) -> None:
        connection: socket.socket | None = None
        while not self.stopping.wait(self.pause_seconds):
            asked = request(self.number, self.sent)
            self.sent += 1
            try:
                connection = connection or socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS_MAX)
                connection.settimeout(ANSWER_SECONDS_MAX)
                connection.sendall(asked)
                self._look_at(connection, answer(asked))
            except OSError as error:
                self.lost.append(f"c{self.number}-{self.sent - 1}: {error!r}")
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _look_at(self, connection: socket.socket, expected: bytes) -> None:
        found = b""
        while len(found) < len(expected):
            piece = connection.recv(len(expected) - len(found))
            if not piece:
                raise ConnectionError(f"ended after {len(found)} bytes of the answer")
            found += piece
        self.answered += 1
        if found != expected:
            self.changed.append(f"c{self.number}-{self.sent - 1}: {found!r}")


@dataclass(frozen=True)
class Load:
    clients: list[Client]

    @property
    def sent(self) -> int:
        return sum(client.sent for client in self.clients)

    @property
    def answered(self) -> int:
        return sum(client.answered for client in self.clients)

    @property
    def lost(self) -> list[str]:
        return [each for client in self.clients for each in client.lost]

    @property
    def changed(self) -> list[str]:
        return [each for client in self.clients for each in client.changed]


@contextmanager
def load(port: int, *, pause_seconds: float = PAUSE_SECONDS, first: int = 0) -> Iterator[Load]:
    """Steady traffic until the block ends. `first` numbers the clients: ids of two loads must differ."""
    clients = [Client(port, first + number, pause_seconds) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield Load(clients)
    finally:
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(2 * ANSWER_SECONDS_MAX)
