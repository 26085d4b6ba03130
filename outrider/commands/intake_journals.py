"""`outrider intake journals DIR`: the files that a sidecar's sink `files` wrote, or a spool that no sidecar uses, to a monitor."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from collectors.errors import InvalidSettings, SettingsFault
from collectors.shipping import MonitorCourier, Parcel, ShippingSettings
from collectors.spool.disk import opened_for_reading
from collectors.spool.framing import JOURNAL_HEADER_BYTES
from collectors.spool.journal import SUFFIX, survey
from collectors.spool.walk import Damage, Frame, payload_of, walk
from collectors.telemetry import log_to_stderr

PATIENCE_SECONDS = 300.0
"""How long a monitor that does not answer is tried."""
RETRY_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


def journals(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Journals (.journal), at any depth.")],
    monitor: Annotated[str, typer.Option(metavar="URL", help="The monitor that the batches are sent to.")],
) -> int:
    """Send the batches of journals to a monitor, under their ids; files stay as they are. Exits with 1 where some were not taken."""
    log_to_stderr()
    if not directory.is_dir():
        raise InvalidSettings([SettingsFault("DIR", str(directory), "a directory")])
    try:
        courier = MonitorCourier(monitor, ShippingSettings(requests_in_flight=1))
    except ValueError as error:
        raise InvalidSettings([SettingsFault("--monitor", str(error), "a URL")]) from error
    said: Counter[str] = Counter()
    try:
        for path in sorted(directory.rglob(f"*{SUFFIX}")):
            for parcel in _parcels(path, said):
                said[_delivered(courier, parcel)] += 1
    finally:
        courier.close()
    print(
        f"{said['taken']} batches taken, {said['known']} known already, {said['refused']} refused, "
        f"{said['damaged']} places damaged",
        file=sys.stderr,
    )
    return 1 if said["refused"] or said["again"] or said["damaged"] else 0


def _parcels(path: Path, said: Counter[str]) -> Iterator[Parcel]:
    found = survey(path, sidecar=None, verify=False)
    if found.header is None:
        said["damaged"] += 1
        _LOG.warning("journal_unreadable", extra={"path": str(path), "why": found.header_state})
        return
    seed = found.header.seed
    with opened_for_reading(path) as read_at:
        for part in walk(read_at, JOURNAL_HEADER_BYTES, found.size, seed, verify=False):
            payload = payload_of(read_at, part, seed) if isinstance(part, Frame) else part
            if isinstance(payload, Damage):
                said["damaged"] += 1
                _LOG.warning("journal_damaged", extra={"path": str(path), "offset": payload.offset})
            elif isinstance(part, Frame):
                yield Parcel(part.header.sequence, f"{found.header.sidecar}/{part.header.sequence}", payload)


def _delivered(courier: MonitorCourier, parcel: Parcel) -> str:
    """Raises InvalidSettings where the monitor does not answer for long."""
    by = time.monotonic() + PATIENCE_SECONDS
    while True:
        (outcome,) = courier.deliver([parcel])
        if outcome.verdict == "refused":
            _LOG.warning("batch_refused", extra={"batch": parcel.batch, "why": outcome.reason})
        if outcome.verdict != "again":
            return outcome.verdict
        if time.monotonic() > by:
            raise InvalidSettings([SettingsFault("--monitor", outcome.reason, "a monitor that answers")])
        time.sleep(RETRY_SECONDS)
