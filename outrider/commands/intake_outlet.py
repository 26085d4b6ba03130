"""What the commands share that put records into a spool: it is opened, waited for when it is full, and watched until it is empty."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from collectors.errors import InvalidSettings, SettingsFault
from collectors.intake.gathering import Outlet
from outrider.attachment import Attachment, open_outlet

WATCH_SECONDS = 2.0
"""How often a folder is looked at, and a full spool: also how long a file of a folder of tables has to lie unchanged."""
END_SECONDS = 0.05
"""How often the end looks whether all has been shipped."""
CLOSE_SECONDS = 5.0
"""Of the end: a batch under way may be answered for; what is not stays in the spool."""


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
        if time.monotonic() > by or stopping.wait(END_SECONDS):
            return False
    return True


def taken_in(
    take: Callable[[], None], outlet: Outlet, stopping: threading.Event, *, once: bool, ship_seconds: float
) -> bool:
    """Take what there is, again and again until told to end; or once, and whether it was shipped within so many seconds."""
    try:
        while not stopping.is_set():
            take()
            if once:
                break
            stopping.wait(WATCH_SECONDS)
        return not once or is_delivered(outlet, stopping, ship_seconds)
    finally:
        outlet.close(CLOSE_SECONDS)
