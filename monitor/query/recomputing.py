"""GET recompute: a closed window counted once more from its segments."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated, Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.findings import time_ns
from monitor.jobs.recompute import Recomputed, merged_windows, recompute, rows_are_gone, stored_only
from monitor.jobs.recompute_exhibits import ExhibitCheck, recomputed_exhibits
from monitor.jobs.recompute_past import KeptPast
from monitor.ports import Catalog, SegmentStore, WindowEntry
from monitor.query.models import model_of, window_item
from monitor.query.provided import TheCatalog, TheCode, TheStore
from monitor.tiles.encoding import decode_baseline
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
        """`equal`: tiles, every value with its interval, and what alerts keep of these windows are those that are stored, to the bit. Nothing is changed."""
        known = model_of(catalog, model).in_force()
        start_ns = time_ns(window, "window") or 0
        found = catalog.windows(model, version=version, rule=rule, start_ns=start_ns, end_ns=start_ns + 1, limit=1)
        if not found:
            raise InvalidInput(
                Fault("window", window[:40], "the start of a window of this model that is kept: most are for 30 days")
            )
        own = found if windows == 1 else merged_windows(catalog, found[0], windows, labelled=labelled)
        entry = catalog.baseline(model)
        baseline = None if entry is None or not own or own[-1].baseline != entry.id else decode_baseline(entry.profile)
        past = None if baseline is None else KeptPast.of(catalog, store, known, baseline, own)
        done = [(each, _counted(catalog, store, known, each, windows, past)) for each in own]
        items = [{"window": window_item(each), "equal": one.equal} | _document(one) for each, one in done]
        exhibits: tuple[ExhibitCheck, ...] = ()
        if baseline is not None:
            tiles = [one.tiles for _, one in done]
            exhibits = recomputed_exhibits(catalog, baseline, own, tiles, past, labelled=labelled and windows > 1)
        # What computed each window, and against which baseline, stands in its `window`.
        return {
            "model": model,
            "equal": all(one.equal for _, one in done) and all(one.equal for one in exhibits),
            "code": code,
            "items": items,
            "exhibits": [asdict(one) | {"equal": one.equal} for one in exhibits],
        }


def _counted(
    catalog: Catalog,
    store: SegmentStore,
    model: MonitoredModel,
    window: WindowEntry,
    windows: int,
    past: KeptPast | None,
) -> Recomputed:
    """Of a merge, windows whose rows are gone are taken as they are stored: what the alert keeps of it can still be held against it."""
    if windows > 1 and rows_are_gone(catalog, window):
        return stored_only(catalog, window)
    return recompute(catalog, store, model, window, past)


def _document(one: Recomputed) -> dict[str, Any]:
    told = {field.name: getattr(one, field.name) for field in fields(one) if field.name != "tiles"}
    return told | {"differences": [asdict(each) for each in one.differences]}
