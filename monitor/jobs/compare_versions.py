"""Versions of a model side by side: the tiles of the windows that both have, judged as one look at one window."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.alerts.budget import Plan, families_present
from monitor.alerts.calibration import learn
from monitor.definitions import MonitoredModel, WindowRule
from monitor.findings import Span, Status
from monitor.jobs.look import Looked, Subject, Track, take_look
from monitor.ports import Catalog
from monitor.tiles.baseline import ID_CHARS
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.merge import merge
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

    @property
    def status(self) -> Status:
        return Status.NO_DATA if self.looked is None else self.looked.status


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
        return {w.span for w in found if w.n_window and w.baseline == baseline.id}

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
        sides.append(_side(model, version, common, span, merge(own), against))
    return sides


def _side(
    model: MonitoredModel, version: str, common: tuple[Span, ...], span: Span, tiles: TileSet, against: Baseline
) -> Side:
    plan = Plan.for_compare(model, families_present(model, against))
    _, looked = take_look(Track(), Subject(model, version, against), span, tiles, plan=plan)
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
