"""POST records: a batch from a sidecar, idempotent by its id."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Controller, Request, post
from litestar.concurrency import sync_to_thread
from litestar.status_codes import HTTP_200_OK

from monitor.errors import Fault, InvalidInput
from monitor.intake.provided import TheAcceptance, TheObserver
from monitor.jobs.accept_records import read_batch
from monitor.jobs.bodies import BATCH_BODY_BYTES_MAX

INLINE_BYTES_MAX = 64 * 1024
"""Bodies up to this are read where they arrive, in less time than a thread costs; larger ones must not hold up others."""


async def body_of(request: Request[Any, Any, Any], bytes_max: int) -> bytes:
    """The request's body, refused as soon as it is larger than allowed."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise InvalidInput(Fault("body", f"more than {bytes_max} bytes", f"at most {bytes_max} bytes"))
        parts.append(part)
    return b"".join(parts)


class RecordsController(Controller):
    """What sidecars send."""

    path = "/records"
    tags = ("intake",)

    @post("/", status_code=HTTP_200_OK, summary="Accept a batch of records, once in effect")
    async def records(
        self,
        request: Request[Any, Any, Any],
        acceptance: TheAcceptance,
        observer: TheObserver,
    ) -> dict[str, Any]:
        body = await body_of(request, BATCH_BODY_BYTES_MAX)
        try:
            is_large = len(body) > INLINE_BYTES_MAX
            batch = await sync_to_thread(read_batch, body) if is_large else read_batch(body)
        except InvalidInput:
            observer.batch_refused("not_a_batch")
            raise
        (accepted,) = await asyncio.wrap_future(acceptance.submit([batch]))
        observer.batch_received(duplicate=accepted.known)
        observer.records_received("prediction", accepted.predictions)
        return {
            "batch": accepted.batch,
            "known": accepted.known,
            "predictions": accepted.predictions,
            "refused": dict(accepted.refused or {}),
        }
