"""Copies what the connections of the watched ports say into the segment's ring, as the forwarder does with its own."""

from collectors.tap.copier import Copied, Copier
from collectors.tap.ring import RECEIVE_BYTES_MAX
from collectors.tap.segment import Uncopied


class Copying:
    """The sink of `connections.Connections` before a `Copier`."""

    def __init__(self, copier: Copier) -> None:
        self._copier = copier

    def opened(self, time_ns: int, *, midway: bool) -> Copied:
        return self._copier.opened(time_ns, midway=midway)

    def passed(self, handle: Copied, direction: int, payload: bytes | memoryview, time_ns: int) -> None:
        count = len(payload)
        if count > RECEIVE_BYTES_MAX:
            whole = memoryview(payload)
            self.passed(handle, direction, whole[:RECEIVE_BYTES_MAX], time_ns)
            self.passed(handle, direction, whole[RECEIVE_BYTES_MAX:], time_ns)
            return
        place = self._copier.place(handle, direction)
        if place is not None:
            place[:count] = payload
        self._copier.forwarded(handle, direction, count, time_ns)

    def missed(
        self, handle: Copied, direction: int, count: int, reason: Uncopied, *, since_ns: int, time_ns: int
    ) -> None:
        self._copier.missed(handle, direction, count, reason, since_ns=since_ns, time_ns=time_ns)

    def closed(self, handle: Copied, time_ns: int, *, reason: Uncopied | None = None) -> None:
        self._copier.closed(handle, time_ns, reason=reason)
