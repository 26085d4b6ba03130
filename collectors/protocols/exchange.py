"""What an observer hands on: a request with its response, whole or with the reason why it is not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Direction(IntEnum):
    """Which way bytes travel."""

    TO_SERVER = 0
    TO_CLIENT = 1


Damage = Literal[
    "not_copied",
    "memory_full",
    "connections_max",
    "body_too_large",
    "malformed",
    "request_incomplete",
    "response_incomplete",
    "no_response",
    "connection_given_up",
]
"""Why an exchange was not seen whole."""

DROPPED: frozenset[Damage] = frozenset({"not_copied", "memory_full", "connections_max"})
"""Damage of our own making: we did not have the room. The rest is how the bytes came."""

Wanted = Callable[[str, str], bool]
"""Whether the bodies of a request with this method and target are worth keeping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its response. Header names are lower case; only those of `heads.KEPT_HEADERS` were taken in.

    `status` is 0 where no response head was seen; `target` is empty where no request head was. Bodies are as sent
    (still compressed), and empty where the exchange is damaged or nobody wanted them.
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
