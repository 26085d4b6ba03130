"""GET evidently: metrics and presets of Evidently of any span, from its rows, on demand."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.definitions.evidently import NAMES
from monitor.errors import Fault, InvalidInput
from monitor.jobs.opinion_sides import sides
from monitor.query.asked import TheSpan
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog, TheOpinion, TheStore


class EvidentlyController(Controller):
    """What Evidently says of some rows beside the baseline."""

    path = "/models/{model:str}/evidently"
    tags = ("measurements",)

    @get("/", sync_to_thread=True, summary="Metrics and presets of Evidently of a span, from its rows")
    def evidently(
        self,
        catalog: TheCatalog,
        store: TheStore,
        opinion: TheOpinion,
        model: FromPath[str],
        span: TheSpan,
        version: FromQuery[str | None] = None,
        metrics: Annotated[
            str | None, QueryParameter(description="Names with commas between; default: those that are declared.")
        ] = None,
    ) -> dict[str, Any]:
        """One entry a metric and column, each with its counts, and with its reason where there is no value. Nothing is stored."""
        declared = model_of(catalog, model).in_force()
        names = _names(metrics) or declared.evidently or ("DataDriftPreset",)
        asked = sides(catalog, store, declared, version, span)
        found = opinion(asked.reference, asked.current, declared, names, asked.rows[1])
        return {
            "baseline": asked.baseline,
            "rows": asked.rows[1],
            "items": [
                {
                    "metric": m.metric,
                    "feature": m.feature,
                    "value": m.value.value,
                    "n_baseline": m.value.n_baseline,
                    "n_window": m.value.n_window,
                    "n_missing": m.value.n_missing,
                    "status": m.value.status,
                    "reason": m.value.reason,
                }
                for m in found
            ],
        }


def _names(text: str | None) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
    faults = [Fault("metrics", name[:80], "names among " + ", ".join(NAMES)) for name in names if name not in NAMES]
    if faults:
        raise InvalidInput(faults)
    return names
