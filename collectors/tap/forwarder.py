"""The forwarder process: bytes between clients and servers, first and unchanged.

One bare epoll loop. A side is read only while its peer can take more, so back-pressure comes from the two peers alone.
Half-closes are passed on, resets too, once what came before them has been delivered. A server that cannot be reached
ends the client's connection at once. Nothing here parses, decodes, logs or waits for the copy. A listener that has a
certificate is the one exception: there TLS ends, and begins again towards a server that speaks it too.

Whatever an event says, only the result of the system call that follows is believed; no event can therefore act on the
wrong socket or be acted on twice.
"""

import contextlib
import errno
import gc
import json
import resource
import select
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from collectors.tap.copier import Copier
from collectors.tap.greetings import Greetings
from collectors.tap.links import TO_CLIENT, TO_SERVER, Link, Route, Side
from collectors.tap.ring import RECEIVE_BYTES_MAX
from collectors.tap.scheduling import go_first
from collectors.tap.segment import Segment
from collectors.tap.sockets import OUT_OF_DESCRIPTORS, reset, undelivered
from collectors.tap.supervisor import hear, leave_signals_to_the_supervisor

if TYPE_CHECKING:  # at run time only where a listener has a certificate
    from collectors.tap.tls.contexts import TlsContexts
    from collectors.tap.tls.end import TlsEnd

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
DRAIN_SECONDS = 5.0
"""How long exchanges in flight have to end after the order to stop, unless it was said."""
QUIET_SECONDS = 1.0
"""After the order to stop, a connection on which the server spoke last and this long ago is taken to be idle."""
STREAM_QUIET_SECONDS = 30.0
"""So is one on which it streamed: a language model may think for long between two words."""

PENDING_BYTES_MAX = 1024 * 1024
"""Of ciphertext that a peer does not take: one receive and its TLS records; more only comes of a peer that plays with keys."""


