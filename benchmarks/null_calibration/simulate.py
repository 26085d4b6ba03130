"""A stream of windows through the alerts: screened, and judged by the product where a look is suspect or an alert open.

At rest a look without evidence changes nothing that a later look would see, so the windows between suspects may be skipped;
while an alert is open, a look at which no test comes near anything counts as quiet without being judged
(`tests/benchmarks/test_simulate.py` holds the transitions against those of every window judged).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from benchmarks.null_calibration import screen
from benchmarks.null_calibration.kinds import Feature
from benchmarks.null_calibration.streams import LOOKS_PER_MONTH, WINDOW_NS
from monitor.alerts.budget import Plan, evaluated_every, families_present
from monitor.alerts.evidence.distribution import ROWS_MIN, TAIL_SHARES, VIEW_SHARES
from monitor.alerts.evidence.quality import QUALITY_ROWS_MIN
from monitor.alerts.evidence.unseen import expected_unseen
from monitor.alerts.judging import ALONE_LEVEL, MERGE_ROWS_MAX, judge
from monitor.alerts.kind_evidence import KindEvidence
from monitor.alerts.lifecycle import advance, inactive
from monitor.definitions import MonitoredModel
from monitor.findings import Alert, AlertKind, AlertStatus, Span, Transition
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.tileset import Baseline, DesignEffects, Grids, TileSet

Generator = np.random.Generator
Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

ALIAS_ROWS_MAX = 5_000
"""Longer windows are drawn cell by cell (conditional binomials), shorter ones row by row."""
OPEN = frozenset({AlertStatus.FIRING, AlertStatus.NO_DATA})


def baseline_of(features: Sequence[Feature], rows: int, effects: DesignEffects | None = None) -> Baseline:
    """`effects` None: independent rows are known to be so, which is the hardest for the budget."""
    names = [f"f{i:03d}" for i in range(len(features))]
    grids = dict(zip(names, (f.grid for f in features), strict=True))
    tiles = dict(zip(names, (f.tile for f in features), strict=True))
    return Baseline("b", rows, Grids(grids), TileSet(rows, tiles), effects or DesignEffects((16,), (1.0,)))


def windows_of(rng: Generator, shares: Floats, n: int, windows: int) -> Counts:
    """Counts of independent windows of n rows, by cell."""
    if n > ALIAS_ROWS_MAX:
        return rng.multinomial(n, shares / shares.sum(), size=windows).astype(np.int32)
    counts = np.zeros((windows, len(shares)), np.int32)
    screen.draw(shares, n, windows, np.uint64(rng.integers(2**63)), counts)
    return counts


@dataclass(frozen=True)
class Stream:
    """Counts of every feature's windows, with what they are judged against."""

    features: Sequence[Feature]
    counts: Sequence[Counts]
    baseline: Baseline
    plan: Plan
    model: MonitoredModel

    @classmethod
    def of(
        cls, features: Sequence[Feature], counts: Sequence[Counts], baseline: Baseline, model: MonitoredModel
    ) -> Stream:
        plan = Plan.of(model, families_present(model, baseline), looks_per_month=LOOKS_PER_MONTH)
        return cls(features, counts, baseline, plan, model)

    @property
    def windows(self) -> int:
        return len(self.counts[0])

    @property
    def rows(self) -> int:
        return int(self.counts[0][0].sum())

    def merged(self, index: int, scale: int) -> TileSet:
        """The tiles of the last `scale` windows up to this one."""
        tiles = {
            name: feature.tile_of(counts[index + 1 - scale : index + 1].sum(0).astype(np.int64))
            for name, feature, counts in zip(self.baseline.grids.features, self.features, self.counts, strict=True)
        }
        return TileSet(self.rows * scale, tiles)

    def scales(self) -> list[int]:
        most = MERGE_ROWS_MAX * self.baseline.rows
        return [s for s in self.plan.scales if s == 1 or s * self.rows <= most]

    def due(self, index: int, since: int) -> dict[int, TileSet]:
        """The trailing merges at a look, of windows from `since` on."""
        return {scale: self.merged(index, scale) for scale in {1, *self.due_scales(index, since)}}

    def due_scales(self, index: int, since: int) -> list[int]:
        return [s for s in self.scales() if (index + 1) % evaluated_every(s) == 0 and index + 1 - s >= since]

    def suspects(self, alone: float = 0.0) -> npt.NDArray[np.bool_]:
        """Windows at which some test might be within its limit, or under the level `alone` of all subjects of a metric."""
        found = np.zeros(self.windows, np.bool_)
        scales = np.array(self.scales())
        drift = np.array([self.plan.log_alpha(AlertKind.DRIFT, int(s)) for s in scales]) - math.log(len(self.features))
        quality = np.array([self.plan.log_alpha(AlertKind.QUALITY, int(s)) for s in scales])
        names = sum(isinstance(f.tile, CategoricalTile) for f in self.features)
        half = math.log(0.5) if names else 0.0
        missing, unseen = quality + half - math.log(len(self.features)), quality + half - math.log(max(names, 1))
        if alone:
            drift = np.maximum(drift, math.log(alone / len(self.features)))
            missing = np.maximum(missing, math.log(alone / len(self.features)))
            unseen = np.maximum(unseen, math.log(alone / max(names, 1)))
        effects = np.array([self.plan.effect(self.baseline, float(s * self.rows)) for s in scales])
        shares = np.array([VIEW_SHARES[v] for v in ("distance", "shift", "spread", "tails")])
        for feature, counts in zip(self.features, self.counts, strict=True):
            there = own_counts(feature)
            if isinstance(feature.tile, CategoricalTile):
                screen.suspects_of_name(counts, there, scales, drift, missing, unseen, effects, found)
                continue
            low, high = feature.outside
            below = np.cumsum(feature.tile.counts) / max(feature.tile.n, 1)
            marks = np.array(TAIL_SHARES)
            cells = [*np.searchsorted(below, marks), *np.searchsorted(below, 1 - marks)]
            at = np.minimum(cells, len(below) - 1)
            screen.suspects_of_number(
                counts, there, low, high, at, scales, drift, missing, shares, 2 * len(marks) + 2, effects, found
            )
        return found

    @cached_property
    def near(self) -> npt.NDArray[np.bool_]:
        """Windows at which some test might stand out enough for an open alert not to call them quiet."""
        return self.suspects(ALONE_LEVEL)

    def quiet(self, index: int, since: int) -> dict[AlertKind, KindEvidence]:
        """What judging says of a window at which nothing comes near anything."""
        found = {}
        for kind, needed in ((AlertKind.DRIFT, self._filled), (AlertKind.QUALITY, self._whole)):
            calm = {s: True for s in sorted({1, *self.due_scales(index, since)}) if needed(index, s)}
            found[kind] = KindEvidence(kind, False, False, not calm, calm, scale_max=max(self.scales()))
        return found

    def _filled(self, index: int, scale: int) -> bool:
        """Whether some feature has the rows for a verdict on its distribution."""
        there = (self.rows * scale - int(c[index + 1 - scale : index + 1, -1].sum()) for c in self.counts)
        return any(
            rows >= ROWS_MIN and feature.tile.n >= ROWS_MIN for rows, feature in zip(there, self.features, strict=True)
        )

    def _whole(self, index: int, scale: int) -> bool:
        return self.rows * scale >= QUALITY_ROWS_MIN

    def told(self, *, skip: bool = True) -> Iterator[tuple[int, Transition]]:
        """What people would be told, with the window at whose end. `skip` False judges every window."""
        suspect = self.suspects() if skip else np.ones(self.windows, np.bool_)
        alerts: dict[AlertKind, Alert] = {}
        since = 0
        for index in range(self.windows):
            is_open = any(alert.state in OPEN for alert in alerts.values())
            if not (suspect[index] or is_open):
                continue
            span = Span(index * WINDOW_NS, (index + 1) * WINDOW_NS)
            judged = self.quiet(index, since) if skip and not self.near[index] else self.judged(index, since, span)
            for kind, evidence in judged.items():
                alerts[kind], transition = advance(alerts.get(kind) or inactive("m", None, kind), evidence, span)
                if transition is None:
                    continue
                yield index, transition
                if transition.state is AlertStatus.RESOLVED:
                    since = index + 1

    def judged(self, index: int, since: int, span: Span) -> Mapping[AlertKind, KindEvidence]:
        """What the product says."""
        trailing = self.due(index, since)
        return judge(
            model=self.model,
            version=None,
            window=span,
            tiles=trailing[1],
            trailing=trailing,
            baseline=self.baseline,
            plan=self.plan,
            measurements=(),
        ).evidence


def own_counts(feature: Feature) -> Floats:
    """The baseline's counts by cell, then unseen (as the tests count them) and missing."""
    tile, grid = feature.tile, feature.grid
    if isinstance(tile, CategoricalTile):
        assert isinstance(grid, CategoricalGrid)
        return np.array([*tile.counts, expected_unseen(tile, grid), tile.missing], np.float64)
    return np.array([*tile.counts, 0, tile.n_missing], np.float64)


def firing(found: Iterator[tuple[int, Transition]]) -> Iterator[int]:
    """The windows at whose end an alarm was told."""
    return (index for index, transition in found if transition.state is AlertStatus.FIRING)
