"""A stream of windows through the alerts: screened, and judged by the product where a look is suspect or an alert open.

At rest a look without evidence changes nothing that a later look would see, so the windows between suspects may be skipped;
while an alert is open, a look at which no test comes near anything counts as quiet without being judged
(`tests/benchmarks/test_simulate.py` holds the transitions against those of every window judged).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from benchmarks.null_calibration import screen
from benchmarks.null_calibration.kinds import Feature
from benchmarks.null_calibration.streams import LOOKS_PER_MONTH, WINDOW_NS
from monitor.alerts.budget import Plan, evaluated_every, families_present
from monitor.alerts.evidence import FAMILIES
from monitor.alerts.evidence.distribution import ROWS_MIN, TAIL_SHARES, VIEW_SHARES
from monitor.alerts.evidence.quality import QUALITY_ROWS_MIN
from monitor.alerts.evidence.trials import Look, Subject
from monitor.alerts.evidence.unseen import expected_unseen
from monitor.alerts.judging import ALONE_LEVEL, CLEAR_SCORE, MERGE_ROWS_MAX, judge
from monitor.alerts.kind_evidence import Hit, KindEvidence, summed
from monitor.alerts.lifecycle import advance, inactive
from monitor.alerts.tails import units
from monitor.definitions import MonitoredModel
from monitor.findings import Alert, AlertKind, AlertStatus, Span, Transition
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.tileset import Baseline, DesignEffects, Grids, TileSet

Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

OPEN = frozenset({AlertStatus.FIRING, AlertStatus.NO_DATA})
METRICS = {
    "js_distance": AlertKind.DRIFT,
    "missing_ratio": AlertKind.QUALITY,
    "unseen_ratio": AlertKind.QUALITY,
}
"""What is tested, in the order of the screen's bits."""
BITS = {AlertKind.DRIFT: screen.DISTRIBUTION, AlertKind.QUALITY: screen.MISSING | screen.UNSEEN}
VIEWS = np.array([VIEW_SHARES[v] for v in ("distance", "shift", "spread", "tails")])
TAIL_TESTS = 2 * (len(TAIL_SHARES) + 1)


