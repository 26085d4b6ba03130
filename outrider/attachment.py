"""Wires what a program or a command hands over to a spool and a shipper, in the program's own process."""

import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from collectors.decoders.identity import DEFAULT_IDS
from collectors.errors import StartFailed
from collectors.intake.gathering import Gathering, Outlet
from collectors.intake.tally import Tally
from collectors.pipeline import Pipeline
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from collectors.shipping import MonitorCourier, ShippingSettings
from collectors.shipping.fan_out import FanOut
from collectors.spool import Spool, SpoolBusy, SpoolUnusable

PROCESSES_MAX = 64
"""Processes of one program on one machine: each has a spool of its own, the first that is free."""

QUOTA_BYTES = 256 * 1024 * 1024
"""Of each of these spools: many processes share the disk of the program."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Where records go, and what is kept of them. Without a monitor they stay in the spool."""

    monitor: str | None = None
    spool: Path | None = None
    name: str = "app"
    quota_bytes: int = QUOTA_BYTES
    redaction: RedactionPolicy = field(default_factory=RedactionPolicy)
    sampling: SamplingPolicy = field(default_factory=SamplingPolicy)


def gathering_of(attachment: Attachment) -> Gathering:
    """A queue whose thread opens spool and shipper at the first offer."""
    return Gathering(lambda: open_outlet(attachment))


def open_outlet(attachment: Attachment) -> Outlet:
    """Open the first free spool, and ship it. Raises StartFailed, ValueError for a monitor that is no URL."""
    spool = open_free_spool(attachment)
    try:
        couriers = {"monitor": MonitorCourier(attachment.monitor, ShippingSettings())} if attachment.monitor else {}
        fan_out = FanOut(spool, couriers)
        tally = Tally(spool.directory.with_suffix(".tally"))
    except (ValueError, OSError):
        spool.close()
        raise
    fan_out.start()
    pipeline = Pipeline(spool.sidecar, attachment.redaction, attachment.sampling, DEFAULT_IDS)
    return Outlet(pipeline, spool, tally, bool(couriers), _closer(spool, fan_out, tally))


def open_free_spool(attachment: Attachment) -> Spool:
    """The first spool under the directory that no other process holds. Raises StartFailed."""
    causes: list[str] = []
    for base in _bases(attachment):
        for number in range(PROCESSES_MAX):
            try:
                return Spool.open(base / f"spool-{number}", quota_bytes=attachment.quota_bytes)
            except SpoolBusy as error:
                causes.append(str(error))
            except SpoolUnusable as error:
                causes.append(str(error))
                break
    raise StartFailed("spool", causes[-1])


def _bases(attachment: Attachment) -> list[Path]:
    """The directory asked for; else that of the user's state, or where it cannot be had, a temporary one."""
    if attachment.spool is not None:
        return [attachment.spool]
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    temporary = Path(tempfile.gettempdir()) / f"outrider-{os.getuid()}"
    return [Path(state) / "outrider" / attachment.name, temporary / attachment.name]


def _closer(spool: Spool, fan_out: FanOut, tally: Tally) -> Callable[[float], None]:
    def close(timeout_s: float) -> None:
        if not fan_out.stop(timeout_s):
            _LOG.warning("shipper_did_not_end", extra={"timeout_s": timeout_s})
        spool.close()
        tally.close()

    return close
