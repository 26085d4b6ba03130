"""What the forwarder keeps of a connection: its two sides, and what binds them."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collectors.tap.copier import Copied
from collectors.tap.ring import RECEIVE_BYTES_MAX

if TYPE_CHECKING:  # at run time only where a listener has a certificate: OpenSSL weighs as much as the forwarder
    from collectors.tap.tls.contexts import TlsContexts
    from collectors.tap.tls.end import TlsEnd

TO_SERVER, TO_CLIENT = 0, 1

PAUSE_SECONDS = 0.05
"""Within one answer, longer than networks and schedulers make of themselves: the server streams it."""


@dataclass(frozen=True)
class Route:
    """A listening socket, and the addresses of the server that its connections go to: the first that answers."""

    listener: socket.socket
    addresses: Sequence[tuple[int, tuple[Any, ...]]]
    tls: "TlsContexts | None" = None


class Side:
    """One of the two sockets of a link."""

    __slots__ = (
        "broken",  # takes no more bytes
        "direction",
        "eof",  # sends no more bytes
        "events",
        "fd",
        "gone",  # closed by us after a reset
        "link",
        "peer",
        "pending",  # bytes that its kernel did not take yet; its peer is not read meanwhile
        "receive_bytes",
        "socket",
        "tls",  # this side's end of TLS; `pending` is ciphertext then
    )

    link: "Link"
    peer: "Side"

    def __init__(self, sock: socket.socket, link: "Link", direction: int) -> None:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        self.fd = sock.fileno()
        self.link = link
        self.direction = direction
        self.pending = b""
        self.eof = False
        self.broken = False
        self.gone = False
        self.events = 0
        self.receive_bytes = RECEIVE_BYTES_MAX
        self.tls: TlsEnd | None = None


class Link:
    """A client's connection and the connection to the server that belongs to it."""

    __slots__ = ("accepted_ns", "active", "client", "copied", "secured", "server", "streams")

    copied: Copied

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = Side(client, self, TO_SERVER)
        self.server = Side(server, self, TO_CLIENT)
        self.client.peer, self.server.peer = self.server, self.client
        self.accepted_ns = time.time_ns()
        self.active = 0.0
        self.streams = False
        """Whether the server paused within its last answer, so that more of it may come at any time."""
        self.secured = False

    def passed(self, direction: int, now: float) -> None:
        """Bytes went this way."""
        if direction == TO_SERVER:
            self.streams = False
        elif self.copied.last == TO_CLIENT and now - self.active > PAUSE_SECONDS:
            self.streams = True
        self.active = now

    def dissolve(self) -> None:
        """Let go of the cycles between a link and its sides: the garbage collector is off."""
        for side in (self.client, self.server):
            del side.peer, side.link
