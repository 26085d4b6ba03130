"""The courier to files: batches that came in one minute become one object, in the form of the spool's own journals.

So whatever reads a spool reads them (`outrider spool inspect`), and nothing is packed anew. An object appears whole or
not at all. What a crash made us write twice has the same batch ids in it. Local directories need nothing more; S3,
Google Cloud Storage and Azure take the extra `files` (obstore: one wheel, no dependencies, credentials from the
environment).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collectors.errors import StartFailed
from collectors.records.encoding import BatchError, decode_batch
from collectors.shipping.courier import Outcome, Parcel
from collectors.spool.disk import DIRECTORY_MODE, write_whole_file
from collectors.spool.framing import JournalHeader, encode_frame

OBJECT_BYTES = 8 * 1024 * 1024
"""Of one object, unless one batch alone is larger: few enough objects, and little enough memory."""

OBJECT_SECONDS = 60.0
"""How long batches are gathered for one object: what is in the store lags by at most so much."""

SECRETS = ("KEY", "SECRET", "TOKEN", "PASSWORD")
"""Options with such names belong in the environment, not in a file."""

Put = Callable[[str, bytes], None]
"""Writes one object; raises OSError, or whatever the store's client raises."""


class FilesCourier:
    """Writes below a directory or the URL of a bucket. Raises StartFailed."""

    parcels_max = 10_000
    bytes_max = OBJECT_BYTES

    def __init__(
        self,
        target: str,
        options: Mapping[str, str],
        where: str,
        *,
        patience_s: float = OBJECT_SECONDS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._put = _local(Path(target)) if "://" not in target else _remote(target, options, where)

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for sidecar, group in groupby(parcels, lambda parcel: parcel.batch.rpartition("/")[0]):
            outcomes += self._deliver(sidecar, list(group))
        return outcomes

    def abort(self) -> None:
        """A put has a time limit of its own."""

    def close(self) -> None:
        """Nothing is kept open."""

    def _deliver(self, sidecar: str, parcels: Sequence[Parcel]) -> list[Outcome]:
        now_ns = self._clock()
        name = object_name(sidecar, parcels[0].sequence, parcels[-1].sequence, now_ns)
        header = JournalHeader(sidecar, parcels[0].sequence)
        frames = [
            encode_frame(
                parcel.payload,
                sequence=parcel.sequence,
                records=_records(parcel.payload),
                written_ns=now_ns,
                seed=header.seed,
            )
            for parcel in parcels
        ]
        try:
            self._put(name, b"".join((header.encode(), *frames)))
        except Exception as error:  # noqa: BLE001 (each store's client has errors of its own)
            reason = "files_not_found" if isinstance(error, FileNotFoundError) else "files_write"
            return [Outcome("again", reason, str(error)[:500])] * len(parcels)
        return [Outcome("taken")] * len(parcels)


def _records(payload: bytes) -> int:
    try:
        return len(decode_batch(payload).records)
    except BatchError:
        return 0  # the reader says so, too


def object_name(sidecar: str, first: int, last: int, now_ns: int) -> str:
    """`SIDECAR/DATE/FIRST-LAST.journal`, so that names sort in the order of writing."""
    day = datetime.fromtimestamp(now_ns / 1e9, UTC).date()
    return f"{sidecar}/{day}/{first:020d}-{last:020d}.journal"


def _local(folder: Path) -> Put:
    def put(name: str, data: bytes) -> None:
        path = folder / name
        path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        write_whole_file(path, (data,))

    return put


def _remote(target: str, options: Mapping[str, str], where: str) -> Put:
    if wrong := [name for name in options if any(secret in name.upper() for secret in SECRETS)]:
        raise StartFailed(where, f"option {wrong[0]!r}: credentials are taken from the environment")
    try:
        import obstore  # noqa: PLC0415 (an extra: only who ships to an object store has it)
        from obstore.store import from_url  # noqa: PLC0415 (the same)
    except ImportError as error:
        raise StartFailed(where, "needs the extra `files`: pip install 'outrider[files]'") from error
    given: dict[str, Any] = dict(options)
    client = {"timeout": "30s", "connect_timeout": "5s"}
    if urlsplit(given.get("endpoint", "")).scheme == "http":
        client["allow_http"] = "true"
    # The shipper has pauses of its own; many tries inside would hide the failures from the metrics.
    retry = {"max_retries": 1}
    try:
        store = from_url(target, config=given, client_options=client, retry_config=retry)  # type: ignore[call-overload]  # options are of any store
    except Exception as error:
        raise StartFailed(where, str(error)[:300]) from error

    def put(name: str, data: bytes) -> None:
        obstore.put(store, name, data)

    return put
