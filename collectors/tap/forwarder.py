"""The forwarder process: bytes between clients and servers, first and unchanged.

One bare epoll loop. A side is read only while its peer can take more, so back-pressure comes from the two peers alone.
Half-closes are passed on, resets too, once what came before them has been delivered. A server that cannot be reached
ends the client's connection at once. Nothing here parses, decodes, logs or waits for the copy.

Whatever an event says, only the result of the system call that follows is believed; no event can therefore act on the
wrong socket or be acted on twice.
"""

import contextlib
import errno
import fcntl
import gc
import json
import resource
import select
import signal
import socket
import struct
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collectors.tap.copier import Copied, Copier
from collectors.tap.ring import RECEIVE_BYTES_MAX
from collectors.tap.segment import Segment

TO_SERVER, TO_CLIENT = 0, 1
IN, OUT = select.EPOLLIN, select.EPOLLOUT
RECEIVE_BYTES_MIN = 16 * 1024
"""A peer that takes little is read in pieces of this size, so that little waits in our memory for it."""
ACCEPTS_PER_TURN = 64
"""New connections taken in one turn of the loop, so that a flood of them does not hold up the others."""
EVENTS_PER_TURN = 256
"""Events handled before the copy is published and the time is looked at."""
TURN_SECONDS_MAX = 1.0
"""The loop turns at least this often: to show that it lives."""
RETRY_SECONDS = 0.02
"""How soon a turn follows while something is to be tried again."""
RESET_SECONDS_MAX = 5.0
"""How long a reset waits for a peer to take the bytes that came before it."""
DRAIN_SECONDS_MAX = 5.0
"""After the order to stop, exchanges in flight have this long to end."""
QUIET_SECONDS = 0.25
"""After the order to stop, a connection on which the server spoke last and this long ago is taken to be idle."""

_LINGER_RESET = struct.pack("ii", 1, 0)
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True)
class Route:
    """A listening socket, and the addresses of the server that its connections go to: the first that answers."""

    listener: socket.socket
    addresses: Sequence[tuple[int, tuple[Any, ...]]]


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


class Link:
    """A client's connection and the connection to the server that belongs to it."""

    __slots__ = ("accepted_ns", "active", "client", "copied", "server")

    copied: Copied

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = Side(client, self, TO_SERVER)
        self.server = Side(server, self, TO_CLIENT)
        self.client.peer, self.server.peer = self.server, self.client
        self.accepted_ns = time.time_ns()
        self.active = 0.0

    def dissolve(self) -> None:
        """Let go of the cycles between a link and its sides: the garbage collector is off."""
        for side in (self.client, self.server):
            del side.peer, side.link


