"""What an alert rests on, as counts that are kept with it: both distributions of its first lines, and the bins that differ. Pure.

Each line is shown over the merge that shows it. A column is shown on its frozen bins, or, where the line is about
missing values, as present and missing; performance as decisions by right and wrong; a group as selected or not;
anomalies as anomalous or not; attribution as the part of each feature in the whole. Errors of a regression are sums and no counts:
the model's outputs are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from monitor.findings import AlertKind, ChangedBin, Comparison, Exhibit, FeatureScore, Overlay, Span
from monitor.metrics.slices import SLICED_KINDS
from monitor.tiles.group import FALSE_NEGATIVES, ROWS, SELECTED, TRUE_POSITIVES
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, Outcome
from monitor.tiles.overlay import grid_of, overlay, tile_of
from monitor.tiles.tileset import Baseline, TileSet

COMPARISONS_MAX = 6
"""Distributions kept with an alert: the pages of its first lines; more would not be looked at."""
TOP_BINS_MAX = 5
ATTRIBUTION_PARTS = 10_000
"""Attribution is no count of rows: the whole of each side is cut into so many parts, and each feature has its own."""
_Both = tuple[int, int, int, Overlay]
"""Rows of the baseline, of the window, missing ones of the window, and the counts."""


def exhibit_of(
    kind: AlertKind,
    lines: Sequence[FeatureScore],
    merges: Mapping[int, TileSet],
    baseline_at: Callable[[int], Baseline],
    window: Span,
    rule: str,
) -> Exhibit:
    """`merges`: scale → the merge of so many windows up to this one; `baseline_at`: what it was compared with."""
    found: dict[tuple[str, str | None], Comparison] = {}
    for line in lines:
        tiles, baseline = merges.get(line.windows), baseline_at(line.windows)
        for name in () if tiles is None else _names(line, baseline):
            shown = _shown(kind, line, name, tiles or TileSet(0), baseline)
            if shown is not None and len(found) < COMPARISONS_MAX:
                found.setdefault((shown.feature, shown.slice), shown)
    first = baseline_at(lines[0].windows if lines else 1)
    return Exhibit(
        window=window,
        rule=rule,
        baseline=first.id,
        baseline_rows=first.rows,
        baseline_window=Span(first.start_ns, first.end_ns),
        comparisons=tuple(found.values()),
    )


def _names(line: FeatureScore, baseline: Baseline) -> tuple[str, ...]:
    """A pair has no distribution of its own: those of its two columns are shown."""
    if (
        line.metric in ("correlation_distance", "association_distance")
        and grid_of(baseline.grids, line.feature) is None
    ):
        return tuple(name for name in line.feature.split("~") if grid_of(baseline.grids, name) is not None)
    return (line.feature,)


def _shown(kind: AlertKind, line: FeatureScore, name: str, tiles: TileSet, baseline: Baseline) -> Comparison | None:
    here, there = tiles, baseline.tiles
    if line.slice is not None and kind in SLICED_KINDS:
        here, there = (part.slices.get(line.slice, TileSet(0)) for part in (here, there))
    both: _Both | None
    if kind is AlertKind.PERFORMANCE:
        both, name = _decisions(here, there, baseline, name)
    elif kind is AlertKind.FAIRNESS:
        both = _of_group(line, here, there)
    elif kind is AlertKind.ANOMALY:
        both = _anomalies(here, there)
    elif kind is AlertKind.ATTRIBUTION:
        both, name = _attributions(here, there), "attribution"
    else:
        both = _of_column(line.metric, name, here, there, baseline)
    if both is None:
        return None
    n_baseline, n_window, n_missing, drawn = both
    return Comparison(
        name, line.metric, line.slice, line.windows, n_baseline, n_window, n_missing, drawn, _most_changed(drawn)
    )


def _of_column(metric: str, name: str, here: TileSet, there: TileSet, baseline: Baseline) -> _Both | None:
    grid, before, now = grid_of(baseline.grids, name), tile_of(there, name), tile_of(here, name)
    if grid is None or before is None:
        return None
    if metric == "missing_ratio" or now is None:
        present = 0 if now is None else now.n
        # A merge has no tile for rows of windows that lack the column as a whole; they are missing all the same.
        return _named(("present", "missing"), (before.n, before.n_missing), (present, here.rows - present))
    drawn = overlay(grid, before, now)
    return None if drawn is None else (before.n, now.n, now.n_missing, drawn)


def _decisions(here: TileSet, there: TileSet, baseline: Baseline, name: str) -> tuple[_Both | None, str]:
    now, before = _counted(here.outcome), _counted(there.outcome)
    if now is not None and before is not None:
        return _named(now[0], before[1], now[1]), name
    output = next(iter(baseline.grids.prediction), None)
    return (None, name) if output is None else (_of_column("", output, here, there, baseline), output)


def _counted(outcome: Outcome | None) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    if isinstance(outcome, BinaryOutcome):
        names = ("true positive", "false positive", "true negative", "false negative")
        return names, (
            outcome.true_positives,
            outcome.false_positives,
            outcome.true_negatives,
            outcome.false_negatives,
        )
    if isinstance(outcome, MulticlassOutcome):
        right = int(np.trace(outcome.confusion[:-1, :-1]))
        return ("right", "wrong"), (right, int(outcome.confusion.sum()) - right)
    return None


def _of_group(line: FeatureScore, here: TileSet, there: TileSet) -> _Both | None:
    column, _, group = (line.slice or line.feature).partition("=")
    now, before = here.groups.get(column), there.groups.get(column)
    if now is None or before is None or group not in now.groups or group not in before.groups:
        return None
    (ours, theirs) = (tile.counts[tile.groups.index(group)] for tile in (now, before))
    if line.metric == "equal_opportunity_difference":
        found = ("positives found", "positives missed")
        return _named(found, *((int(c[TRUE_POSITIVES]), int(c[FALSE_NEGATIVES])) for c in (theirs, ours)))
    chosen = ("selected", "not selected")
    return _named(chosen, *((int(c[SELECTED]), int(c[ROWS] - c[SELECTED])) for c in (theirs, ours)))


def _anomalies(here: TileSet, there: TileSet) -> _Both | None:
    now, before = here.anomaly, there.anomaly
    if now is None or before is None:
        return None
    counts = ((tile.anomalous, tile.scored - tile.anomalous) for tile in (before, now))
    return _named(("anomalous", "usual"), *counts)


def _attributions(here: TileSet, there: TileSet) -> _Both | None:
    """Of the features of both, the largest first in the baseline."""
    now, before = here.attribution, there.attribution
    if now is None or before is None:
        return None
    names = [name for name in before.features if name in now.features]
    ours, theirs = (tile.absolute_sums[[tile.features.index(name) for name in names]] for tile in (now, before))
    if not names or ours.sum() <= 0 or theirs.sum() <= 0:
        return None
    order = np.argsort(-theirs, kind="stable")
    parts = [np.rint(ATTRIBUTION_PARTS * sums[order] / sums.sum()).astype(np.int64).tolist() for sums in (theirs, ours)]
    drawn = Overlay("categorical", tuple(parts[0]), tuple(parts[1]), categories=tuple(names[i] for i in order))
    return before.explained, now.explained, 0, drawn


def _named(names: tuple[str, ...], before: tuple[int, ...], now: tuple[int, ...]) -> _Both:
    before, now = tuple(map(int, before)), tuple(map(int, now))
    return sum(before), sum(now), 0, Overlay("categorical", before, now, categories=names)


def _most_changed(drawn: Overlay) -> tuple[ChangedBin, ...]:
    """The bins by their part of the Jensen-Shannon divergence."""
    names = drawn.categories or _intervals(drawn.edges)
    p, q = (np.array(side, np.float64) / max(sum(side), 1) for side in (drawn.baseline, drawn.window_counts))
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(p > 0, p * np.log(p / middle), 0.0) + np.where(q > 0, q * np.log(q / middle), 0.0)
    whole = float(parts.sum())
    order = np.argsort(-parts, kind="stable")[:TOP_BINS_MAX] if whole > 0 else ()
    return tuple(ChangedBin(names[i], float(p[i]), float(q[i]), float(parts[i]) / whole) for i in order if parts[i] > 0)


def _intervals(edges: Sequence[float]) -> tuple[str, ...]:
    """A cell holds what is above its lower edge, up to and with its upper one."""
    if not edges:
        return ("all",)
    inner = (f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges))
    return (f"up to {edges[0]:.4g}", *inner, f"above {edges[-1]:.4g}")
