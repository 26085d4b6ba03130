"""GET change-points: since when the scores and the errors of a version are what they are."""

from __future__ import annotations

from typing import Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.errors import NotFound
from monitor.findings import rfc3339, time_ns
from monitor.jobs.change_points import ChangePoint, change_points
from monitor.query.asked import To
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog
from monitor.tiles.encoding import decode_baseline


class ChangePointsController(Controller):
    """Changes along the stream."""

    path = "/models/{model:str}/change-points"
    tags = ("measurements",)

    @get("/", sync_to_thread=True, summary="Last changes of the mean score and error, by ADWIN and by Page-Hinkley")
    def change_points(
        self,
        catalog: TheCatalog,
        model: FromPath[str],
        end: To = None,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Along the newest 128 windows with rows, or those before `to`; the version of the newest window unless one is named."""
        known = model_of(catalog, model).in_force()
        entry = catalog.baseline(model)
        if entry is None:
            raise NotFound("baseline of model", model)
        chosen = next((r for r in known.windows if rule in (None, r.name)), None)
        if chosen is None:
            raise NotFound("window rule", str(rule))
        end_ns = time_ns(end, "to")
        last = catalog.windows(model, version=version, rule=chosen.name, end_ns=end_ns, limit=1, newest_first=True)
        found = (
            change_points(catalog, model, last[0].version, chosen.name, decode_baseline(entry.profile), end_ns)
            if last
            else []
        )
        return {
            "model": model,
            "version": (last[0].version or None) if last else version,
            "rule": chosen.name,
            "items": [_item(one) for one in found],
            "next": None,
        }


def _item(one: ChangePoint) -> dict[str, Any]:
    since = one.since
    size = None if one.after is None or one.before is None else one.after - one.before
    return {
        "of": one.of,
        "method": one.method,
        "changed": since is not None,
        "since": None
        if since is None
        else {"at": rfc3339(since.at_ns), "low": rfc3339(since.low_ns), "high": rfc3339(since.high_ns)},
        "before": one.before,
        "after": one.after,
        "size": size,
        "low": one.low,
        "high": one.high,
        "windows": one.windows,
        "rows": one.rows,
        "points": [{"start": rfc3339(start), "mean": mean, "rows": rows} for start, mean, rows in one.points],
    }
