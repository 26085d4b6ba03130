"""A baseline that moves: for each window and each trailing merge the tiles of the past that its declaration names.

The grids stay as the baseline froze them, so stored tiles of past windows are compared cell by cell. Only what rows look
like (drift of inputs, outputs and labels) moves: what is right or wrong about a model (quality, performance, fairness,
anomalies) stays with the baseline as it was set, or a slow decline would become the norm.

A window whose own distribution was found critical never becomes part of what later ones are compared with.

Labels have a past of their own: the windows that were looked at with theirs. Of early labels more may be of one kind, so a
window with far fewer than the others is neither compared nor compared with.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from monitor.alerts.calibration import INPUTS, STRETCHES_MIN, between
from monitor.alerts.judging import MOVING_KINDS, MOVING_LABELS
from monitor.definitions import BaselineRule, WindowRule
from monitor.findings import Finding, Span, Status
from monitor.jobs.look import Moved
from monitor.tiles.baseline import ID_CHARS
from monitor.tiles.merge import merge
from monitor.tiles.tileset import Baseline, TileSet
from monitor.windows.past import Stretch, stretches
from monitor.windows.trailing import SCALE_MAX

BLOCKS_KEPT = 64
"""Merged blocks kept in memory: all of a trailing baseline's, and those of a few hours of a season's."""
PAST_WINDOWS_MAX = 200_000
"""Past windows remembered by their spans: two years of windows of five minutes. The oldest go first."""

COVERAGE_MIN = 0.8
"""Share of labels, of the median share of the windows behind, from which a window's labels are like theirs."""

TilesOf = Callable[[Span], TileSet | None]
"""Stored tiles of a past window, of the version that it is compared with."""
_SPANS = msgspec.json.Decoder(list[tuple[int, int]])


