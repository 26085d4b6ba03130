"""What alerts keep of a merge of windows, held against the same merge of windows that were counted anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from monitor.alerts.exhibits import exhibit_of
from monitor.alerts.judging import LABEL_KINDS
from monitor.findings import Alert, Comparison, Exhibit, FeatureScore, Transition, rfc3339
from monitor.jobs.look import Moved
from monitor.jobs.recompute_past import KeptPast
from monitor.metrics.registry import NEED_LABELS
from monitor.ports import Catalog, WindowEntry
from monitor.tiles.merge import merge
from monitor.tiles.tileset import Baseline, TileSet

TRANSITIONS_MAX = 1_000
"""The newest of a model: an alert whose merge somebody counts again has spoken lately, or still stands."""


@dataclass(frozen=True, slots=True)
class ExhibitCheck:
    """Of one alert: how many of its kept distributions are of these windows, and which of them are otherwise now."""

    fingerprint: str
    kind: str
    compared: int
    differences: tuple[str, ...]
    left_out: str | None = None
    since: str | None = None
    """What happened since that may be why something is otherwise."""

    @property
    def equal(self) -> bool:
        return not self.differences


def recomputed_exhibits(
    catalog: Catalog,
    baseline: Baseline,
    windows: Sequence[WindowEntry],
    tiles: Sequence[TileSet],
    past: KeptPast | None = None,
    *,
    labelled: bool,
) -> tuple[ExhibitCheck, ...]:
    """`tiles` are those of the windows, ascending. Merges that are shorter than all of them are among them.

    `past`: what they stood against where the baseline moves. `labelled`: windows without labels are left out of them, as of what labels tell.
    """
    window, found = windows[-1], []
    all_labelled = all(each.labelled for each in windows)
    for one in _speaking_of(catalog, window):
        kept = () if one.exhibit is None else one.exhibit.comparisons
        scales = {c.windows for c in kept if c.windows <= len(tiles)}
        if not scales:
            continue
        if _needs_labels(one) is not labelled and not all_labelled:
            word = "with labels alone" if _needs_labels(one) else "with and without labels"
            found.append(ExhibitCheck(one.fingerprint, one.kind.value, 0, (), f"it rests on windows {word}"))
            continue
        merges = {scale: merged_as_looked(tiles[-scale:]) for scale in scales}
        against = _Against(baseline, past.at(one.kind, window) if past is not None else None)
        against = _Against(baseline, past.at(one.kind, window) if past is not None else None)
        again = exhibit_of(one.kind, one.features, merges, against.at, window.span, window.rule)
        here = tuple(c for c in kept if c.windows in scales)
        left_out = [] if len(here) == len(kept) else [f"{len(kept) - len(here)} of longer merges"]
        differing, since = _differences(here, again.comparisons), None
        if one.exhibit is not None and one.exhibit.baseline != again.baseline:
            left_out.insert(0, _gone(one.exhibit, again, against, one.features))
            differing = _differences([_of_window(c) for c in here], [_of_window(c) for c in again.comparisons])
        elif one.exhibit is not None and differing and past is not None:
            since = _changed(past.changed_since(window, one.exhibit.baseline_window))
        told = "; ".join(left_out) or None
        found.append(ExhibitCheck(one.fingerprint, one.kind.value, len(here), differing, told, since))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Against:
    """What merges stood against: the baseline, or, where it moves, the past as it is kept."""

    baseline: Baseline
    moved: Callable[[int], Moved] | None

    def at(self, scale: int) -> Baseline:
        return self.baseline if self.moved is None else self.moved(scale).baseline or self.baseline

    def why_not(self, scale: int) -> str | None:
        return "no such past is declared now" if self.moved is None else self.moved(scale).reason


def _gone(kept: Exhibit, again: Exhibit, against: _Against, lines: Sequence[FeatureScore]) -> str:
    """What an alert stood against that is not there any more."""
    start, end = (rfc3339(ns) for ns in (kept.baseline_window.start_ns, kept.baseline_window.end_ns))
    reason = against.why_not(lines[0].windows if lines else 1)
    if reason is None and again.baseline_rows < kept.baseline_rows:
        reason = f"{again.baseline_rows:,} of them are kept"
    return f"the {kept.baseline_rows:,} rows from {start} to {end} that it stood against: {reason or 'others are now'}"


def _changed(windows: int) -> str | None:
    return f"of the past that it stood against {windows} windows were revised since" if windows else None


def _of_window(one: Comparison) -> Comparison:
    """The side of the window alone."""
    drawn = replace(one.overlay, baseline=(), edges=(), categories=(), low=None, high=None)
    return replace(one, n_baseline=0, overlay=drawn, top=())


def merged_as_looked(tiles: Sequence[TileSet]) -> TileSet:
    """Two halves at a time, as trailing merges are made: sums of floats then have the same bits."""
    if len(tiles) == 1:
        return tiles[0]
    half = len(tiles) // 2
    return merge([merged_as_looked(tiles[:half]), merged_as_looked(tiles[half:])])


def _speaking_of(catalog: Catalog, window: WindowEntry) -> Iterator[Alert | Transition]:
    """What has kept distributions of this window and the ones before it, each once."""
    told = set()
    spoken: list[Alert | Transition] = [*catalog.alerts(window.model)]
    spoken += catalog.transitions(window.model, limit=TRANSITIONS_MAX)
    for one in spoken:
        exhibit, key = one.exhibit, (one.fingerprint, repr(one.exhibit))
        if exhibit is None or (one.version or "") != window.version or key in told:
            continue
        if (exhibit.window, exhibit.rule) == (window.span, window.rule):
            told.add(key)
            yield one


def _needs_labels(one: Alert | Transition) -> bool:
    return one.kind in LABEL_KINDS or any(line.metric in NEED_LABELS for line in one.features)


def _differences(kept: Sequence[Comparison], again: Sequence[Comparison]) -> tuple[str, ...]:
    """Names of what is not there any more, or has another count, bin or share."""
    now = {(one.feature, one.slice): one for one in again}
    return tuple(one.feature for one in kept if now.get((one.feature, one.slice)) != one)