class Forwarder:
    """Accepts on the routes' listeners until told to stop."""

    def __init__(
        self,
        routes: Sequence[Route],
        copier: Copier,
        *,
        stop: int,
        drain_seconds: float = DRAIN_SECONDS,
        listen: int | None = None,
    ) -> None:
        """After the order to stop, exchanges in flight have `drain_seconds` to end. `listen` is where the supervisor's words come from: each that is not empty says that certificates are to be loaded anew."""
        self._routes = {route.listener.fileno(): route for route in routes}
        self._copier = copier
        self._stop = stop
        self._listen = listen
        self._drain_seconds = drain_seconds
        self._poll = select.epoll()
        self._sides: dict[int, Side] = {}
        self._connecting: dict[int, tuple[Side, Route, int]] = {}
        self._resetting: list[tuple[float, Side]] = []
        self._now = 0.0
        self._stopping_since: float | None = None
        self._deaf: list[int] = []
        self._deaf_until = 0.0
        self._greetings = Greetings(self._listen_for, copier)
        self._holding: list[Side] = []
        self._loading = threading.Lock()
        self._scratch = memoryview(bytearray(RECEIVE_BYTES_MAX))

    def run(self) -> None:
        """Forward until the stop descriptor is readable or at its end, then let exchanges in flight end."""
        for descriptor in self._routes:
            self._poll.register(descriptor, IN)
        self._poll.register(self._stop, IN)
        if self._listen is not None:
            self._poll.register(self._listen, IN)
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
            if self._holding:
                self._read_held()
            if self._greetings:
                self._greetings.end_late(self._now, is_last=self._stopping_since is not None)
            if self._stopping_since is not None:
                self._drain(self._now - self._stopping_since)
            if self._resetting:
                self._reset_delivered()
            publish(time.time_ns())

    def _wait(self) -> float:
        if self._holding:
            return 0.0
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
        elif descriptor in self._greetings:
            self._begin_secured(self._greetings.go_on(descriptor))
        elif descriptor == self._listen:
            word = hear(descriptor)
            if word is None:
                self._poll.unregister(descriptor)
            elif word:  # the first, with which every child starts, is empty
                # The system's authorities take OpenSSL a tenth of a second for each context: too long for this loop.
                threading.Thread(target=self._load_certificates, name="certificates", daemon=True).start()
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
                if error.errno in OUT_OF_DESCRIPTORS:  # look away for a while; the listener would stay readable
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
        if route.tls is not None:
            self._begin_secured(self._greetings.begin(link, route.tls, self._now))
        else:
            self._begin(link)

    def _begin(self, link: Link) -> None:
        """From now on bytes pass."""
        link.copied = self._copier.opened(link.accepted_ns)
        for each in (link.client, link.server):
            self._sides[each.fd] = each
            self._listen_for(each, IN)

    def _refuse(self, client: socket.socket) -> None:
        reset(client)
        self._copier.refused()

    def _begin_secured(self, link: Link | None) -> None:
        """A greeting has gone as far as it could, perhaps to its end."""
        if link is None:
            return
        self._begin(link)
        self._holding += [side for side in (link.client, link.server) if side.tls is not None and side.tls.holds_more]

    def _load_certificates(self) -> None:
        """Of every listener, while the loop goes on; one after the other, so that what is read last is in use."""
        with self._loading:
            for route in self._routes.values():
                if route.tls is not None:
                    try:
                        route.tls.load()
                    except OSError:
                        self._copier.loaded_certificates(well=False)
                    else:
                        self._copier.loaded_certificates(well=True)

    # Bytes pass.

    def _readable(self, side: Side) -> None:
        if side.link.secured:
            self._readable_secured(side)
            return
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
        side.link.passed(direction, self._now)
        self._copier.forwarded(copied, direction, count, time.time_ns())

    def _readable_secured(self, side: Side) -> None:
        """Like `_readable`, with TLS at one end or at both."""
        peer, copied, direction = side.peer, side.link.copied, side.direction
        place = self._copier.place(copied, direction)
        buffer = self._scratch if place is None else place
        try:
            count = self._receive_secured(side, buffer)
        except OSError:
            self._broken(side)
            return
        if not count:
            self._nothing_read(side, is_end=count is not None)
            return
        try:
            if side.tls is not None and not side.tls.told_end:
                self._deliver(side, side.tls.output())  # an answer to new keys
            taken = self._deliver(peer, buffer[:count] if peer.tls is None else peer.tls.encrypt(buffer[:count]))
        except OSError:
            self._refuses(peer)
            return
        if not taken:
            side.receive_bytes = max(RECEIVE_BYTES_MIN, side.receive_bytes // 2)
            self._listen_for(side, side.events & ~IN)
        else:
            side.receive_bytes = min(RECEIVE_BYTES_MAX, side.receive_bytes * 2)
            if side.tls is not None and side.tls.holds_more:
                self._holding.append(side)
        side.link.passed(direction, self._now)
        self._copier.forwarded(copied, direction, count, time.time_ns())

    def _nothing_read(self, side: Side, *, is_end: bool) -> None:
        if side.peer.eof and not side.pending and side.tls is not None and not side.tls.told_end:
            self._pass_end(side)  # it had to wait until nothing more was held here
        if is_end and self._sides.get(side.fd) is side:
            self._ended(side)

    def _receive_secured(self, side: Side, buffer: memoryview) -> int | None:
        """Plain bytes of this side; None where there are none yet."""
        try:
            if side.tls is None:
                return side.socket.recv_into(buffer, side.receive_bytes)
            while (count := side.tls.read_into(buffer, side.receive_bytes)) is None:
                side.tls.feed(side.socket.recv(RECEIVE_BYTES_MIN))
        except BlockingIOError:
            return None
        return count

    def _deliver(self, side: Side, data: bytes | memoryview) -> bool:
        """Send behind what waits; whether the kernel has taken all of it. Raises OSError."""
        if data and not side.pending:
            with contextlib.suppress(BlockingIOError):
                data = data[side.socket.send(data) :]
        if data:
            side.pending += bytes(data)
            if len(side.pending) > PENDING_BYTES_MAX:
                raise OSError(errno.ENOBUFS, "a peer that does not take its ciphertext")
            self._listen_for(side, side.events | OUT)
        return not side.pending

    def _read_held(self) -> None:
        """Read plain bytes that wait inside of TLS, of which no event tells."""
        holding, self._holding = self._holding, []
        for side in holding:
            if side.events & IN and self._sides.get(side.fd) is side:
                self._readable_secured(side)

    def _listen_again(self, side: Side) -> None:
        self._listen_for(side, side.events | IN)
        if side.tls is not None and side.tls.holds_more:
            self._holding.append(side)

    def _writable(self, side: Side) -> None:
        try:
            sent = side.socket.send(side.pending)
        except BlockingIOError:
            return
        except OSError:
            self._refuses(side)
            return
        side.link.active = self._now  # it took some: more may wait at the other side
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
            self._listen_again(peer)

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
            if side.tls is not None and not self._said_farewell(side, side.tls):
                return
            side.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._refuses(side)
            return
        if side.eof and not side.peer.pending:
            self._finish(side.link)

    def _said_farewell(self, side: Side, tls: "TlsEnd") -> bool:
        """Say in TLS that the bytes have ended; whether the connection's own end may follow. Raises OSError."""
        if tls.told_end:
            return not side.pending
        if tls.holds_more:  # what it has sent and nobody has read would be lost
            return False
        if side.peer.tls is not None and side.peer.tls.truncated:
            tls.told_end = True  # the end came without a farewell: it goes on without
            return True
        return self._deliver(side, tls.farewell())

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
            self._listen_again(side)

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
        if undelivered(side.socket):
            self._resetting.append((self._now + RESET_SECONDS_MAX, side))
        else:
            reset(side.socket)
            self._finish(side.link)

    def _reset_delivered(self) -> None:
        resetting, self._resetting = self._resetting, []
        for by, side in resetting:
            if self._now < by and undelivered(side.socket):
                self._resetting.append((by, side))
            else:
                reset(side.socket)
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
            quiet = self._now - link.active > (STREAM_QUIET_SECONDS if link.streams else QUIET_SECONDS)
            pending = link.client.pending or link.server.pending
            if quiet and link.copied.last == TO_CLIENT and not pending:
                self._finish(link)
            elif elapsed > self._drain_seconds:
                self._cut(link)

    def _cut(self, link: Link) -> None:
        """What it carries is not at its end, and must not look so."""
        for side in (link.client, link.server):
            self._leave(side)
            reset(side.socket)
        self._finish(link)


def _contexts(told: dict[str, Any] | None) -> "TlsContexts | None":
    if told is None:
        return None
    # OpenSSL weighs as much as the rest of the forwarder: only who needs it pays for it.
    from collectors.tap.tls.contexts import TlsContexts, files_of  # noqa: PLC0415

    return TlsContexts(files_of(told))


def main(arguments: Sequence[str]) -> None:
    """Run a forwarder as the supervisor asks for it: one JSON object that names descriptors and addresses."""
    asked = json.loads(arguments[0])
    leave_signals_to_the_supervisor()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    routes = []
    for route in asked["routes"]:
        listener = socket.socket(fileno=route["listener"])
        listener.setblocking(False)
        addresses = [(family, tuple(address)) for family, address in route["addresses"]]
        routes.append(Route(listener, addresses, _contexts(route.get("tls"))))
    copier = Copier(Segment(asked["segment"]), asked["wake"], asked["connection_copy_bytes"])
    go_first()
    gc.disable()  # links break their own cycles; a collection would stop all traffic
    gc.freeze()
    Forwarder(routes, copier, stop=asked["stop"], drain_seconds=asked["drain_seconds"], listen=sys.stdin.fileno()).run()


if __name__ == "__main__":
    main(sys.argv[1:])
