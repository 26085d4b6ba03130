"""Versions of a model side by side: the tiles of the windows that both have, judged as one look at one window."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.alerts.budget import Plan, families_present
from monitor.alerts.calibration import learn
from monitor.alerts.side_by_side import Compared, compared_measurements
from monitor.definitions import MonitoredModel, WindowRule
from monitor.findings import Span, Status
from monitor.jobs.look import Looked, Subject, Track, take_look
from monitor.metrics.registry import measure
from monitor.ports import Catalog
from monitor.tiles.baseline import ID_CHARS
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.service import ServiceTile
from monitor.tiles.tileset import Baseline, TileSet

WINDOWS_MAX = 5_000
"""Windows of a comparison: two weeks of five minutes. The newest are taken."""


@dataclass(frozen=True, slots=True)
class Side:
    """One version against the control over the windows that both have; `looked` None where there is none."""

    version: str
    spans: tuple[Span, ...]
    rows: int
    control_rows: int
    looked: Looked | None
    service: ServiceTile | None = None
    control_service: ServiceTile | None = None
    """How the exchanges of each went, where a sidecar saw them."""
    performance: tuple[Compared, ...] = ()
    """Metrics of the labelled rows of both."""

    @property
    def status(self) -> Status:
        """The worst finding; critical where something differs that no single finding stands for, such as the latency."""
        if self.looked is None:
            return Status.NO_DATA
        return Status.CRITICAL if self.looked.transitions else self.looked.status


def compare_versions(
    catalog: Catalog,
    model: MonitoredModel,
    baseline: Baseline,
    control: str,
    versions: Sequence[str],
    rule: WindowRule,
    start_ns: int | None = None,
    end_ns: int | None = None,
) -> list[Side]:
    """Each version against the control in the same windows: a season or a change of traffic is on both sides."""

    def spans(version: str) -> set[Span]:
        found = catalog.windows(
            model.model,
            version=version,
            rule=rule.name,
            start_ns=start_ns,
            end_ns=end_ns,
            limit=WINDOWS_MAX,
            newest_first=True,
        )
        return {w.span for w in found if w.baseline == baseline.id and (w.n_window or refused(version, w.span))}

    def refused(version: str, span: Span) -> bool:
        """A window without rows in which every exchange was refused is compared too."""
        data = catalog.tiles(model.model, version, rule.name, span)
        return data is not None and decode_tileset(data).has_traffic

    def tiles(version: str, common: Sequence[Span]) -> list[TileSet]:
        stored = (catalog.tiles(model.model, version, rule.name, span) for span in common)
        return [decode_tileset(data) for data in stored if data is not None]

    known, sides = spans(control), []
    for version in versions:
        common = tuple(sorted(known & spans(version)))
        own, other = tiles(version, common), tiles(control, common)
        if not own or not other:
            sides.append(Side(version, (), 0, 0, None))
            continue
        against = _as_baseline(baseline, other, control, common)
        span = Span(common[0].start_ns, common[-1].end_ns)
        whole = merge(own)
        side = _side(model, version, common, span, whole, against)
        rest = replace(baseline, tiles=replace(baseline.tiles, slices={}))
        compared = compared_measurements(*(measure(rest, t, model) for t in (whole, against.tiles)))
        sides.append(replace(side, service=whole.service, control_service=against.tiles.service, performance=compared))
    return sides


def _side(
    model: MonitoredModel, version: str, common: tuple[Span, ...], span: Span, tiles: TileSet, against: Baseline
) -> Side:
    plan = Plan.for_compare(model, families_present(model, against))
    # The control stands in the baseline's place already: what each window was held against is not asked for again.
    alone = replace(tiles, rival=None if tiles.service is None else TileSet(0, service=against.tiles.service))
    _, looked = take_look(Track(), Subject(model, version, against), span, alone, plan=plan)
    return Side(version, common, tiles.rows, against.rows, looked)


def _as_baseline(baseline: Baseline, tiles: Sequence[TileSet], control: str, common: Sequence[Span]) -> Baseline:
    """The control's tiles in the place of the baseline's, on its grids; dependence as the control's windows show it."""
    whole = merge(tiles)
    name = repr((baseline.id, control, [(s.start_ns, s.end_ns) for s in common]))
    return replace(
        baseline,
        id=hashlib.sha256(name.encode()).hexdigest()[:ID_CHARS],
        rows=whole.rows,
        tiles=whole,
        design_effects=baseline.design_effects or learn(tiles, replace(baseline, tiles=whole)),
        time_ordered=True,
        start_ns=common[0].start_ns,
        end_ns=common[-1].end_ns,
    )


def requests_of(
    catalog: Catalog, model: str, names: Sequence[str], rule: WindowRule, start_ns: int | None, end_ns: int | None
) -> tuple[dict[str, int], bool]:
    """Requests of each version in the span, and whether they were counted where they passed, sampled or not.

    What the sidecars' ledgers say was seen; else the exchanges that were kept; where nobody saw exchanges, rows.
    """
    windows = {
        name: catalog.windows(
            model, version=name, rule=rule.name, start_ns=start_ns, end_ns=end_ns, limit=WINDOWS_MAX, newest_first=True
        )
        for name in names
    }
    seen = {name: sum(w.seen for w in found) for name, found in windows.items()}
    if any(seen.values()):
        return seen, True
    kept: dict[str, int] = {}
    for name, found in windows.items():
        stored = (catalog.tiles(model, name, rule.name, w.span) for w in found)
        services = [s for data in stored if data is not None and (s := decode_tileset(data).service) is not None]
        if not services and any(w.n_window for w in found):
            return {name: sum(w.n_window for w in found) for name, found in windows.items()}, False
        kept[name] = sum(s.exchanges for s in services)
    return kept, True
