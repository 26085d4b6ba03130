"""Certificates and keys as the handshakes need them, one context for each choice of protocols, loaded anew on demand."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.tap.tls.end import TlsEnd
from collectors.tap.tls.greeting import PROTOCOLS, Greeting


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a listener's TLS is made of: paths, and what is asked of the server behind."""

    certificate: str
    key: str
    client_ca: str | None = None
    alpn: tuple[str, ...] | None = None
    """What is offered to clients of a server that is spoken to in plain text."""
    to_server: bool = False
    server_name: str | None = None
    server_ca: str | None = None
    verify: bool = True


class TlsContexts:
    """The contexts of one listener. A failed `load` leaves those before in use."""

    def __init__(self, files: TlsFiles) -> None:
        self.files = files
        self._towards_clients: dict[str | None, ssl.SSLContext] = {}
        self._towards_server: dict[tuple[bytes, ...], ssl.SSLContext] = {}
        self.load()

    def load(self) -> None:
        """Read every file again. Raises OSError, of which ssl.SSLError is one."""
        clients = {protocol: self._for_clients(protocol) for protocol in (None, "h2", "http/1.1")}
        server: dict[tuple[bytes, ...], ssl.SSLContext] = {}
        if self.files.to_server:
            for offered in (PROTOCOLS, PROTOCOLS[::-1], PROTOCOLS[:1], PROTOCOLS[1:], ()):
                server[offered] = self._for_server(offered)
        self._towards_clients, self._towards_server = clients, server

    def greeting(self, client: socket.socket, server: socket.socket) -> Greeting:
        """The greeting of a new connection, with what is loaded now."""
        return Greeting(client, server, self)

    def towards_client(self, protocol: str | None) -> ssl.SSLContext:
        """For a client that is offered this protocol, or none."""
        return self._towards_clients[protocol]

    def towards_server(self, offered: tuple[bytes, ...]) -> TlsEnd | None:
        """Our end towards the server behind, which is offered these of `PROTOCOLS`; None where it speaks plain text."""
        if not self.files.to_server:
            return None
        return TlsEnd(self._towards_server[offered], server_side=False, server_name=self.files.server_name)

    def chosen_here(self, offered: tuple[bytes, ...]) -> str | None:
        """What is spoken with a server in plain text, which cannot be asked.

        Where nothing is configured that is HTTP/1.1, unless the client speaks only HTTP/2, as those of gRPC do.
        """
        order = self.files.alpn if self.files.alpn is not None else ("http/1.1", "h2")
        return next((protocol for protocol in order if protocol.encode() in offered), None)

    def _for_clients(self, protocol: str | None) -> ssl.SSLContext:
        context = _safe(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        context.load_cert_chain(self.files.certificate, self.files.key, password=lambda: "")
        if self.files.client_ca is not None:
            context.load_verify_locations(self.files.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        if protocol is not None:
            context.set_alpn_protocols([protocol])
        return context

    def _for_server(self, offered: tuple[bytes, ...]) -> ssl.SSLContext:
        context = _safe(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        if not self.files.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.files.server_ca is not None:
            context.load_verify_locations(self.files.server_ca)
        else:
            context.load_default_certs()
        if offered:
            context.set_alpn_protocols([each.decode() for each in offered])
        return context


def _safe(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    return context


def files_of(told: Mapping[str, Any]) -> TlsFiles:
    """As the supervisor tells them to the forwarder."""
    alpn = told["alpn"]
    return TlsFiles(**{**told, "alpn": None if alpn is None else tuple(alpn)})


def is_open_to_others(key: str) -> bool:
    """Whether users other than the key's owner and group may read it."""
    return bool(Path(key).stat().st_mode & 0o007)