def baseline_of(features: Sequence[Feature], rows: int, effects: DesignEffects | None = None) -> Baseline:
    """`effects` None: independent rows are known to be so, which is the hardest for the budget."""
    names = [f"f{i:03d}" for i in range(len(features))]
    grids = dict(zip(names, (f.grid for f in features), strict=True))
    tiles = dict(zip(names, (f.tile for f in features), strict=True))
    return Baseline("b", rows, Grids(grids), TileSet(rows, tiles), effects or DesignEffects((16,), (1.0,)))


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

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.baseline.grids.features)

    def merged(self, index: int, scale: int, own: Iterable[int] | None = None) -> TileSet:
        """The tiles of the last `scale` windows up to this one, of some features."""
        tiles = {
            self.names[i]: self.features[i].tile_of(
                self.counts[i][index + 1 - scale : index + 1].sum(0).astype(np.int64)
            )
            for i in (range(len(self.features)) if own is None else own)
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

    @cached_property
    def subjects(self) -> Mapping[str, tuple[Subject, ...]]:
        """Of every metric: its limit is split evenly over them."""
        every = tuple(Subject(name) for name in self.baseline.grids.features)
        names = zip(every, self.features, strict=True)
        unseen = tuple(subject for subject, f in names if isinstance(f.tile, CategoricalTile))
        return {"js_distance": every, "missing_ratio": every, "unseen_ratio": unseen}

    def weight(self, metric: str) -> float:
        """Of the family's budget: quality halves its own where there are categories."""
        return 0.5 if metric != "js_distance" and self.subjects["unseen_ratio"] else 1.0

    @cached_property
    def limits(self) -> Floats:
        """Log of what each test may spend, by metric (in the order of the screen's bits) and scale."""
        found = [
            [self.plan.log_alpha(METRICS[metric], scale) + math.log(self.weight(metric) / max(1, len(subjects)))]
            for metric, subjects in self.subjects.items()
            for scale in self.scales()
        ]
        return np.array(found).reshape(len(METRICS), -1)

    @cached_property
    def near_limits(self) -> Floats:
        """From where an effect alone stands out, for an open alert not to be quiet."""
        alone = [[math.log(ALONE_LEVEL / max(1, len(subjects)))] for subjects in self.subjects.values()]
        return np.asarray(np.maximum(self.limits, alone))

    @cached_property
    def effects(self) -> Floats:
        return np.array([self.plan.effect(self.baseline, float(s * self.rows)) for s in self.scales()])

    @cached_property
    def sides(self) -> Sequence[tuple[Counts, Floats, npt.NDArray[np.int64]]]:
        """Of every feature its windows, its baseline, and where the cells of a number begin to be outer ones."""
        return [(c, own_counts(f), outer_cells(f)) for c, f in zip(self.counts, self.features, strict=True)]

    def suspects(self) -> Mapping[AlertKind, npt.NDArray[np.bool_]]:
        """By family the windows at which some test might be within its limit."""
        found = np.zeros(self.windows, np.uint8)
        scales = np.array(self.scales())
        for windows, there, at in self.sides:
            if at.size:
                screen.looks_at_number(windows, there, at, VIEWS, TAIL_TESTS, scales, self.limits, self.effects, found)
            else:
                screen.looks_at_name(windows, there, scales, self.limits, self.effects, found)
        return {kind: found & bits > 0 for kind, bits in BITS.items()}

    def near(self, index: int, kinds: Iterable[AlertKind] = BITS) -> npt.NDArray[np.uint8]:
        """The screen's bits by feature and scale of the merges that end here: where some test might stand out enough
        for an open alert not to call the look quiet."""
        scales = np.array(self.scales())
        wanted = sum(BITS[kind] for kind in kinds)
        found = np.zeros((len(self.features), len(scales)), np.uint8)
        for (windows, there, at), own in zip(self.sides, found, strict=True):
            if at.size:
                screen.look_at_number(
                    windows, there, at, VIEWS, TAIL_TESTS, scales, self.near_limits, self.effects, index, wanted, own
                )
            else:
                screen.look_at_name(windows, there, scales, self.near_limits, self.effects, index, wanted, own)
        return found

    def screened(self, index: int, since: int, kinds: Sequence[AlertKind]) -> Mapping[AlertKind, KindEvidence]:
        """What judging says of these families: only the features near some limit are tested, with the limits of all."""
        near, found = self.near(index, kinds), {}
        due = sorted({1, *self.due_scales(index, since)})
        for kind in kinds:
            hits: list[Hit] = []
            quiet = {}
            for scale in due:
                own = np.flatnonzero(near[:, self.scales().index(scale)] & BITS[kind])
                stand_out = self.hits(kind, index, scale, own) if own.size else []
                hits += stand_out
                if self._enough(kind, index, scale):
                    quiet[scale] = not any(h.beyond or h.score >= CLEAR_SCORE for h in stand_out)
            found[kind] = summed(kind, hits, quiet, max(self.scales()))
        return found

    def hits(self, kind: AlertKind, index: int, scale: int, own: npt.NDArray[np.intp]) -> list[Hit]:
        """What stands out among some features, by the product's tests and the rule of `judge`."""
        tiles = self.merged(index, scale, own)
        look = Look(tiles, self._baseline_of(own), self.plan.effect(self.baseline, tiles.rows))
        found = []
        for trial in FAMILIES[kind](look):
            number = len(self.subjects[trial.metric])
            limit = self.plan.log_alpha(kind, scale) + math.log(self.weight(trial.metric) / number)
            for i in np.flatnonzero(trial.log_p <= max(limit, math.log(ALONE_LEVEL / number))):
                effect = trial.gauge(int(i))
                score = float(units(trial.log_p[i]) / units(limit))
                tolerance = self._tolerance(kind, trial.metric)
                reference = float(trial.reference[i])
                beyond = effect.low > tolerance
                subject = trial.subjects[i]
                found.append(
                    Hit(kind, trial.metric, subject, scale, score, effect, beyond, reference, tolerance, tiles.rows)
                )
        return found

    def _tolerance(self, kind: AlertKind, metric: str) -> float:
        found = self.plan.tolerance(kind, metric)
        assert found is not None and isinstance(found[0], float)
        return found[0]

    def _baseline_of(self, own: npt.NDArray[np.intp]) -> Baseline:
        names = [self.names[i] for i in own]
        tiles, grids = self.baseline.tiles.features, self.baseline.grids.features
        return replace(
            self.baseline,
            grids=Grids({name: grids[name] for name in names}),
            tiles=TileSet(self.baseline.rows, {name: tiles[name] for name in names}),
        )

    def _enough(self, kind: AlertKind, index: int, scale: int) -> bool:
        """Whether some feature has the rows for a verdict."""
        if kind is AlertKind.QUALITY:
            return self.rows * scale >= QUALITY_ROWS_MIN
        there = (self.rows * scale - int(c[index + 1 - scale : index + 1, -1].sum()) for c in self.counts)
        return any(
            rows >= ROWS_MIN and feature.tile.n >= ROWS_MIN for rows, feature in zip(there, self.features, strict=True)
        )

    def told(self, *, skip: bool = True) -> Iterator[tuple[int, Transition]]:
        """What people would be told, with the window at whose end. `skip` False judges every window by `judge`."""
        suspect = self.suspects() if skip else {}
        alerts: dict[AlertKind, Alert] = {}
        since = 0
        for index in range(self.windows):
            kinds = [k for k in BITS if not skip or suspect[k][index] or (k in alerts and alerts[k].state in OPEN)]
            if not kinds:
                continue
            span = Span(index * WINDOW_NS, (index + 1) * WINDOW_NS)
            judged = self.screened(index, since, kinds) if skip else self.judged(index, since, span)
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


def outer_cells(feature: Feature) -> npt.NDArray[np.int64]:
    """Of a number the ends of its range and the cells of its outer shares; none of a name."""
    if isinstance(feature.tile, CategoricalTile):
        return np.zeros(0, np.int64)
    below = np.cumsum(feature.tile.counts) / max(feature.tile.n, 1)
    marks = np.array(TAIL_SHARES)
    cells = [*np.searchsorted(below, marks), *np.searchsorted(below, 1 - marks)]
    return np.array([*feature.outside, *np.minimum(cells, len(below) - 1)], np.int64)


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