class Forwarder:
    """Accepts on the routes' listeners until told to stop."""

    def __init__(self, routes: Sequence[Route], copier: Copier, *, stop: int) -> None:
        self._routes = {route.listener.fileno(): route for route in routes}
        self._copier = copier
        self._stop = stop
        self._poll = select.epoll()
        self._sides: dict[int, Side] = {}
        self._connecting: dict[int, tuple[Side, Route, int]] = {}
        self._resetting: list[tuple[float, Side]] = []
        self._now = 0.0
        self._stopping_since: float | None = None
        self._deaf: list[int] = []
        self._deaf_until = 0.0
        self._scratch = memoryview(bytearray(RECEIVE_BYTES_MAX))

    def run(self) -> None:
        """Forward until the stop descriptor is readable or at its end, then let exchanges in flight end."""
        for descriptor in self._routes:
            self._poll.register(descriptor, IN)
        self._poll.register(self._stop, IN)
        sides, publish, poll = self._sides, self._copier.publish, self._poll.poll
        while self._stopping_since is None or sides or self._resetting:
            arrivals: list[Route] = []
            events = poll(self._wait(), EVENTS_PER_TURN)
            self._now = time.monotonic()
            for descriptor, event in events:
                side = sides.get(descriptor)
                if side is None:
                    self._other(descriptor, arrivals)
                elif event & OUT or not side.events & IN:
                    self._writable(side)
                else:
                    self._readable(side)
            for route in arrivals:  # last, so that no descriptor is reused while events of its predecessor wait
                self._accept(route)
            if self._stopping_since is not None:
                self._drain(self._now - self._stopping_since)
            if self._resetting:
                self._reset_delivered()
            publish(time.time_ns())

    def _wait(self) -> float:
        if self._stopping_since is not None or self._resetting:
            return RETRY_SECONDS
        if not self._deaf:
            return TURN_SECONDS_MAX
        if self._now > self._deaf_until:
            for listener in self._deaf:
                self._poll.modify(listener, IN)
            self._deaf.clear()
        return RETRY_SECONDS

    def _other(self, descriptor: int, arrivals: list[Route]) -> None:
        """An event of a descriptor that carries no bytes: a listener, a connection being made, the order to stop."""
        if descriptor in self._routes:
            arrivals.append(self._routes[descriptor])
        elif descriptor in self._connecting:
            self._connected(*self._connecting.pop(descriptor))
        elif descriptor == self._stop and self._stopping_since is None:
            self._stopping_since = self._now
            self._poll.unregister(self._stop)
            for route in self._routes.values():  # closing also leaves the poll; the port is free from now on
                route.listener.close()

    # Connections begin.

    def _accept(self, route: Route) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                client, _ = route.listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_DESCRIPTORS:  # look away for a while; the listener would stay readable
                    self._poll.modify(route.listener.fileno(), 0)
                    self._deaf.append(route.listener.fileno())
                    self._deaf_until = self._now + RETRY_SECONDS
                    return
                continue  # this client has already gone
            self._dial(client, route)

    def _dial(self, client: socket.socket, route: Route, first: int = 0) -> None:
        """Begin to connect to the server, at its first address from position `first` on that does not fail at once."""
        for position, (family, address) in enumerate(route.addresses[first:], first):
            try:
                server = socket.socket(family, socket.SOCK_STREAM)
            except OSError:
                continue
            server.setblocking(False)
            if server.connect_ex(address) in (0, errno.EINPROGRESS):
                side = Link(client, server).server
                self._connecting[side.fd] = (side, route, position)
                self._listen_for(side, OUT)
                return
            server.close()
        self._refuse(client)

    def _connected(self, side: Side, route: Route, position: int) -> None:
        """The connection to the server stands, or has failed."""
        link = side.link
        if side.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._poll.unregister(side.fd)
            side.socket.close()
            link.dissolve()
            self._dial(link.client.socket, route, position + 1)
            return
        link.copied = self._copier.opened(link.accepted_ns)
        for each in (link.client, link.server):
            self._sides[each.fd] = each
            self._listen_for(each, IN)

    def _refuse(self, client: socket.socket) -> None:
        _reset(client)
        self._copier.refused()

    # Bytes pass.

    def _readable(self, side: Side) -> None:
        peer, copied, direction = side.peer, side.link.copied, side.direction
        place = self._copier.place(copied, direction)
        buffer = self._scratch if place is None else place
        try:
            count = side.socket.recv_into(buffer, side.receive_bytes)
        except BlockingIOError:
            return
        except OSError:
            self._broken(side)
            return
        if not count:
            self._ended(side)
            return
        received = buffer[:count]
        try:
            sent = peer.socket.send(received)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._refuses(peer)
            return
        if sent != count:
            peer.pending = bytes(received[sent:])
            side.receive_bytes = max(RECEIVE_BYTES_MIN, side.receive_bytes // 2)
            self._listen_for(side, side.events & ~IN)
            self._listen_for(peer, peer.events | OUT)
        elif side.receive_bytes != RECEIVE_BYTES_MAX:
            side.receive_bytes = min(RECEIVE_BYTES_MAX, side.receive_bytes * 2)
        side.link.active = self._now
        self._copier.forwarded(copied, direction, count, time.time_ns())

    def _writable(self, side: Side) -> None:
        try:
            sent = side.socket.send(side.pending)
        except BlockingIOError:
            return
        except OSError:
            self._refuses(side)
            return
        if sent != len(side.pending):
            side.pending = side.pending[sent:]
            return
        side.pending = b""
        self._listen_for(side, side.events & ~OUT)
        peer = side.peer
        if peer.gone:
            self._reset_later(side)
        elif peer.eof and peer.broken:
            self._broken(peer)
        elif peer.eof:
            self._pass_end(side)
        else:
            self._listen_for(peer, peer.events | IN)

    # Connections end.

    def _ended(self, side: Side) -> None:
        """This side sends no more."""
        side.eof = True
        self._listen_for(side, side.events & ~IN)
        if side.broken:  # it takes no more either: whoever still writes to it is to learn that
            self._broken(side)
        elif not side.peer.pending:
            self._pass_end(side.peer)

    def _pass_end(self, side: Side) -> None:
        """Pass the end of the peer's bytes on to this side; when both have ended, the link is done."""
        try:
            side.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._refuses(side)
            return
        if side.eof and not side.peer.pending:
            self._finish(side.link)

    # Connections break.

    def _refuses(self, side: Side) -> None:
        """This side takes no more bytes; what it has sent before is still to be delivered."""
        side.broken = True
        side.pending = b""
        self._listen_for(side, side.events & ~OUT)
        peer = side.peer
        if side.eof or peer.gone:
            self._broken(side)
            return
        self._listen_for(peer, peer.events & ~IN)
        if not peer.pending:
            self._listen_for(side, side.events | IN)

    def _broken(self, side: Side) -> None:
        """This side was reset: so will the other be, once it has taken what came before."""
        side.gone = True
        self._leave(side)
        side.socket.close()
        peer = side.peer
        if peer.gone:
            self._finish(side.link)
        elif not peer.pending:
            self._reset_later(peer)
        else:
            self._listen_for(peer, OUT)

    def _reset_later(self, side: Side) -> None:
        """A reset makes the kernel forget what it has not delivered yet, so it waits for that, within bounds."""
        self._leave(side)
        if _undelivered(side.socket):
            self._resetting.append((self._now + RESET_SECONDS_MAX, side))
        else:
            _reset(side.socket)
            self._finish(side.link)

    def _reset_delivered(self) -> None:
        resetting, self._resetting = self._resetting, []
        for by, side in resetting:
            if self._now < by and _undelivered(side.socket):
                self._resetting.append((by, side))
            else:
                _reset(side.socket)
                self._finish(side.link)

    def _finish(self, link: Link) -> None:
        for side in (link.client, link.server):
            self._leave(side)
            side.socket.close()
        link.dissolve()
        self._copier.closed(link.copied, time.time_ns())

    def _leave(self, side: Side) -> None:
        self._listen_for(side, 0)
        if self._sides.get(side.fd) is side:  # a descriptor that was closed may belong to another side by now
            del self._sides[side.fd]

    def _listen_for(self, side: Side, events: int) -> None:
        """Wait for these events of a side; for none, not even for errors, which would make the loop spin."""
        if events == side.events:
            return
        if not events:
            self._poll.unregister(side.fd)
        elif not side.events:
            self._poll.register(side.fd, events)
        else:
            self._poll.modify(side.fd, events)
        side.events = events

    # The end.

    def _drain(self, elapsed: float) -> None:
        """Close the links that are idle; when the time is over, all."""
        for link in [side.link for side in self._sides.values() if side.direction == TO_SERVER]:
            idle = link.copied.last == TO_CLIENT and self._now - link.active > QUIET_SECONDS
            if idle or elapsed > DRAIN_SECONDS_MAX:
                self._finish(link)


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    sock.close()


def _undelivered(sock: socket.socket) -> int:
    """Bytes that the peer's kernel has not acknowledged yet."""
    try:
        answer = fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)


def main(arguments: Sequence[str]) -> None:
    """Run a forwarder as the supervisor asks for it: one JSON object that names descriptors and addresses."""
    asked = json.loads(arguments[0])
    for ignored in (signal.SIGINT, signal.SIGTERM):  # a signal to the whole group is for the supervisor to act on
        signal.signal(ignored, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    routes = []
    for route in asked["routes"]:
        listener = socket.socket(fileno=route["listener"])
        listener.setblocking(False)
        routes.append(Route(listener, [(family, tuple(address)) for family, address in route["addresses"]]))
    copier = Copier(Segment(asked["segment"]), asked["wake"], asked["connection_copy_bytes"])
    gc.disable()  # links break their own cycles; a collection would stop all traffic
    gc.freeze()
    Forwarder(routes, copier, stop=asked["stop"]).run()


if __name__ == "__main__":
    main(sys.argv[1:])
