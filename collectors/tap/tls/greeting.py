"""The time between a connection and its first plain byte. Steps are taken whenever a socket has something to say."""

import socket
import ssl
from typing import Protocol

from collectors.tap.segment import TlsRefusal
from collectors.tap.tls.end import TlsEnd
from collectors.tap.tls.hello import NotTls, offered_protocols

_RECEIVE_BYTES = 16 * 1024


PROTOCOLS = (b"h2", b"http/1.1")
"""What is negotiated; of anything else that a client offers, the server behind is not told."""


class Contexts(Protocol):
    """What a listener shows to its clients and to the server behind."""

    def towards_client(self, protocol: str | None) -> ssl.SSLContext: ...

    def towards_server(self, offered: tuple[bytes, ...]) -> TlsEnd | None: ...

    def chosen_here(self, offered: tuple[bytes, ...]) -> str | None: ...


class _Failed(Exception):
    """Whose fault it was; the peers' sockets are still open."""

    def __init__(self, refusal: TlsRefusal) -> None:
        self.refusal = refusal
        super().__init__(refusal)


class _Handshake:
    """One handshake, with what could not be sent of it yet."""

    def __init__(self, end: TlsEnd, sock: socket.socket, refusal: TlsRefusal) -> None:
        self.end = end
        self.socket = sock
        self.unsent = b""
        self._refusal = refusal

    def step(self) -> bool:
        """Go as far as the socket allows; True once it is done and all of it is sent."""
        while True:
            try:
                done = self.end.shake()
            except ssl.SSLError as error:
                self.unsent += self.end.output()  # the alert that says why
                self._send(last=True)
                raise _Failed(self._refusal) from error
            self.unsent += self.end.output()
            self._send()
            if done or self.unsent:
                return done and not self.unsent
            try:
                received = self.socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return False
            except OSError as error:
                raise _Failed(self._refusal) from error
            if not received:
                raise _Failed(self._refusal)
            self.end.feed(received)

    def _send(self, *, last: bool = False) -> None:
        try:
            if self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            if not last:
                raise _Failed(self._refusal) from error


class Greeting:
    """The hello of a client, the server's handshake where it speaks TLS, the client's handshake."""

    def __init__(self, client: socket.socket, server: socket.socket, contexts: Contexts) -> None:
        self._client, self._server = client, server
        self._contexts = contexts
        self._hello = b""
        self._with_server: _Handshake | None = None
        self._with_client: _Handshake | None = None

    @property
    def waits_for(self) -> tuple[socket.socket, bool]:
        """The socket that has to say something next, and whether it must take bytes first."""
        current = self._with_client or self._with_server
        return (current.socket, bool(current.unsent)) if current else (self._client, False)

    def step(self) -> "tuple[TlsEnd, TlsEnd | None] | TlsRefusal | None":
        """Go as far as the sockets allow. Answers the two ends once plain bytes can pass, or why they never will."""
        try:
            client = self._with_client or self._before_client()
            if client is None or not client.step():
                return None
        except _Failed as failed:
            return failed.refusal
        return client.end, self._with_server.end if self._with_server else None

    def _before_client(self) -> _Handshake | None:
        """The client's handshake, once it can begin."""
        if self._with_server is None and not self._heard():
            return None
        if self._with_server is not None and self._with_server.step():
            self._turn_to_client(self._with_server.end.protocol)
        return self._with_client

    def _heard(self) -> bool:
        """Whether the hello is complete; what follows from it is begun then."""
        while True:
            try:
                received = self._client.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return False
            except OSError as error:
                raise _Failed(TlsRefusal.NO_HELLO) from error
            if not received:
                raise _Failed(TlsRefusal.NO_HELLO)
            self._hello += received
            try:
                offered = offered_protocols(self._hello)
            except NotTls as error:
                raise _Failed(TlsRefusal.NO_HELLO) from error
            if offered is not None:
                break
        known = tuple(dict.fromkeys(each for each in offered if each in PROTOCOLS))
        end = self._contexts.towards_server(known)
        if end is not None:
            self._with_server = _Handshake(end, self._server, TlsRefusal.SERVER_HANDSHAKE)
        else:
            self._turn_to_client(self._contexts.chosen_here(known))
        return True

    def _turn_to_client(self, protocol: str | None) -> None:
        end = TlsEnd(self._contexts.towards_client(protocol), server_side=True)
        end.feed(self._hello)
        self._hello = b""
        self._with_client = _Handshake(end, self._client, TlsRefusal.CLIENT_HANDSHAKE)
