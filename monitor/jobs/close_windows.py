"""Close the windows that are due, revise those that late rows or labels changed: one model, version and rule at a time.

A live window is due when its end plus the allowed lateness has passed by the clock. A window that was closed and gets
more rows is measured again (revision + 1) without a new alarm for old news; labels, however late, are looked at in the
order of their windows and may move the alerts that need them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import msgspec

from monitor.alerts.budget import Plan
from monitor.alerts.calibration import learn
from monitor.alerts.judging import LABEL_KINDS, MOVING_LABELS, moving_kinds
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Span, Status
from monitor.jobs.commit_window import Judged, commit_window
from monitor.jobs.context import Context
from monitor.jobs.due_windows import DueWindows, Rest
from monitor.jobs.find_cause import with_causes
from monitor.jobs.label_delays import with_awaited
from monitor.jobs.look import INPUT_KINDS, LEARNING_WINDOWS, Looked, Moved, Subject, Track, plan_for, take_look
from monitor.jobs.moving_baseline import Past, encode_spans
from monitor.jobs.pending_labels import PendingLabels
from monitor.jobs.profile_window import Profiled, profile_window, with_label_column
from monitor.jobs.rivals import with_rival
from monitor.jobs.set_baseline import resolve_kinds, with_schema
from monitor.jobs.shared_alerts import encode_alerts
from monitor.jobs.stored_past import alarmed_key, alarmed_labels_key, stored_labels, stored_past, windows_of_other
from monitor.jobs.stored_records import stored_records
from monitor.jobs.stored_windows import StoredWindows, start_of
from monitor.jobs.track import (
    Place,
    Progress,
    alerts_key,
    encode_progress,
    late_key,
    load_progress,
    load_track,
    progress_key,
)
from monitor.jobs.window_opinions import Told, WindowOpinions
from monitor.ports import OwedOpinion, WindowEntry
from monitor.tiles.baseline import build_baseline as plain_baseline
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline, DesignEffects, TileSet

T = TypeVar("T")

WINDOWS_PER_PASS = 500
"""Windows closed before other models get their turn."""
LABELS_QUIET_NS_MAX = 60 * 10**9
"""Where few of a window's rows have labels, more are waited for this long after the last that came (at most)."""
LABELS_COVERAGE = 0.8
"""Share of a window's rows with labels at which they are looked at without waiting for more."""

UNJUDGED_MAX = 288
"""Windows from before there was a baseline that are measured once there is one: the newest, a day of five minutes."""


@dataclass(frozen=True, slots=True)
class _AsOf:
    """What a window is judged with: looks taken up to it, and what was known of dependence then."""

    looks: int
    baseline: Baseline
    learned: DesignEffects | None


