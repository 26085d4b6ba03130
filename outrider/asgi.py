"""An application's own middleware: `OutriderMiddleware(app, monitor="http://…")`, for any ASGI server and framework."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from collectors.decoders.registry import DEFAULT_MODEL, Registry
from collectors.intake.asgi import App, CaptureMiddleware, Message, Receive, Scope, Send
from collectors.intake.gathering import GatheringCounts
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from outrider.attachment import Attachment, gathering_of

STOP_SECONDS = 2.0
"""Of the application's shutdown; what is not shipped then stays in the spool."""


class OutriderMiddleware:
    """Records what an application was asked and what it answered, and never holds a message back.

    Requests of the serving APIs that the sidecar reads are known by their path; `routes` names the model behind other
    paths: `{"/predict": "income"}`.
    """

    def __init__(
        self,
        app: App,
        *,
        monitor: str | None = None,
        routes: Mapping[str, str] | None = None,
        model: str = DEFAULT_MODEL,
        spool: Path | str | None = None,
        redaction: RedactionPolicy | None = None,
        sampling: SamplingPolicy | None = None,
    ) -> None:
        self._app = app
        self._gathering = gathering_of(
            Attachment(
                monitor=monitor,
                spool=Path(spool) if spool is not None else None,
                name="asgi",
                redaction=redaction or RedactionPolicy(),
                sampling=sampling or SamplingPolicy(),
            )
        )
        self._capture = CaptureMiddleware(app, self._gathering, Registry(model=model), routes=routes)

    @property
    def counts(self) -> GatheringCounts:
        """What was offered, what had no room, what is in the spool, since the start of this process."""
        return self._gathering.counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._capture(scope, receive, send)
            return

        async def ended(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await asyncio.to_thread(self._gathering.stop, STOP_SECONDS)
            await send(message)

        await self._app(scope, receive, ended)
