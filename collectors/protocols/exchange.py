"""What an observer hands on: a request with its response, whole or with the reason why it is not."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import msgspec


class Direction(IntEnum):
    """Which way bytes travel."""

    TO_SERVER = 0
    TO_CLIENT = 1


Damage = Literal[
    "not_copied",
    "memory_full",
    "connections_max",
    "streams_max",
    "body_too_large",
    "malformed",
    "request_incomplete",
    "response_incomplete",
    "no_response",
    "no_request",
    "ambiguous_answers",
    "connection_given_up",
]
"""Why an exchange was not seen whole."""

DROPPED: frozenset[Damage] = frozenset({"not_copied", "memory_full", "connections_max", "streams_max"})
"""Damage of our own making: we did not have the room. The rest is how the bytes came."""

Wanted = Callable[[str, str], bool]
"""Whether the bodies of a request with this method and target are worth keeping."""


Protocol = Literal["http1", "http2", "grpc"]
"""What an exchange was spoken in; gRPC is HTTP/2 with messages in it."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When the bytes of a body came: `counts[i]` of them were there at `times_ns[i]`. Both only rise."""

    counts: Sequence[int] = ()
    times_ns: Sequence[int] = ()

    def time_ns(self, count: int) -> int | None:
        """When the first `count` bytes were there, or None where that was not noted."""
        at = bisect_left(self.counts, count)
        return self.times_ns[at] if at < len(self.times_ns) else None


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A request and its response. Header names are lower case; only those of `heads.KEPT_HEADERS` were taken in.

    `status` is 0 where no response head was seen, and for gRPC the HTTP status that means the same as its own;
    `target` is empty where no request head was. Bodies are as sent (still compressed, with the prefixes of gRPC's
    messages), and empty where the exchange is damaged or nobody wanted them. A gRPC stream of many requests is many
    exchanges, each one request message with the response messages that answer it.
    """

    method: str
    target: str
    request_headers: Mapping[str, str]
    response_headers: Mapping[str, str]
    request_body: bytes | bytearray
    response_body: bytes | bytearray
    status: int
    start_ns: int
    end_ns: int
    wire_bytes: int = 0
    """Heads and bodies as far as they were kept."""
    damage: Damage | None = None
    arrivals: Arrivals | None = None
    """Of the response's body, where it is an event stream."""
    aborted: bool = False
    """The connection ended before an event stream did; what came of it is kept."""
    protocol: Protocol = "http1"
    trailers: Mapping[str, str] = {}
    """Of HTTP/2; those of HTTP/1.1 are not taken in."""


def unreadable(damage: Damage, start_ns: int, end_ns: int, protocol: Protocol = "http1") -> Exchange:
    """A request of which not even the head could be read: it was one all the same."""
    return Exchange(
        method="",
        target="",
        request_headers={},
        response_headers={},
        request_body=b"",
        response_body=b"",
        status=0,
        start_ns=start_ns,
        end_ns=end_ns,
        damage=damage,
        protocol=protocol,
    )
