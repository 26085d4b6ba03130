"""What alerts keep of a merge of windows, held against the same merge of windows that were counted anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.alerts.exhibits import exhibit_of
from monitor.alerts.judging import LABEL_KINDS, moving_kinds
from monitor.definitions import MonitoredModel
from monitor.findings import Alert, Comparison, Transition
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

    @property
    def equal(self) -> bool:
        return not self.differences


def recomputed_exhibits(
    catalog: Catalog,
    model: MonitoredModel,
    baseline: Baseline,
    windows: Sequence[WindowEntry],
    tiles: Sequence[TileSet],
    *,
    labelled: bool,
) -> tuple[ExhibitCheck, ...]:
    """`tiles` are those of the windows, ascending. Merges that are shorter than all of them are among them.

    `labelled`: windows without labels are left out of them, as of what labels tell.
    """
    window, found = windows[-1], []
    all_labelled = all(each.labelled for each in windows)
    for one in _speaking_of(catalog, window):
        kept = () if one.exhibit is None else one.exhibit.comparisons
        scales = {c.windows for c in kept if c.windows <= len(tiles)}
        if not scales:
            continue
        if one.kind in moving_kinds(model.baseline):
            found.append(ExhibitCheck(one.fingerprint, one.kind.value, 0, (), "its baseline moves"))
            continue
        if _needs_labels(one) is not labelled and not all_labelled:
            word = "with labels alone" if _needs_labels(one) else "with and without labels"
            found.append(ExhibitCheck(one.fingerprint, one.kind.value, 0, (), f"it rests on windows {word}"))
            continue
        merges = {scale: merged_as_looked(tiles[-scale:]) for scale in scales}
        again = exhibit_of(one.kind, one.features, merges, lambda _: baseline, window.span, window.rule)
        here = tuple(c for c in kept if c.windows in scales)
        longer = None if len(here) == len(kept) else f"{len(kept) - len(here)} of longer merges"
        differing = _differences(here, again.comparisons)
        found.append(ExhibitCheck(one.fingerprint, one.kind.value, len(here), differing, longer))
    return tuple(found)


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
