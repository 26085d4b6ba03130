"""Short, bounded questions over HTTP, and what a look at an address found."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

ANSWER_BYTES_MAX = 4 * 1024**2
"""More is read of nobody: a metrics page of a large server is below it."""
TIMEOUT_SECONDS = 3.0

State = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `where` is an address or a setting, `detail` what was found or what to do."""

    what: str
    where: str
    state: State
    detail: str

    def document(self) -> dict[str, Any]:
        return {"check": self.what, "where": self.where, "status": self.state, "detail": self.detail}


def check(what: str, where: str, fine: bool, detail: str) -> Check:
    return Check(what, where, "ok" if fine else "failed", detail)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class NoAnswer(Exception):
    """Nobody answers, or not with HTTP; the message says how it went."""


def ask(
    address: str,
    path: str,
    *,
    method: str = "GET",
    json_body: bytes | None = None,
    timeout_s: float = TIMEOUT_SECONDS,
    tls: bool = False,
    more: Mapping[str, str] | None = None,
) -> Answer:
    """One request to HOST:PORT, with `more` headers. Raises NoAnswer."""
    host, port = split(address)
    kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    connection = kind(host, port, timeout=timeout_s)
    try:
        headers = {"accept": "*/*", "connection": "close", **(more or {})}
        if json_body is not None:
            headers["content-type"] = "application/json"
        connection.request(method, path, json_body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read(ANSWER_BYTES_MAX))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(_reason(error)) from error
    finally:
        connection.close()


def ask_url(
    url: str, path: str, *, timeout_s: float = TIMEOUT_SECONDS, more: Mapping[str, str] | None = None
) -> Answer:
    """One request to a path below a URL. Raises NoAnswer."""
    parts = urlsplit(url)
    return ask(
        address_of(url), f"{parts.path.rstrip('/')}{path}", timeout_s=timeout_s, tls=parts.scheme == "https", more=more
    )


def address_of(url: str) -> str:
    """HOST:PORT of a URL, with the scheme's port where it names none."""
    parts = urlsplit(url)
    known = {"http": 80, "https": 443, "postgresql": 5432}
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or known.get(parts.scheme.partition('+')[0], 80)}"


def split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def connects(address: str, *, timeout_s: float = TIMEOUT_SECONDS) -> str | None:
    """None where a TCP connection is taken, else why it is not."""
    try:
        socket.create_connection(split(address), timeout=timeout_s).close()
    except OSError as error:
        return _reason(error)
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"the answer is not HTTP/1.1 ({type(error).__name__})"
