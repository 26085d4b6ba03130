"""POST preview: what a declaration would have told, before it is saved. Changes nothing."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, QueryParameter
from litestar.status_codes import HTTP_200_OK

from monitor.definitions import MonitoredModel, document_of
from monitor.errors import NotFound
from monitor.findings import AlertStatus, rfc3339, transition_document
from monitor.intake.provided import TheCatalog
from monitor.intake.records import body_of
from monitor.jobs.bodies import DECLARATION_BYTES_MAX
from monitor.jobs.preview import WINDOWS_MAX, Told, preview
from monitor.tiles.encoding import decode_baseline


class PreviewsController(Controller):
    """Declarations before they are saved."""

    path = "/models/{model:str}/preview"
    tags = ("models",)

    @post("/", status_code=HTTP_200_OK, summary="What a declaration (YAML or JSON) would have told of past windows")
    async def preview(
        self,
        request: Request[Any, Any, Any],
        catalog: TheCatalog,
        model: FromPath[str],
        windows: Annotated[
            int, QueryParameter(ge=1, le=WINDOWS_MAX, description="Last windows of each version.")
        ] = 500,
    ) -> dict[str, Any]:
        """The declaration in force is judged anew beside it, on the same windows, so that both begin alike."""
        proposed = MonitoredModel.from_document(document_of(await body_of(request, DECLARATION_BYTES_MAX), "body"))
        entry, baseline = catalog.model(model), catalog.baseline(model)
        if entry is None:
            raise NotFound("model", model)
        if baseline is None:
            raise NotFound("baseline of model", model)
        profile, in_force = decode_baseline(baseline.profile), entry.in_force()
        told = {
            name: await sync_to_thread(preview, catalog, declaration, in_force, profile, windows)
            for name, declaration in (("proposed", proposed), ("in_force", in_force))
        }
        return {"model": model} | {name: [_item(one) for one in found] for name, found in told.items()}


def _item(told: Told) -> dict[str, Any]:
    return {
        "version": told.version or None,
        "rule": told.rule,
        "windows": len(told.spans),
        "start": rfc3339(told.spans[0].start_ns) if told.spans else None,
        "end": rfc3339(told.spans[-1].end_ns) if told.spans else None,
        "opened": sum(t.state is AlertStatus.FIRING and not t.escalated for t in told.transitions),
        "open": [kind.value for kind in told.open],
        "critical": told.critical,
        "judged": told.judged,
        "transitions": [transition_document(t) for t in told.transitions],
    }
