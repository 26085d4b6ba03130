"""GET recompute: a closed window counted once more from its segments."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.errors import Fault, InvalidInput
from monitor.jobs.recompute import recompute
from monitor.query.models import model_of, window_item
from monitor.query.paging import time_ns
from monitor.query.provided import TheCatalog, TheStore


class RecomputeController(Controller):
    """Whether what is stored is what the rows say."""

    path = "/models/{model:str}/recompute"
    tags = ("measurements",)

    @get("/", sync_to_thread=True, summary="One closed window, counted once more from its rows and labels")
    def recompute(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        window: Annotated[str, QueryParameter(description="Start of the window, RFC 3339.")],
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """`equal`: the tiles and every value with its interval are those that are stored, to the bit. Nothing is changed."""
        known = model_of(catalog, model).in_force()
        start_ns = time_ns(window, "window") or 0
        found = catalog.windows(model, version=version, rule=rule, start_ns=start_ns, end_ns=start_ns + 1, limit=1)
        if not found:
            raise InvalidInput(Fault("window", window[:40], "the start of a window of this model"))
        done = recompute(catalog, store, known, found[0])
        return {"model": model, "window": window_item(found[0]), "equal": done.equal} | asdict(done)
