"""What windows and merges were compared with where the baseline moves, chosen once more from the windows that are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from monitor.alerts.judging import MOVING_KINDS, MOVING_LABELS, moving_kinds
from monitor.definitions import BaselineRule, MonitoredModel
from monitor.findings import AlertKind, Span, Status
from monitor.jobs.look import Moved
from monitor.jobs.moving_baseline import Past
from monitor.jobs.stored_past import stored_labels, stored_past, windows_of_other
from monitor.jobs.track import Place
from monitor.ports import Catalog, FindingQuery, SegmentStore, WindowEntry
from monitor.tiles.tileset import Baseline

ALARMED_MAX = 100_000
"""Critical records that are read of a past: thousands of windows with tens of columns each."""


@dataclass(frozen=True, slots=True)
class KeptPast:
    """Of the windows of one version under one rule. Tiles of the past are taken as they are stored."""

    catalog: Catalog
    place: Place
    rule: BaselineRule
    baseline: Baseline
    inputs: Past
    labels: Past | None

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        store: SegmentStore,
        model: MonitoredModel,
        baseline: Baseline,
        windows: Sequence[WindowEntry],
    ) -> KeptPast | None:
        """For these windows, ascending, of one version and rule; None where their declaration, as it is now, moves no baseline."""
        first, last, moves = windows[0], windows[-1], model.baseline
        rule = next((r for r in model.windows if r.name == first.rule), None)
        if moves.fixed or moves.version == first.version or rule is None:
            return None
        place = Place(first.model, first.version, rule)
        inputs = stored_past(catalog, place, moves, baseline, first.span)
        labels = stored_labels(catalog, place, moves, baseline, first.span) if moves.version is None else None
        for past, newer in ((inputs, stored_past), (labels, stored_labels)):
            if past is not None and last is not first:
                _extend(past, newer(catalog, place, moves, baseline, last.span))
        kept = cls(catalog, place, moves, baseline, inputs, labels)
        return kept if moves.version is not None else kept._with_forgotten(store)

    def at(self, kind: AlertKind, window: WindowEntry) -> Callable[[int], Moved] | None:
        """Scale → what the merge of so many windows up to this one stood against; None of kinds whose baseline does not move."""
        if kind not in moving_kinds(self.rule):
            return None
        if kind in MOVING_LABELS:
            return None if self.labels is None else cache(self.labels.moved(window.span, self.baseline))
        others = windows_of_other(self.catalog, self.place, self.rule, self.baseline, window.span)
        return cache(self.inputs.moved(window.span, self.baseline, others))

    def changed_since(self, window: WindowEntry, until: Span) -> int:
        """Windows of the past that were closed late or revised after this one: their tiles are otherwise now."""
        version = self.place.version if self.rule.version is None else self.rule.version
        windows = self.catalog.windows(
            self.place.model,
            version=version,
            rule=self.place.rule.name,
            start_ns=until.start_ns,
            end_ns=(window.span.start_ns or 0) + (self.rule.version is not None),
        )
        return sum(w.closed_ns > window.closed_ns for w in windows)

    def _with_forgotten(self, store: SegmentStore) -> KeptPast:
        """What is remembered of alarmed windows reaches as far back as looks do; of earlier ones the decision records say it."""
        place = self.place
        newest = self.catalog.windows(
            place.model, version=place.version, rule=place.rule.name, limit=1, newest_first=True
        )
        remembered_ns = (newest[0].span.start_ns or 0) - 3 * self.rule.reach_ns if newest else 0
        for past, kinds in ((self.inputs, MOVING_KINDS), (self.labels, MOVING_LABELS)):
            start_ns = past.own[0].start_ns or 0 if past is not None and past.own else remembered_ns
            if past is None or start_ns >= remembered_ns:
                continue
            segments = self.catalog.segments("measurements", place.model, place.version, start_ns, remembered_ns)
            for kind in kinds:
                wanted = FindingQuery(
                    version=place.version or None,
                    rule=place.rule.name,
                    kind=kind,
                    status=Status.CRITICAL,
                    limit=ALARMED_MAX,
                )
                past.alarmed |= {finding.window for finding in store.find_findings(segments, wanted)}
        return self


def _extend(past: Past, newer: Past) -> None:
    """Up to a later window."""
    past.own = sorted({*past.own, *newer.own})
    past.alarmed |= newer.alarmed
    if past.shares is not None:
        past.shares |= newer.shares or {}