@dataclass(slots=True)
class Closer:
    """Closes the windows of one place; keeps its track between passes, so a pass reads only what is new."""

    context: Context
    place: Place
    patient: bool = True
    """Whether rows may still be on their way that are older than those here: a replay has them all."""
    declared: bool = True
    """Whether a user named the model, and not traffic alone."""
    baseline: Baseline | None = None
    progress: Progress | None = None
    track: Track = field(default_factory=Track)
    unjudged: list[WindowEntry] = field(default_factory=list)
    """Closed windows that had no baseline to be compared with, and now have one."""
    past: Past | None = None
    """The windows behind, where the baseline moves; None until they are needed."""
    labels_past: Past | None = None
    """Those of them that were looked at with their labels."""
    due: DueWindows = field(init=False)
    stored: StoredWindows = field(init=False)
    opinions: WindowOpinions = field(init=False)
    pending: PendingLabels = field(init=False)
    """Closed windows whose labels are to be looked at."""

    def __post_init__(self) -> None:
        self.due = DueWindows(self.place.rule, self.context.store, self.patient)
        self.stored = StoredWindows(self.context.catalog, self.place)
        self.pending = PendingLabels(self.stored)
        self.opinions = WindowOpinions(self.context.opinions, self.place, self.context.clock)

    def run(self, model: MonitoredModel, baseline: Baseline | None) -> int:
        """One pass; returns how many windows were closed or revised."""
        try:
            return self._pass(model, baseline)
        except Exception:
            # What was judged and not committed is judged anew from where the catalog is, or its alert would be lost.
            self.progress = None
            raise

    def rest(self, now_ns: int) -> Rest | None:
        """How long passes after this one have nothing to do; None where nobody can say."""
        waits = self.progress is None or bool(self.pending.came_ns) or self.opinions.is_waiting
        return None if waits else self.due.rest(now_ns)

    def _pass(self, model: MonitoredModel, baseline: Baseline | None) -> int:
        now_ns = self.context.clock()
        progress = self._open(baseline)
        self._note_labels(model)
        changed = sum(self._timed(partial(self._judge_first, window, model)) for window in self.unjudged)
        self.unjudged = []
        # In this order: what comes in between is new to the next pass too.
        newest = self.stored.newest("predictions", progress.prediction_segment)
        refused = progress.failure_segment or progress.prediction_segment
        newest_refused = self.stored.newest("failures", refused)
        closed_ns = self.stored.closed_until()
        late = self.stored.late_segments(progress.prediction_segment, refused, closed_ns)
        revised = self.stored.late_windows(late, closed_ns)
        missed = self.stored.missed_spans(late, revised, closed_ns, WINDOWS_PER_PASS, self.context.store)
        segments = self.stored.traffic(closed_ns)
        for span in self.due.spans(segments, closed_ns, progress.empty_windows, now_ns, WINDOWS_PER_PASS):
            if not self.opinions.may_close(span, model, baseline):
                break
            self._timed(partial(self._close, span, model))
            changed += 1
        changed += sum(self._timed(partial(self._revise, window, model)) for window in revised)
        changed += sum(self._timed(partial(self._close_late, span, model)) for span in missed)
        self._advance(prediction_segment=newest, failure_segment=newest_refused)
        return changed + self._look_at_labels(model, now_ns)

    def _timed(self, work: Callable[[], T]) -> T:
        """One window's work, told to the telemetry: started, and finished after how long, or failed with what."""
        observer, rule = self.context.observer, self.place.rule.name
        model = self.place.model if self.declared else None
        observer.window_started(model, rule)
        began = self.context.clock()
        try:
            done = work()
        except Exception as error:
            observer.window_failed(model, rule, type(error).__name__)
            raise
        observer.window_finished(model, rule, (self.context.clock() - began) / 1e9)
        return done

    # State

    def _open(self, baseline: Baseline | None) -> Progress:
        key = progress_key(self.place.model, self.place.version, self.place.rule)
        if self.progress is None or (baseline and baseline.id) != (self.baseline and self.baseline.id):
            self.progress = load_progress(self.context.catalog, key)
            self.baseline = baseline
            self.track = load_track(self.context.catalog, self.place, baseline, self.progress) if baseline else Track()
            self.pending = PendingLabels.left(self.stored, self.progress)
            self.unjudged = self.stored.unjudged(UNJUDGED_MAX) if baseline else []
            self.past = self.labels_past = None
        return self.progress

    def _advance(self, **changes: int) -> Progress:
        assert self.progress is not None  # noqa: S101  (opened by run)
        self.progress = msgspec.structs.replace(self.progress, **changes)
        return self.progress

    # Closing and revising

    def _close(self, span: Span, model: MonitoredModel) -> None:
        told = self.opinions.told(span)
        profiled = self._profile(span, model, told)
        rows = 0 if profiled is None else profiled.tiles.rows
        some = profiled is not None and profiled.tiles.has_traffic
        progress = self._advance(empty_windows=0 if some else (self.progress.empty_windows + 1 if self.progress else 1))
        if profiled is None or self.baseline is None:
            self._commit(span, 0, rows, None, None, model)
            return
        if rows and not progress.first_row_ns:
            self._advance(first_row_ns=profiled.start_ns or 0)
        ready = rows > 0 and profiled.labelled >= LABELS_COVERAGE * rows
        kinds = frozenset(AlertKind) if ready else INPUT_KINDS
        then = _AsOf(progress.input_looks + 1, self.baseline, self.track.learned)
        looked = self._look(span, profiled, model, then, kinds)
        owes = self.opinions.owed(span, model, told, of_rows=rows > 0, of_labels=ready)
        self._commit(span, 0, rows, profiled, looked, model, owes=owes)
        if profiled.labelled and not ready:
            self.pending.wait_for(span, self.context.clock())

    def _look(
        self,
        span: Span,
        profiled: Profiled,
        model: MonitoredModel,
        then: _AsOf,
        kinds: frozenset[AlertKind],
        *,
        still: frozenset[AlertKind] = frozenset(),
        revision: int = 0,
    ) -> Looked:
        """A look that moves the track."""
        assert self.progress is not None  # noqa: S101  (opened by run)
        plan, subject = self._plan(span, model, then), self._subject(model, then)
        before = replace(self.track, learned=then.learned)
        after, looked = self._take(
            before, span, profiled, subject, plan=plan, kinds=kinds, still=still, revision=revision
        )
        if self.labels_past is not None and kinds & MOVING_LABELS:
            self.labels_past.note(span, looked.findings, share=_labelled_share(profiled))
        if self.past is not None and profiled.tiles.rows and kinds & INPUT_KINDS and not revision:
            self.past.note(span, looked.findings)
        if profiled.tiles.has_traffic:
            spent = plan.spent(kinds - still)
            self.context.observer.budget_spent(self.place.model if self.declared else None, spent)
        records = stored_records(self.context, self.place, then.baseline, span, profiled.tiles)
        after, looked = with_causes(after, looked, span, subject, records)
        # What a look at older labels knew is less than what is known.
        self.track = after if (kinds - still) & INPUT_KINDS else replace(after, learned=self.track.learned)
        changes = {"input_looks": self.track.inputs.looks, "outcome_looks": self.track.outcomes.looks}
        if self.track.inputs_restarted(before):
            changes["inputs_since"] = self.track.inputs.looks
        if self.track.outcomes_restarted(before):
            changes["outcomes_since"] = self.track.outcomes.looks
        if kinds & LABEL_KINDS:
            changes["labels_until_ns"] = max(self.progress.labels_until_ns, span.start_ns or 0)
        self._advance(**changes)
        return looked

    def _take(
        self,
        track: Track,
        span: Span,
        profiled: Profiled,
        subject: Subject,
        *,
        plan: Plan,
        kinds: frozenset[AlertKind],
        still: frozenset[AlertKind],
        revision: int,
    ) -> tuple[Track, Looked]:
        """A look from a track, at all that the window is compared with."""
        model, baseline = subject.model, subject.baseline
        return take_look(
            track,
            subject,
            span,
            profiled.tiles,
            plan=plan,
            revision=revision,
            kinds=kinds,
            still=still,
            compared=self._compared(span, model, baseline),
            compared_labels=self._compared_labels(span, model, baseline, profiled, kinds),
            others=profiled.others,
        )

    def _plan(self, span: Span, model: MonitoredModel, then: _AsOf) -> Plan:
        return plan_for(model, then.baseline, self.place.rule, self._arrivals(span, then.looks))

    def _subject(self, model: MonitoredModel, then: _AsOf) -> Subject:
        return Subject(model, self.place.version, then.baseline, self.place.rule.name, self.context.code)

    def _compared(self, span: Span, model: MonitoredModel, baseline: Baseline) -> Callable[[int], Moved] | None:
        """What merges up to this window are compared with where the baseline moves."""
        rule = model.baseline
        if rule.fixed or rule.version == self.place.version:
            self.past = None
            return None
        if self.past is None or self.past.rule != rule:
            self.past = stored_past(self.context.catalog, self.place, rule, baseline, span)
        return self.past.moved(span, baseline, windows_of_other(self.context.catalog, self.place, rule, baseline, span))

    def _compared_labels(
        self, span: Span, model: MonitoredModel, baseline: Baseline, profiled: Profiled, kinds: frozenset[AlertKind]
    ) -> Callable[[int], Moved] | None:
        """The same of labels, where this look is at them."""
        if not kinds & moving_kinds(model.baseline) & MOVING_LABELS or not profiled.labelled:
            return None
        if self.labels_past is None or self.labels_past.rule != model.baseline:
            self.labels_past = stored_labels(self.context.catalog, self.place, model.baseline, baseline, span)
        return self.labels_past.moved(span, baseline, share=_labelled_share(profiled))

    def _measure_again(
        self,
        span: Span,
        revision: int,
        profiled: Profiled,
        model: MonitoredModel,
        then: _AsOf,
        kinds: frozenset[AlertKind] = frozenset(AlertKind),
    ) -> Looked:
        """A look that moves nothing: old news never makes a second alarm."""
        plan, alone = self._plan(span, model, then), Track(learned=then.learned)
        _, looked = self._take(
            alone, span, profiled, self._subject(model, then), plan=plan, kinds=kinds, still=kinds, revision=revision
        )
        return Looked(looked.findings, (), ())

    def _revise(self, window: WindowEntry, model: MonitoredModel) -> bool:
        """Late rows or refusals: measure again, move no alert."""
        if self.stored.is_counted(window, self.context.store):
            return False
        profiled = self._profile(window.span, model)
        if profiled is None or self.stored.is_of(window, profiled.tiles):
            return False
        self._commit_again(window, profiled, model)
        return True

    def _judge_first(self, window: WindowEntry, model: MonitoredModel) -> bool:
        """The first baseline came after this window: measure it, with the labels that have come, and move no alert."""
        profiled = self._profile(window.span, model)
        if profiled is None or not profiled.tiles.rows:
            return False  # its rows are past their retention
        self._commit_again(window, profiled, model)
        if self.pending.drop(window.span) and self.progress is not None:
            self._advance(labels_until_ns=max(self.progress.labels_until_ns, start_of(window.span)))
        return True

    def _commit_again(self, window: WindowEntry, profiled: Profiled, model: MonitoredModel) -> None:
        then = self._as_of(window.span, self._history())
        looked = (
            self._measure_again(window.span, window.revision + 1, profiled, model, then) if then is not None else None
        )
        owes = self._owes_all(window.span, profiled, model)
        self._commit(window.span, window.revision + 1, profiled.tiles.rows, profiled, looked, model, owes=owes)
        self.past = self.labels_past = None  # it may hold the tiles of before

    def _close_late(self, span: Span, model: MonitoredModel) -> bool:
        """A window nobody knew of when its time was over: measured like any other; it moves no alert, for it is old news."""
        profiled = self._profile(span, model)
        if profiled is None or not profiled.tiles.has_traffic:
            return False
        then = self._as_of(span, self._history())
        looked = self._measure_again(span, 0, profiled, model, then) if then is not None else None
        owes = self._owes_all(span, profiled, model)
        self._commit(span, 0, profiled.tiles.rows, profiled, looked, model, owes=owes)
        self.past = self.labels_past = None  # it lacks this window
        return True

    def _owes_all(self, span: Span, profiled: Profiled, model: MonitoredModel) -> OwedOpinion | None:
        """Of a window that is measured anew."""
        return self.opinions.owed(span, model, Told(), of_rows=True, of_labels=profiled.labelled > 0)

    def _history(self) -> list[WindowEntry]:
        """The windows that `_as_of` counts; none where their number changes nothing, for there may be very many."""
        counts = self.place.rule.rows is not None or (
            self.baseline is not None and self.baseline.design_effects is None
        )
        return self.stored.windows() if counts else []

    def _as_of(self, span: Span, windows: Sequence[WindowEntry]) -> _AsOf | None:
        """A closed window is judged later as it was the first time, whatever the windows after it taught."""
        baseline = self.baseline
        if baseline is None:
            return None
        before = [w for w in windows if w.n_window and start_of(w.span) <= start_of(span)]
        learned, own = self.track.learned, sum(w.baseline == baseline.id for w in before)
        if baseline.design_effects is None and own < LEARNING_WINDOWS:
            learned = learn(self.track.first[:own], baseline)
        return _AsOf(len(before), baseline, learned)

    def _arrivals(self, span: Span, looks: int) -> float | None:
        """Rows a nanosecond from the first row to the end of the window: the budget of windows by rows needs it."""
        assert self.progress is not None  # noqa: S101  (opened by run)
        if self.place.rule.rows is None:
            return None
        elapsed = (span.end_ns or 0) - (self.progress.first_row_ns or span.start_ns or 0)
        return self.place.rule.rows * looks / max(elapsed, 1)

    # Labels

    def _note_labels(self, model: MonitoredModel) -> None:
        """Closed windows that new labels belong to become pending."""
        if model.label is None or self.baseline is None:
            return
        if self.pending.note():
            self._labels_done()

    def _labels_done(self) -> None:
        """Where nothing is pending, a restart need not look at the labels noted so far."""
        if not self.pending.came_ns:
            self._advance(label_segment=self.pending.noted)

    def _look_at_labels(self, model: MonitoredModel, now_ns: int) -> int:
        """Oldest first; a window whose labels are few and still coming makes the later ones wait."""
        changed = 0
        windows = self._history() if self.pending.came_ns else []
        quiet_ns = min(LABELS_QUIET_NS_MAX, max(self.place.rule.lateness_ns, 1))
        for span in self.pending.oldest_first:
            window = self.context.catalog.window(self.place.model, self.place.version, self.place.rule.name, span)
            if window is None:
                self.pending.drop(span)
                continue
            came = len(
                self.context.store.read_labels(
                    self.stored.segments("labels", span.start_ns, span.end_ns), span.start_ns, span.end_ns
                )
            )
            if came < LABELS_COVERAGE * window.n_window and now_ns - self.pending.came_ns[span] < quiet_ns:
                break
            if not self.opinions.may_relabel(span, model, self.baseline):
                break
            self.pending.drop(span)
            self._labels_done()
            changed += self._timed(partial(self._relabel, window, model, windows))
        return changed

    def _relabel(self, window: WindowEntry, model: MonitoredModel, windows: Sequence[WindowEntry]) -> bool:
        told = self.opinions.told(window.span)
        profiled = self._profile(window.span, model, told)
        then = self._as_of(window.span, windows)
        if profiled is None or self.progress is None or not profiled.labelled or then is None:
            return False
        kinds, revision = LABEL_KINDS | {AlertKind.FAIRNESS}, window.revision + 1
        if (window.span.start_ns or 0) > self.progress.labels_until_ns:
            # What needs no label moved the groups' alert when the window closed.
            still = frozenset({AlertKind.FAIRNESS})
            looked = self._look(window.span, profiled, model, then, kinds, still=still, revision=revision)
            looked = replace(looked, transitions=tuple(replace(t, revised=True) for t in looked.transitions))
        else:
            looked = self._measure_again(window.span, window.revision + 1, profiled, model, then, kinds)
        owes = self.opinions.owed(window.span, model, told, of_rows=False, of_labels=True)
        rows, status = profiled.tiles.rows, window.status
        self._commit(window.span, revision, rows, profiled, looked, model, status=status, owes=owes)
        if (window.span.start_ns or 0) < self.progress.labels_until_ns:
            self.labels_past = None  # it has the labels of before
        return True

    # Reading and writing

    def _profile(self, span: Span, model: MonitoredModel, told: Told | None = None) -> Profiled | None:
        store = self.context.store
        rows = store.read_rows(
            self.stored.segments("predictions", span.start_ns, span.end_ns), span.start_ns, span.end_ns
        )
        if self.baseline is None:
            self._propose(rows, model)
            return Profiled(TileSet(len(rows)), (), (), 0, None, None)
        labels = store.read_labels(
            self.stored.segments("labels", span.start_ns, span.end_ns), span.start_ns, span.end_ns
        )
        failures = store.read_rows(
            self.stored.segments("failures", span.start_ns, span.end_ns), span.start_ns, span.end_ns
        )
        explainer = self.context.explainer_of(model) if self.context.explainer_of is not None else None
        profiled = profile_window(rows, labels, self.baseline, model, explainer, failures)
        tiles = with_awaited(profiled.tiles, span, model, self.context.catalog, self.place, self.context.clock())
        tiles = with_rival(tiles, self.context.catalog, self.place, span, model)
        others = (told or Told()).said if tiles.rows else self.opinions.of_nothing(model)
        return replace(profiled, tiles=tiles, others=others)

    def _propose(self, rows: Rows, model: MonitoredModel) -> None:
        """Without a baseline: the first window's kinds are written back for the user to take over."""
        entry = self.context.catalog.model(self.place.model)
        if len(rows) and entry is not None and entry.proposal is None:
            resolved = resolve_kinds(rows, model)
            seen = plain_baseline(with_label_column(rows, resolved), resolved, time_ordered=False)
            self.context.catalog.put_proposal(self.place.model, with_schema(resolved, seen))

    def _commit(
        self,
        span: Span,
        revision: int,
        rows: int,
        profiled: Profiled | None,
        looked: Looked | None,
        model: MonitoredModel,
        status: Status | None = None,
        owes: OwedOpinion | None = None,
    ) -> None:
        place = self.place
        memory = {
            progress_key(place.model, place.version, place.rule): encode_progress(self._advance()),
            alerts_key(place): encode_alerts(self.track.alerts),
        }
        if self.past is not None:
            memory[alarmed_key(place)] = encode_spans(self.past.alarmed)
        if self.labels_past is not None:
            memory[alarmed_labels_key(place)] = encode_spans(self.labels_past.alarmed)
        if self.track.late:
            memory[late_key(place)] = encode_alerts({self.track.late.kind: self.track.late})
        judged = Judged(span, revision, rows, profiled, looked, status, owes)
        commit_window(self.context, place, judged, model, self.baseline, memory)


def _labelled_share(profiled: Profiled) -> float:
    return profiled.labelled / max(profiled.tiles.rows, 1)
