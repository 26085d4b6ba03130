"""POST /cloudevents: what inference loggers send: CloudEvents of KServe and Seldon in any mode, payloads of ModelMesh."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Controller, Request, Response, post
from litestar.concurrency import sync_to_thread
from litestar.status_codes import HTTP_202_ACCEPTED

from monitor.intake.provided import TheEvents
from monitor.intake.records import INLINE_BYTES_MAX, body_of
from monitor.jobs.bodies import BATCH_BODY_BYTES_MAX


class CloudEventsController(Controller):
    """What inference loggers send."""

    path = "/cloudevents"
    tags = ("intake",)

    @post("/", status_code=HTTP_202_ACCEPTED, summary="Accept CloudEvents of inferences (binary, structured, batched)")
    async def events(self, request: Request[Any, Any, Any], events: TheEvents) -> Response[bytes]:
        """Answered without a body: senders would take one for an event."""
        body = await body_of(request, BATCH_BODY_BYTES_MAX)
        # Names are lower case here, as ASGI demands.
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
        # Senders whose ids count up from the start are told apart by where they are.
        headers["outrider-sender"] = request.client.host if request.client else ""
        is_large = len(body) > INLINE_BYTES_MAX
        kept = await sync_to_thread(events.submit, headers, body) if is_large else events.submit(headers, body)
        if kept is not None:
            await asyncio.wrap_future(kept)
        return Response(b"", status_code=HTTP_202_ACCEPTED)
