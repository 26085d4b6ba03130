"""Requests and responses that come apart, in any order, again, or never: paired by key, within bounds. Pure.

A half waits for the other one for a bounded time and in a bounded memory; what does not find it is handed on as alone.
Keys that are done with are remembered, so that a half that comes again does not wait for ever, or make a second pair.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from collectors.protocols.exchange import Damage

WAIT_NS_MAX = 60 * 10**9
"""How long a half waits: servers answer within a minute, or their client has gone."""

WAITING_BYTES_MAX = 256 * 1024 * 1024
"""Of the halves that wait; the oldest makes room."""

WAITING_MAX = 100_000
"""Halves that wait; each costs some hundred bytes beside its own."""

REMEMBERED_MAX = 200_000
"""Keys that are done with: minutes of a busy sender, longer than it goes on repeating an event."""

Side = Literal["request", "response"]
Aloneness = Literal["expired", "no_room"]
H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Pair(Generic[H]):
    """Both halves, or the one that stayed alone, with the reason."""

    request: H | None
    response: H | None
    alone: Aloneness | None = None

    @property
    def damage(self) -> Damage | None:
        """What an exchange of this pair lacks, as exchanges say it."""
        if self.alone == "no_room":
            return "memory_full"
        if self.request is None:
            return "no_request"
        return "no_response" if self.response is None else None

    @property
    def first(self) -> H:
        """The request, or the response that stayed alone: there is one of them at least."""
        found = self.response if self.request is None else self.request
        if found is None:
            raise ValueError("a pair without request and response")
        return found


@dataclass(slots=True)
class _Waiting(Generic[H]):
    side: Side
    half: H
    size: int
    since_ns: int


@dataclass(slots=True)
class Halves(Generic[H]):
    """What waits for its other half."""

    wait_ns: int = WAIT_NS_MAX
    waiting_bytes_max: int = WAITING_BYTES_MAX
    waiting_max: int = WAITING_MAX
    remembered_max: int = REMEMBERED_MAX
    duplicates: int = field(init=False, default=0)
    """Halves that had come before."""
    _waiting: OrderedDict[Hashable, _Waiting[H]] = field(init=False, default_factory=OrderedDict)
    _bytes: int = field(init=False, default=0)
    _done: OrderedDict[Hashable, None] = field(init=False, default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Hashable, side: Side, half: H, *, size: int, now_ns: int) -> list[Pair[H]]:
        """A half has come; returns the pair that it completes, and those that gave up their place."""
        if key in self._done:
            self.duplicates += 1
            return []
        other = self._waiting.get(key)
        if other is not None and other.side == side:
            self.duplicates += 1
            return []
        if other is not None:
            self._remove(key)
            return [Pair(half, other.half) if side == "request" else Pair(other.half, half)]
        self._waiting[key] = _Waiting(side, half, size, now_ns)
        self._bytes += size
        return self._make_room()

    def expire(self, now_ns: int) -> list[Pair[H]]:
        """Give up on the halves that have waited for too long."""
        gone: list[Pair[H]] = []
        while self._waiting:
            oldest = next(iter(self._waiting.values()))
            if now_ns - oldest.since_ns < self.wait_ns:
                break
            gone.append(self._give_up("expired"))
        return gone

    def drop(self, key: Hashable) -> None:
        """Forget the half that waits under this key, as if it had not come."""
        waited = self._waiting.pop(key, None)
        if waited is not None:
            self._bytes -= waited.size

    def _make_room(self) -> list[Pair[H]]:
        gone: list[Pair[H]] = []
        while self._bytes > self.waiting_bytes_max or len(self._waiting) > self.waiting_max:
            gone.append(self._give_up("no_room"))
        return gone

    def _give_up(self, why: Aloneness) -> Pair[H]:
        key = next(iter(self._waiting))
        waited = self._remove(key)
        return Pair(waited.half, None, why) if waited.side == "request" else Pair(None, waited.half, why)

    def _remove(self, key: Hashable) -> _Waiting[H]:
        waited = self._waiting.pop(key)
        self._bytes -= waited.size
        self._done[key] = None
        if len(self._done) > self.remembered_max:
            self._done.popitem(last=False)
        return waited
