"""GET recompute: a closed window counted once more from its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Annotated, Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.findings import time_ns
from monitor.jobs.recompute import Recomputed, merged_windows, recompute, rows_are_gone, stored_only
from monitor.jobs.recompute_exhibits import ExhibitCheck, recomputed_exhibits
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
            raise InvalidInput(Fault("window", window[:40], "the start of a window of this model"))
        own = found if windows == 1 else merged_windows(catalog, found[0], windows, labelled=labelled)
        done = [(each, _counted(catalog, store, known, each, windows)) for each in own]
        items = [{"window": window_item(each), "equal": one.equal} | _document(one) for each, one in done]
        exhibits = _exhibits(catalog, known, own, [one for _, one in done], labelled=labelled and windows > 1)
        # What computed each window, and against which baseline, stands in its `window`.
        return {
            "model": model,
            "equal": all(one.equal for _, one in done) and all(one.equal for one in exhibits),
            "code": code,
            "items": items,
            "exhibits": [asdict(one) | {"equal": one.equal} for one in exhibits],
        }


def _counted(
    catalog: Catalog, store: SegmentStore, model: MonitoredModel, window: WindowEntry, windows: int
) -> Recomputed:
    """Of a merge, windows whose rows are gone are taken as they are stored: what the alert keeps of it can still be held against it."""
    if windows > 1 and rows_are_gone(catalog, window):
        return stored_only(catalog, window)
    return recompute(catalog, store, model, window)


def _exhibits(
    catalog: Catalog,
    model: MonitoredModel,
    windows: Sequence[WindowEntry],
    counted: Sequence[Recomputed],
    *,
    labelled: bool,
) -> tuple[ExhibitCheck, ...]:
    entry = catalog.baseline(model.model)
    if entry is None or not windows or windows[-1].baseline != entry.id:
        return ()
    tiles = [one.tiles for one in counted]
    return recomputed_exhibits(catalog, model, decode_baseline(entry.profile), windows, tiles, labelled=labelled)


def _document(one: Recomputed) -> dict[str, Any]:
    told = {field.name: getattr(one, field.name) for field in fields(one) if field.name != "tiles"}
    return told | {"differences": [asdict(each) for each in one.differences]}
