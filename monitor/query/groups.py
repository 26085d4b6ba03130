"""GET groups: every group beside its base group, with what its rows are too few to show, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.definitions.intersections import AND
from monitor.findings import WORST_FIRST, AlertKind
from monitor.metrics.bias.detectable_opportunity_difference import DETECTABLE_OPPORTUNITY_DIFFERENCE
from monitor.metrics.bias.detectable_parity_difference import DETECTABLE_PARITY_DIFFERENCE
from monitor.metrics.bias.equal_opportunity_difference import EQUAL_OPPORTUNITY_DIFFERENCE
from monitor.metrics.bias.parity_difference import PARITY_DIFFERENCE
from monitor.metrics.bias.rates import true_positive_rate
from monitor.metrics.estimation.estimated_equal_opportunity_difference import ESTIMATED_EQUAL_OPPORTUNITY_DIFFERENCE
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import Metric, base_group
from monitor.metrics.registry import enabled
from monitor.query.asked import Between, ThePage
from monitor.query.provided import TheCatalog, TheStore
from monitor.query.stretches import Stretch, stretch_of, told
from monitor.tiles.group import ROWS, SELECTED, GroupTile
from monitor.tiles.intersections import INTERSECTION_ROWS_MIN

ALWAYS: tuple[Metric, ...] = (
    DETECTABLE_PARITY_DIFFERENCE,
    DETECTABLE_OPPORTUNITY_DIFFERENCE,
    ESTIMATED_EQUAL_OPPORTUNITY_DIFFERENCE,
)
"""Beside those that the declaration has: without them nobody knows what a quiet window means."""
_GAPS = (PARITY_DIFFERENCE.name, EQUAL_OPPORTUNITY_DIFFERENCE.name)
_ALARMED = WORST_FIRST[:3]


class GroupsController(Controller):
    """Whether groups are treated alike."""

    path = "/models/{model:str}"
    tags = ("measurements",)

    @get("/groups", sync_to_thread=True, summary="Groups and intersections beside their base group, the worst first")
    def groups(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Of the windows that begin in the span, or of the newest. `columns` says which groups there are, and which are left out."""
        stretch = stretch_of(catalog, model, between, version, rule)
        items = [item for column in stretch.model.groups for item in _items(stretch, column)]
        metrics = {m.name: m for m in (*enabled(stretch.model), *ALWAYS) if m.kind is AlertKind.FAIRNESS}
        of_slice: dict[str, dict[str, Any]] = {}
        for (metric, _, place), cell in told(catalog, store, stretch, metrics.values()).items():
            of_slice.setdefault(place or "", {})[metric] = cell
        for item in items:
            item["metrics"] = {} if item["is_base"] else of_slice.get(item["slice"], {})
        items.sort(key=_rank)
        columns = [_column(stretch, column) for column in stretch.model.groups]
        return stretch.document() | {"columns": columns} | page.of_all(items)


def _rank(item: dict[str, Any]) -> tuple[bool, int, float, float, str]:
    """Alarmed groups first; then those whose gap is surely widest: by the end of its interval that is nearest to none."""
    cells = item["metrics"].values()
    alarmed = min(
        (WORST_FIRST.index(c["status"]) for c in cells if c["judged"] and c["status"] in _ALARMED),
        default=len(_ALARMED),
    )
    gaps = [c for name, c in item["metrics"].items() if name in _GAPS and c["value"] is not None]
    sure = max((max(0.0, c["low"], -c["high"]) for c in gaps), default=0.0)
    return item["is_base"], alarmed, -sure, -max((abs(c["value"]) for c in gaps), default=0.0), item["slice"]


def _base(stretch: Stretch, column: str) -> str:
    return base_group(stretch.model, column, stretch.baseline.grids.groups.get(column, ()))


def _items(stretch: Stretch, column: str) -> Iterator[dict[str, Any]]:
    groups, tile = stretch.baseline.grids.groups.get(column, ()), stretch.tiles.groups.get(column)
    known, base = stretch.baseline.tiles.groups.get(column), _base(stretch, column)
    for i, group in enumerate(groups):
        counts = [0] * 6 if tile is None else tile.counts[i].tolist()
        yield {
            "column": column,
            "group": group,
            "slice": f"{column}={group}",
            "base": base,
            "is_base": group == base,
            "n": counts[ROWS],
            "n_baseline": 0 if known is None else int(known.counts[i, ROWS]),
            "selected": _share(counts, lambda own: (own[SELECTED], own[ROWS])),
            "true_positive_rate": _share(counts, true_positive_rate),
        }


def _share(counts: Sequence[int], of: Callable[[Sequence[int]], tuple[int, int]]) -> dict[str, Any]:
    """A rate with Wilson's interval; null of no rows."""
    part, whole = of(counts)
    if not whole:
        return {"value": None, "low": None, "high": None, "n": 0}
    low, high = wilson(part, whole)
    return {"value": part / whole, "low": low, "high": high, "n": whole}


def _column(stretch: Stretch, column: str) -> dict[str, Any]:
    tile: GroupTile | None = stretch.tiles.groups.get(column)
    groups = stretch.baseline.grids.groups.get(column)
    return {
        "column": column,
        "base": _base(stretch, column) or None,
        "groups": None if groups is None else len(groups),
        "floor": INTERSECTION_ROWS_MIN if AND in column else None,
        "n_new": None if tile is None else tile.unseen,
        "n_missing": None if tile is None else tile.missing,
    }
