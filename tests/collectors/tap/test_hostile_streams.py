"""Peers at their worst: both talk at once in fragments, stop reading, end early or with a reset. What arrives is what was sent.

Each stream is made of its seed alone. Where both ends are orderly, everything arrives and both ends do; where a peer resets, what
arrived is a beginning of what was sent, and the other learns of the reset.
"""

import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from collectors.tap import segment as at
from collectors.tap.segment import UNCOPIED
from tests.collectors.tap.conftest import SECONDS, Tap
from tests.fuzz.harnesses import HARNESSES

STREAMS = 60
BYTES_MAX = 200_000
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Peer:
    """One side's script, and what became of it."""

    data: bytes
    end: Literal["half", "reset", "last"]
    pieces: list[int]
    reads_late: float
    heard: bytearray = field(default_factory=bytearray)
    ended: bool = False
    refused: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    def play(self, sock: socket.socket) -> None:
        """Send in pieces and hear at the same time, then end as the script says."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hearing = threading.Thread(target=self._hear, args=(sock,))
        hearing.start()
        at, number = 0, 0
        try:
            while at < len(self.data):
                size = self.pieces[number % len(self.pieces)]
                sock.sendall(self.data[at : at + size])
                at, number = at + size, number + 1
            if self.end == "last":
                hearing.join(SECONDS)
            if self.end != "reset":
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.refused = True
        if self.end == "reset":
            self.stop.set()
            hearing.join(SECONDS)
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        else:
            hearing.join(SECONDS)
        assert not hearing.is_alive()
        sock.close()

    def _hear(self, sock: socket.socket) -> None:
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        time.sleep(self.reads_late)
        with suppress(OSError):
            while not self.stop.is_set():
                if poll.poll(10):
                    part = sock.recv(1 << 16)
                    if not part:
                        self.ended = True
                        return
                    self.heard += part


def scripted(seed: int) -> tuple[Peer, Peer]:
    rng = random.Random(seed)
    known = [*HARNESSES["http1"].seeds, *HARNESSES["http2"].seeds]

    def peer() -> Peer:
        size = rng.choice([0, 1, 100, 5_000, BYTES_MAX])
        data = bytearray()
        while len(data) < size:
            piece = bytearray(rng.choice(known)[: rng.randrange(1, 2_000)])
            if rng.random() < 0.2:
                piece[rng.randrange(len(piece))] = rng.randrange(256)
            data += piece if rng.random() < 0.8 else rng.randbytes(rng.choice([1, 17, 20_000]))
        least = 1 if size < 1_000 else 500
        pieces = [rng.choice([least, least + 8, 1_448, 65_536]) for _ in range(20)]
        end = rng.choices(["half", "reset", "last"], [5, 1, 3])[0]
        return Peer(bytes(data[:size]), end, pieces, rng.choice([0.0, 0.0, 0.05]))  # type: ignore[arg-type]

    client, server = peer(), peer()
    if client.end == server.end == "last":
        client.end = "half"
    return client, server


def test_hostile_peers_get_what_the_other_sent(tap: Callable[..., Tap]) -> None:
    """Through a ring that nobody reads; the account of the bytes adds up."""
    playing: list[Peer] = []
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        playing[-1].play(connection)
        done.set()

    running = tap(serve)
    for seed in range(STREAMS):
        client, server = scripted(seed)
        playing.append(server)
        done.clear()
        client.play(running.connect())
        assert done.wait(SECONDS), seed
        for one, other in ((client, server), (server, client)):
            if "reset" not in (one.end, other.end):
                assert (other.heard, other.ended, one.refused) == (one.data, True, False), seed
            else:
                assert one.data.startswith(other.heard), seed
            if one.end == "reset" and other.end != "reset" and not other.refused:
                assert not other.ended, seed  # a reset is no orderly end
    running.stop()
    words = running.segment.words
    passed = words[at.BYTES_TO_SERVER] + words[at.BYTES_TO_CLIENT]
    assert words[at.BYTES_COPIED] + sum(words[at.BYTES_UNCOPIED + i] for i in range(len(UNCOPIED))) == passed
    # A server that resets before its connection is looked at has refused it.
    assert words[at.CONNECTIONS] + words[at.CONNECTIONS_REFUSED] == STREAMS
