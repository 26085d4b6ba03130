"""GET recompute: a closed window counted once more from its segments."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.errors import Fault, InvalidInput
from monitor.findings import time_ns
from monitor.jobs.recompute import merged_windows, recompute
from monitor.query.models import model_of, window_item
from monitor.query.provided import TheCatalog, TheCode, TheStore
from monitor.windows.trailing import SCALE_MAX


class RecomputeController(Controller):
    """Whether what is stored is what the rows say."""

    path = "/models/{model:str}/recompute"
    tags = ("measurements",)

    @get("/", sync_to_thread=True, summary="Closed windows, counted once more from their rows and labels")
    def recompute(
        self,
        catalog: TheCatalog,
        store: TheStore,
        code: TheCode,
        model: FromPath[str],
        window: Annotated[str, QueryParameter(description="Start of the window, RFC 3339.")],
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        windows: Annotated[int, QueryParameter(ge=1, le=SCALE_MAX, description="So many, up to this one.")] = 1,
        labelled: Annotated[bool, QueryParameter(description="Only windows that have labels.")] = False,
    ) -> dict[str, Any]:
        """`equal`: the tiles and every value with its interval are those that are stored, to the bit. Nothing is changed."""
        known = model_of(catalog, model).in_force()
        start_ns = time_ns(window, "window") or 0
        found = catalog.windows(model, version=version, rule=rule, start_ns=start_ns, end_ns=start_ns + 1, limit=1)
        if not found:
            raise InvalidInput(Fault("window", window[:40], "the start of a window of this model"))
        own = found if windows == 1 else merged_windows(catalog, found[0], windows, labelled=labelled)
        done = [(window, recompute(catalog, store, known, window)) for window in own]
        items = [{"window": window_item(window), "equal": one.equal} | asdict(one) for window, one in done]
        # What computed each window, and against which baseline, stands in its `window`.
        return {"model": model, "equal": all(one.equal for _, one in done), "code": code, "items": items}
