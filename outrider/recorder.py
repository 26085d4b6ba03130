"""The two-line call for batch and serverless code: what a program's own model was asked, and what it answered."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.intake.gathering import GatheringCounts
from collectors.intake.given import Given, decoded_of, weight_of
from collectors.pipeline import Provenance
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from outrider.attachment import Attachment, gathering_of

FLUSH_SECONDS = 10.0
"""How long the end of a recorder waits for the monitor; what is not delivered then stays in the spool."""

_PROVENANCE = Provenance(captured_by="client")
_LOG = logging.getLogger(__name__)


class Recorder:
    """Records predictions of one model; as a context it delivers them at its end.

    >>> with Recorder(model="income") as recorder:  # doctest: +SKIP
    ...     recorder.record({"AGEP": [41, 17]}, {"p": [0.7, 0.1]})
    """

    def __init__(
        self,
        model: str,
        *,
        monitor: str | None = None,
        version: str = "",
        spool: Path | str | None = None,
        redaction: RedactionPolicy | None = None,
        sampling: SamplingPolicy | None = None,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._model, self._version = model, version
        self._flush_seconds = flush_seconds
        self._gathering = gathering_of(
            Attachment(
                monitor=monitor,
                spool=Path(spool) if spool is not None else None,
                name="recorder",
                redaction=redaction or RedactionPolicy(),
                sampling=sampling or SamplingPolicy(),
            )
        )
        self.refused = 0
        """Calls whose values could not be read; the log says why."""

    @property
    def counts(self) -> GatheringCounts:
        """What was offered, what had no room, what is in the spool, since the start of this process."""
        return self._gathering.counts

    def record(
        self,
        inputs: object,
        outputs: object,
        *,
        id: str | None = None,
        ids: Sequence[object] | None = None,
        time_ns: int | None = None,
        duration_ns: int = 0,
        error: str | None = None,
        version: str | None = None,
    ) -> bool:
        """Record one call of the model: n rows are n predictions. False where they are not taken, which is logged.

        Inputs and outputs are columns by name, rows, arrays or data frames. `id` names the call, `ids` each of its
        rows: labels join by them. Never raises for what it was given, and never waits.
        """
        start_ns = time.time_ns() if time_ns is None else time_ns
        asked_version = self._version if version is None else version
        try:
            decoded = decoded_of(self._model, asked_version, id, inputs, outputs, error)
            parts = [decoded] if ids is None else by_row(decoded, ids)
        except Undecodable as undecodable:
            self.refused += 1
            _LOG.warning("record_refused", extra={"where": undecodable.where, "why": undecodable.reason})
            return False
        # One after the other in time, so that the rows of a call have an order.
        taken = [self._offer(part, start_ns + i, duration_ns) for i, part in enumerate(parts)]
        return all(taken)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until the monitor has everything, or without a monitor the spool. False where it has not in time."""
        return self._gathering.flush(self._flush_seconds if timeout_s is None else timeout_s)

    def close(self) -> bool:
        """Flush and end. False where something is left in the spool for the next start, or was lost."""
        delivered = self.flush()
        return self._gathering.stop(self._flush_seconds) and delivered

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _offer(self, decoded: Decoded, start_ns: int, duration_ns: int) -> bool:
        size = weight_of(decoded)
        exchange = Exchange(
            method="CALL",
            target=decoded.model,
            request_headers={},
            response_headers={},
            request_body=b"",
            response_body=b"",
            status=200 if decoded.error is None else 500,
            start_ns=start_ns,
            end_ns=start_ns + max(0, duration_ns),
            wire_bytes=size,
        )
        return self._gathering.offer(
            exchange, (Given(decoded), Call(decoded.model, decoded.version)), _PROVENANCE, size
        )


def record(
    model: str,
    inputs: object,
    outputs: object,
    *,
    monitor: str | None = None,
    id: str | None = None,
    ids: Sequence[object] | None = None,
    version: str = "",
    spool: Path | str | None = None,
    flush_seconds: float = FLUSH_SECONDS,
) -> bool:
    """Record one call of a model and deliver it: for jobs that have one batch. False where it was not delivered in time."""
    recorder = Recorder(model, monitor=monitor, version=version, spool=spool, flush_seconds=flush_seconds)
    taken = recorder.record(inputs, outputs, id=id, ids=ids)
    return recorder.close() and taken


def by_row(decoded: Decoded, ids: Sequence[object]) -> list[Decoded]:
    """One prediction a row, each with its own id. Raises Undecodable."""
    ids = list(ids)
    tensors = (*decoded.inputs, *decoded.outputs)
    if len(ids) != decoded.rows or any((t.shape[0] if t.shape else 1) != decoded.rows for t in tensors):
        raise Undecodable("shape_mismatch", "ids", f"{len(ids)} ids, {decoded.rows} rows")
    return [
        Decoded(
            model=decoded.model,
            version=decoded.version,
            id=str(each),
            rows=1,
            inputs=tuple(_row(tensor, i) for tensor in decoded.inputs),
            outputs=tuple(_row(tensor, i) for tensor in decoded.outputs),
            error=decoded.error,
        )
        for i, each in enumerate(ids)
    ]


def _row(tensor: Tensor, row: int) -> Tensor:
    rows = tensor.shape[0] if tensor.shape else 1
    width = len(tensor.data) // rows
    cells = 1
    for size in tensor.shape[1:]:
        cells *= size
    return Tensor(
        name=tensor.name,
        shape=(1, *tensor.shape[1:]),
        datatype=tensor.datatype,
        data=tensor.data[row * width : (row + 1) * width],
        items=tensor.items[row * cells : (row + 1) * cells],
        missing=tuple(i - row * cells for i in tensor.missing if row * cells <= i < (row + 1) * cells),
    )
