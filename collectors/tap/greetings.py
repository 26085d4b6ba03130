"""Links before their first plain byte, where TLS ends at the forwarder: bounded in time and number.

The forwarder's loop says when a socket has something to say; what a greeting is, is in `tls.greeting`.
"""

import select
from collections.abc import Callable
from typing import TYPE_CHECKING

from collectors.tap.copier import Copier
from collectors.tap.links import Link, Side
from collectors.tap.segment import TlsRefusal

if TYPE_CHECKING:  # at run time only where a listener has a certificate
    from collectors.tap.tls.contexts import TlsContexts
    from collectors.tap.tls.greeting import Greeting

GREETING_SECONDS_MAX = 10.0
"""Client and server have so long for the handshakes of TLS."""
GREETINGS_MAX = 1024
"""Connections in their handshakes at once, some hundred kilobytes each; more are refused."""


class Greetings:
    """Those under way, by the descriptor that they wait for. `listen_for` waits for events of a side."""

    def __init__(self, listen_for: Callable[[Side, int], None], copier: Copier) -> None:
        self._listen_for = listen_for
        self._copier = copier
        self._going: dict[int, tuple[Greeting, Link, float]] = {}

    def __len__(self) -> int:
        return len(self._going)

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._going

    def begin(self, link: Link, contexts: "TlsContexts", now: float) -> Link | None:
        """Both connections stand. Answers the link where plain bytes can pass at once, as `go_on` does."""
        self._listen_for(link.server, 0)
        if len(self._going) >= GREETINGS_MAX:
            self._end(link, TlsRefusal.GREETINGS_MAX)
            return None
        return self._step(contexts.greeting(link.client.socket, link.server.socket), link, now)

    def go_on(self, descriptor: int) -> Link | None:
        """A socket that was waited for has something to say. Answers the link once plain bytes can pass."""
        return self._step(*self._going.pop(descriptor))

    def end_late(self, now: float, *, is_last: bool) -> None:
        """End those that take too long, or with `is_last` all."""
        late = now - (0.0 if is_last else GREETING_SECONDS_MAX)
        for descriptor, (_, link, since) in list(self._going.items()):
            if since <= late:
                del self._going[descriptor]
                self._end(link, TlsRefusal.DEADLINE)

    def _step(self, greeting: "Greeting", link: Link, since: float) -> Link | None:
        """Go as far as the sockets allow, then wait for whom it waits for."""
        ends = greeting.step()
        if isinstance(ends, TlsRefusal):
            self._end(link, ends)
            return None
        if ends is None:
            sock, is_full = greeting.waits_for
            awaited = link.client if sock is link.client.socket else link.server
            self._listen_for(awaited.peer, 0)
            self._listen_for(awaited, select.EPOLLOUT if is_full else select.EPOLLIN)
            self._going[awaited.fd] = (greeting, link, since)
            return None
        link.client.tls, link.server.tls = ends
        link.secured = True
        return link

    def _end(self, link: Link, refusal: TlsRefusal) -> None:
        for side in (link.client, link.server):
            self._listen_for(side, 0)
            side.socket.close()  # in order, so that the alert before it arrives
        link.dissolve()
        self._copier.refused_in_greeting(refusal)
