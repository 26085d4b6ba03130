"""Bytes held while exchanges are in flight, bounded for one body and for all connections together."""

from collectors.protocols.exchange import Damage

BODY_BYTES_MAX = 48 * 1024 * 1024
"""Largest body kept, as sent: the largest exchange that fits a batch."""

BUFFERED_BYTES_MAX = 128 * 1024 * 1024
"""All bodies and heads in flight together: one largest exchange, both bodies, with room beside it for small ones."""


class Budget:
    """What all observers of a worker may hold together; or, `within` that, what one of them may."""

    __slots__ = ("_within", "held", "limit")

    def __init__(self, limit: int = BUFFERED_BYTES_MAX, *, within: "Budget | None" = None) -> None:
        self.limit = limit
        self.held = 0
        self._within = within

    def charge(self, count: int) -> bool:
        """Take room for `count` more bytes, or refuse."""
        if self.held + count > self.limit or (self._within is not None and not self._within.charge(count)):
            return False
        self.held += count
        return True

    def release(self, count: int) -> None:
        self.held -= count
        if self._within is not None:
            self._within.release(count)


class Kept:
    """The bytes of one head or body, as long as there is room for them; afterwards only the reason why they are gone."""

    __slots__ = ("_budget", "_limit", "bytes", "refused", "wanted")

    def __init__(self, budget: Budget, limit: int, *, wanted: bool = True) -> None:
        self._budget = budget
        self._limit = limit
        self.bytes = bytearray()
        self.refused: Damage | None = None
        self.wanted = wanted

    def append(self, data: bytes | memoryview) -> None:
        if not self.wanted:
            return
        if len(self.bytes) + len(data) > self._limit:
            self.refuse("body_too_large")
        elif not self._budget.charge(len(data)):
            self.refuse("memory_full")
        else:
            self.bytes += data

    def refuse(self, reason: Damage) -> None:
        self.refused = reason
        self.wanted = False
        self.take()

    def take(self) -> bytearray:
        """Hand the bytes over and hold nothing."""
        taken = self.bytes
        self._budget.release(len(taken))
        self.bytes = bytearray()
        return taken
