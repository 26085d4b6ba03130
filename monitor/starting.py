"""What a start asks of the machine, before anything else: what cannot be had ends a start that has changed nothing yet, with a sentence."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from monitor.errors import Fault, InvalidInput

WHAT_TO_DO = {
    errno.EADDRINUSE: "a free port: another process has this one (`ss -ltnp` names it); `--listen HOST:PORT` takes another",
    errno.EACCES: "a port from 1024 on, or the privilege for a lower one",
    errno.EADDRNOTAVAIL: "an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them",
}


def listening_sockets(host: str, port: int) -> list[socket.socket]:
    """One for each address of the host, bound and not listening yet. Raises InvalidInput."""
    where = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InvalidInput(
            Fault("listen", f"{where}, {error.strerror or error}", "an address, or a name that has one")
        ) from error
    bound: list[socket.socket] = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            bound.append(_bound(family, kind, protocol, address))
        except OSError as error:
            # A machine without IPv6 knows the name all the same.
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and len(found) > 1:
                continue
            for each in bound:
                each.close()
            expected = WHAT_TO_DO.get(error.errno or 0, "an address that can be listened on")
            raise InvalidInput(Fault("listen", f"{where}, {_words(error)}", expected)) from error
    if not bound:
        raise InvalidInput(Fault("listen", where, WHAT_TO_DO[errno.EADDRNOTAVAIL]))
    return bound


def writable_directory(path: Path) -> None:
    """Made where it is not there. Raises InvalidInput."""
    expected = "a directory that this user may make and write in; `--data DIR` names another"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(Fault("data", f"{path}, {_words(error)}", expected)) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InvalidInput(Fault("data", f"{path}, where this user may not write", expected))


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _bound(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
