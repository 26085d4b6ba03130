"""Records into a spool by who can wait for room in it: files and topics, which keep what is not taken."""

import logging
from collections.abc import Callable, Sequence

from collectors.accounts import LEDGER_INTERVAL_NS
from collectors.records.types import Ledger, Prediction, Record
from collectors.spool import Spool, SpoolFull
from collectors.spool.packing import fits

SPOOL_FULL = "spool_full"
"""Why an exchange is dropped that was read."""

_LOG = logging.getLogger(__name__)


def append_waiting(spool: Spool, records: Sequence[Record], wait: Callable[[], bool]) -> bool:
    """Put them into the spool, and on the disk; `wait` waits for room a while, and says whether to give up. False where it did."""
    waiting = list(records)
    while waiting:
        try:
            spool.append(waiting)
            break
        except SpoolFull as error:
            _LOG.warning("spool_full", extra={"why": error.reason})
            if error.reason == "record_too_large":
                waiting = [or_account(record) for record in waiting]
            elif wait():
                return False
    spool.sync()
    return True


def or_account(record: Record) -> Record:
    """The record, or where no spool will ever take it, that it was dropped after all."""
    if not isinstance(record, Prediction) or fits(record):
        return record
    second = record.time_ns - record.time_ns % LEDGER_INTERVAL_NS
    return Ledger(
        start_ns=second,
        end_ns=second + LEDGER_INTERVAL_NS,
        model=record.model,
        version=record.version,
        captured=-1,
        dropped={SPOOL_FULL: 1},
        exchange=record.exchange,
    )