@dataclass(slots=True)
class Past:
    """The windows behind one (model, version, rule), and the blocks of them that were merged last."""

    rule: BaselineRule
    windows: WindowRule
    tiles_of: TilesOf
    own: list[Span] = field(default_factory=list)
    """Windows with rows, ascending by start."""
    alarmed: set[Span] = field(default_factory=set)
    shares: dict[Span, float] | None = None
    """Of a past of labels, the share of each window's rows that have one."""
    _blocks: OrderedDict[tuple[Span, ...], TileSet | None] = field(default_factory=OrderedDict)

    def moved(
        self, span: Span, baseline: Baseline, others: Sequence[Span] | None = None, *, share: float = 1.0
    ) -> Callable[[int], Moved]:
        """Scale → what the merge of so many windows up to this one is compared with.

        `others`: the windows of the version that it is compared with, where that is another one. `share` of its rows have labels.
        """
        behind = [s for s in self.own if _start(s) < _start(span)]
        past = [s for s in behind if s not in self.alarmed] if others is None else others
        thin = None
        if self.shares is not None:
            usual = float(np.median([self.shares[s] for s in past])) if past else 0.0
            past = [s for s in past if self.shares[s] >= COVERAGE_MIN * usual]
            if share < COVERAGE_MIN * usual:
                thin = f"{share:.0%} of its rows have labels, {usual:.0%} of the windows before"

        def at(scale: int) -> Moved:
            if thin is not None:
                return Moved(None, thin)
            merged = [*behind[len(behind) - scale + 1 :], span] if scale > 1 else [span]
            if len(merged) < scale:
                return Moved(None, "fewer windows than the merge has")
            reach_ns, zone = self.rule.reach_ns, self.windows.zone
            found = stretches(self.rule, zone, merged, past, 2 * reach_ns)
            return self._baseline(found, len(stretches(self.rule, zone, merged, past, reach_ns)), baseline)

        return at

    def note(self, span: Span, findings: Sequence[Finding], *, share: float = 1.0) -> None:
        """Take in a window that was looked at when it closed, or with its labels."""
        self.own.append(span)
        if self.shares is not None:
            self.shares[span] = share
        kinds = MOVING_KINDS if self.shares is None else MOVING_LABELS
        if any(f.kind in kinds and f.status is Status.CRITICAL for f in findings):
            self.alarmed.add(span)
        oldest_ns = _start(span) - 3 * self.rule.reach_ns
        while len(self.own) > 2 * SCALE_MAX and (_start(self.own[0]) < oldest_ns or len(self.own) > PAST_WINDOWS_MAX):
            gone = self.own.pop(0)
            self.alarmed.discard(gone)
            if self.shares is not None:
                self.shares.pop(gone, None)

    def _baseline(self, found: Sequence[Stretch], used: int, baseline: Baseline) -> Moved:
        if self.rule.version is not None and not found:
            return Moved(None, f"version {self.rule.version} has no window at this time")
        if self.rule.version is None and used < STRETCHES_MIN:
            return Moved(None, f"{used} of {STRETCHES_MIN} stretches of the past that a moving baseline needs")
        parts = [[tiles for block in stretch if (tiles := self._block(block)) is not None] for stretch in found]
        whole = [merge(part) for part in parts if part]
        if not whole:
            return Moved(None, "the past windows are no longer kept")
        tiles = merge(whole[:used])
        effects = (
            baseline.design_effects
            if self.rule.version is not None
            else between(whole, used, INPUTS if self.shares is None else ("label",))
        )
        found = found[:used]
        name = repr((baseline.id, [(s.start_ns, s.end_ns) for stretch in found for block in stretch for s in block]))
        earliest, latest = found[-1][-1][0], found[0][0][-1]
        moved = replace(
            baseline,
            id=hashlib.sha256(name.encode()).hexdigest()[:ID_CHARS],
            rows=tiles.rows,
            tiles=_with_looks_of(baseline.tiles, tiles)
            if self.shares is None
            else _with_labels_of(baseline.tiles, tiles),
            design_effects=effects,
            time_ordered=True,
            start_ns=earliest.start_ns,
            end_ns=latest.end_ns,
        )
        return Moved(moved, None)

    def _block(self, block: tuple[Span, ...]) -> TileSet | None:
        if block in self._blocks:
            self._blocks.move_to_end(block)
            return self._blocks[block]
        tiles = [found for span in block if (found := self.tiles_of(span)) is not None and found.rows]
        self._blocks[block] = merge(tiles) if tiles else None
        if len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return self._blocks[block]


def _with_looks_of(baseline: TileSet, past: TileSet) -> TileSet:
    """The baseline's tiles with the distributions of inputs and outputs of the past."""
    slices = {
        name: replace(own, rows=part.rows, features=part.features, prediction=part.prediction)
        for name, own in baseline.slices.items()
        if (part := past.slices.get(name)) is not None
    }
    return replace(
        baseline,
        rows=past.rows,
        features=past.features,
        prediction=past.prediction,
        pairs=past.pairs,
        tables=past.tables,
        slices=slices,
    )


def _with_labels_of(baseline: TileSet, past: TileSet) -> TileSet:
    """The baseline's tiles with the labels of the past."""
    slices = {
        name: replace(own, rows=part.rows, label=part.label)
        for name, own in baseline.slices.items()
        if (part := past.slices.get(name)) is not None
    }
    return replace(baseline, rows=past.rows, label=past.label, slices=slices)


def labels_of(tiles: TileSet) -> TileSet:
    """What a past of labels keeps of a window."""
    slices = {name: TileSet(part.rows, label=part.label) for name, part in tiles.slices.items()}
    return TileSet(tiles.rows, label=tiles.label, slices=slices)


def encode_spans(spans: set[Span]) -> bytes:
    return msgspec.json.encode(sorted((s.start_ns or 0, s.end_ns or 0) for s in spans))


def decode_spans(data: bytes | None) -> set[Span]:
    return set() if data is None else {Span(*each) for each in _SPANS.decode(data)}


def _start(span: Span) -> int:
    return span.start_ns or 0
