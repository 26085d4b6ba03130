"""PUT and DELETE awaited: a sender of recorded rows says that more of them follow, and when all have come."""

from __future__ import annotations

from typing import Any

from litestar import Controller, delete, put
from litestar.params import FromPath, FromQuery

from monitor.definitions import MODEL_NAME
from monitor.errors import Fault, InvalidInput
from monitor.findings import rfc3339
from monitor.intake.provided import TheAwaited, TheClock


class AwaitedController(Controller):
    """Windows wait for rows of the past that come in many batches."""

    path = "/models/{model:str}/awaited/{sender:str}"
    tags = ("intake",)

    @put("/", sync_to_thread=False, summary="More rows of this model and version follow from this sender")
    def expect(
        self,
        awaited: TheAwaited,
        clock: TheClock,
        model: FromPath[str],
        sender: FromPath[str],
        version: FromQuery[str] = "",
    ) -> dict[str, Any]:
        """No window of the version is closed until the sender ends this, or is silent for a minute; an hour at most."""
        if not MODEL_NAME.fullmatch(model):
            raise InvalidInput(Fault("model", repr(model[:128]), "the name of a model"))
        told = awaited.expect(sender, model, version, clock())
        return {"sender": told.sender, "since": rfc3339(told.since_ns), "until": rfc3339(told.until_ns)}

    @delete("/", sync_to_thread=False, summary="All rows of this sender have come")
    def done(self, awaited: TheAwaited, model: FromPath[str], sender: FromPath[str]) -> None:
        awaited.done(sender)
