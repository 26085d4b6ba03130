"""Rows of the past that are on their way in many batches: windows wait until their sender says that all have come.

A sender that brings recorded rows says so before its first batch, again with each, and once more at the end. In between no window
of that model and version is closed, so none is cut by where a batch ends, and none is judged before the labels that come behind
the rows. A sender that falls silent is forgotten: then windows close with what is there.

Nothing of it is stored: each renewal says all there is to say, so after a restart the next one puts it back.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from monitor.errors import Fault, InvalidInput

SILENT_NS_MAX = 60 * 10**9
"""A sender that was not heard of for so long is gone: many times what a batch takes."""
AWAITED_NS_MAX = 3_600 * 10**9
"""No sender holds windows up for longer: those of live traffic wait beside its own. What it brings later is late."""
SENDERS_MAX = 1_000
"""Senders at once."""
NAME_CHARS_MAX = 128


@dataclass(frozen=True, slots=True)
class Awaiting:
    sender: str
    model: str
    version: str
    since_ns: int
    until_ns: int
    """When it is forgotten unless it is heard of."""


@dataclass(slots=True)
class Awaited:
    """Who brings rows of what. Told by requests, asked by the scheduler's thread."""

    _senders: dict[str, Awaiting] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, sender: str, model: str, version: str, now_ns: int) -> Awaiting:
        """More rows of this version follow. Raises InvalidInput where too many say so, or one has said so for too long."""
        if not 0 < len(sender) <= NAME_CHARS_MAX:
            raise InvalidInput(Fault("sender", repr(sender[:40]), f"a name of 1 to {NAME_CHARS_MAX} characters"))
        with self._lock:
            self._forget(now_ns)
            known = self._senders.get(sender)
            since_ns = now_ns if known is None or (known.model, known.version) != (model, version) else known.since_ns
            last_ns = since_ns + AWAITED_NS_MAX
            if now_ns + SILENT_NS_MAX > last_ns:
                raise InvalidInput(Fault("sender", sender, "an end: its rows have been awaited for an hour"))
            if known is None and len(self._senders) >= SENDERS_MAX:
                raise InvalidInput(Fault("sender", sender, f"at most {SENDERS_MAX} senders at once"))
            awaiting = Awaiting(sender, model, version, since_ns, now_ns + SILENT_NS_MAX)
            self._senders[sender] = awaiting
            return awaiting

    def done(self, sender: str) -> None:
        """All of it has come; one that is not known is done already."""
        with self._lock:
            self._senders.pop(sender, None)

    def holds(self, model: str, version: str, now_ns: int) -> bool:
        """Whether windows of this version wait."""
        with self._lock:
            self._forget(now_ns)
            return any((one.model, one.version) == (model, version) for one in self._senders.values())

    def _forget(self, now_ns: int) -> None:
        gone = [one.sender for one in self._senders.values() if now_ns >= one.until_ns]
        for sender in gone:
            del self._senders[sender]
