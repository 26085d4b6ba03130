"""What the commands share that put records into a spool: it is opened, waited for when it is full, and watched until it is empty."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

from collectors.errors import InvalidSettings, SettingsFault
from collectors.intake.gathering import Outlet
from outrider.attachment import Attachment, open_outlet

LOOK_SECONDS = 0.05
"""How often the end looks whether all has been shipped."""


def outlet_of(monitor: str | None, spool: Path | None, name: str) -> Outlet:
    """The first free spool, shipped to the monitor. Raises InvalidSettings for a monitor that is no URL."""
    try:
        return open_outlet(Attachment(monitor=monitor, spool=spool, name=name))
    except ValueError as error:
        raise InvalidSettings([SettingsFault("--monitor", str(error), "a URL")]) from error


def stopped_by_signals() -> threading.Event:
    """Set when the process is asked to end."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def is_delivered(outlet: Outlet, stopping: threading.Event, seconds: float) -> bool:
    """Whether all was shipped within so many seconds, and before it was told to end."""
    by = time.monotonic() + seconds
    while outlet.ships and outlet.spool.pending_records:
        if time.monotonic() > by or stopping.wait(LOOK_SECONDS):
            return False
    return True
