"""From which origins browsers may tell predictions, and how often."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from monitor.ports import BeaconReader


class Beacons:
    """From whom, how often, and what reads it. One allowance an origin: as many messages at once as in a minute."""

    def __init__(self, reader: BeaconReader, origins: Sequence[str], per_minute: int, clock: Callable[[], int]) -> None:
        self.reader = reader
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._left = {origin: (float(per_minute), clock()) for origin in origins}

    def allows(self, origin: str | None) -> bool:
        return origin in self._left

    def take(self, origin: str) -> bool:
        """One message of this origin, or False where it has had its share."""
        with self._lock:
            left, then_ns = self._left[origin]
            now_ns = self._clock()
            left = min(self._per_minute, left + max(0, now_ns - then_ns) * self._per_minute / 60e9)
            self._left[origin] = (left - 1 if left >= 1 else left, now_ns)
            return left >= 1
