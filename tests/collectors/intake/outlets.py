"""An outlet into a spool of the test, and what is in it."""

from pathlib import Path

from collectors.decoders.identity import DEFAULT_IDS
from collectors.intake.gathering import Gathering, Outlet
from collectors.intake.tally import Tally
from collectors.pipeline import Pipeline
from collectors.records.encoding import decode_batch
from collectors.records.types import Gap, Ledger, Prediction, Record
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from collectors.spool import Spool


def outlet(directory: Path, *, quota_bytes: int = 1 << 24) -> Outlet:
    spool = Spool.open(directory / "spool", quota_bytes=quota_bytes, free_space_floor_bytes=0)
    tally = Tally(directory / "spool.tally")

    def close(_: float) -> None:
        spool.close()
        tally.close()

    return Outlet(Pipeline(spool.sidecar, RedactionPolicy(), SamplingPolicy(), DEFAULT_IDS), spool, tally, False, close)


def gathering(directory: Path, **limits: int) -> Gathering:
    return Gathering(lambda: outlet(directory), **limits)  # type: ignore[arg-type]


def records(directory: Path) -> list[Record]:
    """Everything in the spool, which nobody holds."""
    with Spool.open(directory / "spool", free_space_floor_bytes=0) as spool:
        return [record for _, payload in spool.read(0, 1 << 30) for record in decode_batch(payload).records]


def predictions(directory: Path) -> list[Prediction]:
    return [record for record in records(directory) if isinstance(record, Prediction)]


def gaps(directory: Path) -> list[Gap]:
    return [record for record in records(directory) if isinstance(record, Gap)]


def ledgers(directory: Path) -> list[Ledger]:
    return [record for record in records(directory) if isinstance(record, Ledger)]
