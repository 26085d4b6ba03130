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

from monitor.alerts.calibration import learn
from monitor.alerts.judging import LABEL_KINDS
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Finding, Span, Status
from monitor.jobs.context import Context
from monitor.jobs.due_windows import DueWindows, Rest, meets
from monitor.jobs.find_cause import with_causes
from monitor.jobs.label_delays import awaited, learned_delays
from monitor.jobs.look import INPUT_KINDS, LEARNING_WINDOWS, Looked, Moved, Subject, Track, plan_for, take_look
from monitor.jobs.moving_baseline import Past, encode_spans
from monitor.jobs.profile_window import Profiled, profile_window, with_label_column
from monitor.jobs.set_baseline import resolve_kinds, with_schema
from monitor.jobs.shared_alerts import encode_alerts, shown
from monitor.jobs.stored_past import alarmed_key, stored_past, windows_of_other
from monitor.jobs.stored_records import stored_records
from monitor.jobs.track import (
    Place,
    Progress,
    alerts_key,
    encode_progress,
    late_key,
    load_progress,
    load_track,
    other_alerts,
    progress_key,
    shown_alerts,
)
from monitor.ports import Segment, WindowEntry, WindowResult
from monitor.tiles.baseline import build_baseline as plain_baseline
from monitor.tiles.encoding import encode_tileset
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline, DesignEffects, TileSet
from monitor.windows.spans import depends_on_rows, spans_between

T = TypeVar("T")

WINDOWS_PER_PASS = 500
"""Windows closed before other models get their turn."""
LABELS_QUIET_NS_MAX = 60 * 10**9
"""Where few of a window's rows have labels, more are waited for this long after the last that came (at most)."""
LABELS_COVERAGE = 0.8
"""Share of a window's rows with labels at which they are looked at without waiting for more."""
PENDING_WINDOWS_MAX = 10_000
"""Windows with labels to be looked at; beyond it the oldest are looked at with what they have."""


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
    pending: dict[Span, int] = field(default_factory=dict)
    """Closed windows whose labels are to be looked at → when the newest of them came."""
    past: Past | None = None
    """The windows behind, where the baseline moves; None until they are needed."""
    due: DueWindows = field(init=False)
    noted: int = 0
    """Newest label segment whose windows are pending or were looked at; the progress has it once none is pending."""

    def __post_init__(self) -> None:
        self.due = DueWindows(self.place.rule, self.context.store, self.patient)

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
        return None if self.progress is None or self.pending else self.due.rest(now_ns)

    def _pass(self, model: MonitoredModel, baseline: Baseline | None) -> int:
        now_ns = self.context.clock()
        progress = self._open(baseline)
        self._note_labels(model)
        newest = max((s.id for s in self._segments("predictions", after_id=progress.prediction_segment)), default=0)
        closed_ns = self._closed_until()
        late = self._late_segments(progress, closed_ns)
        revised = self._late_windows(late, closed_ns)
        missed = self._missed_spans(late, revised, closed_ns)
        changed = 0
        segments = self._segments("predictions", closed_ns)
        for span in self.due.spans(segments, closed_ns, progress.empty_windows, now_ns, WINDOWS_PER_PASS):
            self._timed(partial(self._close, span, model))
            changed += 1
        changed += sum(self._timed(partial(self._revise, window, model)) for window in revised)
        changed += sum(self._timed(partial(self._close_late, span, model)) for span in missed)
        self._advance(prediction_segment=max(newest, progress.prediction_segment))
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
            self.noted = self.progress.label_segment
            self.pending = self._labels_left(self.progress)
            self.past = None
        return self.progress

    def _labels_left(self, progress: Progress) -> dict[Span, int]:
        """Windows after the last whose labels were looked at that have labels all the same: they were waited for."""
        after_ns = progress.labels_until_ns + 1
        labels = [s for s in self._segments("labels", after_ns) if s.end_ns > 0]
        spans = [w.span for w in self._windows(start_ns=after_ns) if w.n_window] if labels else []
        came = {span: [s.created_ns for s in labels if meets(s, span)] for span in spans}
        return {span: max(times) for span, times in came.items() if times}

    def _advance(self, **changes: int) -> Progress:
        assert self.progress is not None  # noqa: S101  (opened by run)
        self.progress = msgspec.structs.replace(self.progress, **changes)
        return self.progress

    def _segments(
        self, kind: str, start_ns: int | None = None, end_ns: int | None = None, *, after_id: int = 0
    ) -> list[Segment]:
        if kind == "labels":
            return self.context.catalog.segments("labels", self.place.model, None, start_ns, end_ns, after_id=after_id)
        return self.context.catalog.segments(
            "predictions", self.place.model, self.place.version, start_ns, end_ns, after_id=after_id
        )

    def _windows(self, **filters: int | bool) -> list[WindowEntry]:
        place = self.place
        return self.context.catalog.windows(place.model, version=place.version, rule=place.rule.name, **filters)  # type: ignore[arg-type]  # keyword subset

    def _closed_until(self) -> int | None:
        last = self._windows(limit=1, newest_first=True)
        return last[0].span.end_ns if last else None

    # Which windows were closed too early

    def _late_segments(self, progress: Progress, closed_ns: int | None) -> list[Segment]:
        """Segments that came since the last pass and reach back behind what is closed."""
        if closed_ns is None:
            return []
        return self._segments("predictions", None, closed_ns, after_id=progress.prediction_segment)

    def _late_windows(self, late: Sequence[Segment], closed_ns: int | None) -> list[WindowEntry]:
        """Closed windows into which late segments reach."""
        if not late:
            return []
        windows = self._windows(start_ns=self._earliest(min(s.start_ns for s in late)), end_ns=closed_ns or 0)
        return [w for w in windows if any(meets(s, w.span) for s in late)]

    def _missed_spans(
        self, late: Sequence[Segment], windows: Sequence[WindowEntry], closed_ns: int | None
    ) -> list[Span]:
        """Spans behind what is closed that have no window, and now have rows: nobody told of them while they were silent."""
        if not late or closed_ns is None or depends_on_rows(self.place.rule):
            return []
        known = {w.span for w in windows}
        spans = {
            span: None
            for segment in late
            for span in spans_between(self.place.rule, segment.start_ns, min(segment.end_ns, closed_ns - 1))
            if (span.end_ns or 0) <= closed_ns
        }
        return sorted((s for s in spans if s not in known), key=_start_of)[:WINDOWS_PER_PASS]

    def _earliest(self, ns: int) -> int:
        """Start of the earliest closed window that may hold this instant: a pass must not read all there ever were."""
        before = self._windows(end_ns=ns + 1, limit=1, newest_first=True)
        start_ns = before[0].span.start_ns if before else None
        return min(ns if start_ns is None else start_ns, ns - (self.place.rule.sliding_ns or 0))

    # Closing and revising

    def _close(self, span: Span, model: MonitoredModel) -> None:
        profiled = self._profile(span, model)
        rows = 0 if profiled is None else profiled.tiles.rows
        progress = self._advance(empty_windows=0 if rows else (self.progress.empty_windows + 1 if self.progress else 1))
        if profiled is None or self.baseline is None:
            self._commit(span, 0, rows, None, None, model)
            return
        if rows and not progress.first_row_ns:
            self._advance(first_row_ns=profiled.start_ns or 0)
        ready = rows > 0 and profiled.labelled >= LABELS_COVERAGE * rows
        kinds = frozenset(AlertKind) if ready else INPUT_KINDS
        then = _AsOf(progress.input_looks + 1, self.baseline, self.track.learned)
        looked = self._look(span, profiled, model, then, kinds)
        self._commit(span, 0, rows, profiled, looked, model)
        if profiled.labelled and not ready:
            self._wait_for_labels(span)

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
        plan = plan_for(model, then.baseline, self.place.rule, self._arrivals(span, then.looks))
        subject = Subject(model, self.place.version, then.baseline)
        before = replace(self.track, learned=then.learned)
        compared = self._compared(span, model, then.baseline)
        after, looked = take_look(
            before,
            subject,
            span,
            profiled.tiles,
            plan=plan,
            revision=revision,
            kinds=kinds,
            still=still,
            compared=compared,
        )
        if self.past is not None and profiled.tiles.rows and kinds & INPUT_KINDS and not revision:
            self.past.note(span, looked.findings)
        self.context.observer.budget_spent(self.place.model if self.declared else None, plan.spent(kinds - still))
        records = stored_records(self.context, self.place, then.baseline, span, profiled.tiles)
        after, looked = with_causes(after, looked, subject, records)
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

    def _compared(self, span: Span, model: MonitoredModel, baseline: Baseline) -> Callable[[int], Moved] | None:
        """What merges up to this window are compared with where the baseline moves."""
        rule = model.baseline
        if rule.fixed or rule.version == self.place.version:
            self.past = None
            return None
        if self.past is None or self.past.rule != rule:
            self.past = stored_past(self.context.catalog, self.place, rule, baseline, span)
        return self.past.moved(span, baseline, windows_of_other(self.context.catalog, self.place, rule, baseline, span))

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
        plan = plan_for(model, then.baseline, self.place.rule, self._arrivals(span, then.looks))
        subject = Subject(model, self.place.version, then.baseline)
        alone = Track(learned=then.learned)
        compared = self._compared(span, model, then.baseline)
        _, looked = take_look(
            alone,
            subject,
            span,
            profiled.tiles,
            plan=plan,
            revision=revision,
            kinds=kinds,
            still=kinds,
            compared=compared,
        )
        return Looked(looked.findings, (), ())

    def _revise(self, window: WindowEntry, model: MonitoredModel) -> bool:
        """Late rows: measure again, move no alert."""
        profiled = self._profile(window.span, model)
        if profiled is None or profiled.tiles.rows == window.n_window:
            return False
        then = self._as_of(window.span, self._history())
        looked = (
            self._measure_again(window.span, window.revision + 1, profiled, model, then) if then is not None else None
        )
        self._commit(window.span, window.revision + 1, profiled.tiles.rows, profiled, looked, model)
        self.past = None  # it may hold the tiles of before
        return True

    def _close_late(self, span: Span, model: MonitoredModel) -> bool:
        """A window nobody knew of when its time was over: measured like any other; it moves no alert, for it is old news."""
        profiled = self._profile(span, model)
        if profiled is None or not profiled.tiles.rows:
            return False
        then = self._as_of(span, self._history())
        looked = self._measure_again(span, 0, profiled, model, then) if then is not None else None
        self._commit(span, 0, profiled.tiles.rows, profiled, looked, model)
        self.past = None  # it lacks this window
        return True

    def _history(self) -> list[WindowEntry]:
        """The windows that `_as_of` counts; none where their number changes nothing, for there may be very many."""
        counts = self.place.rule.rows is not None or (
            self.baseline is not None and self.baseline.design_effects is None
        )
        return self._windows() if counts else []

    def _as_of(self, span: Span, windows: Sequence[WindowEntry]) -> _AsOf | None:
        """A closed window is judged later as it was the first time, whatever the windows after it taught."""
        baseline = self.baseline
        if baseline is None:
            return None
        before = [w for w in windows if w.n_window and _start_of(w.span) <= _start_of(span)]
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

    def _wait_for_labels(self, span: Span) -> None:
        self.pending[span] = self.context.clock()
        while len(self.pending) > PENDING_WINDOWS_MAX:
            self.pending.pop(min(self.pending, key=_start_of))

    def _note_labels(self, model: MonitoredModel) -> None:
        """Closed windows that new labels belong to become pending."""
        if model.label is None or self.baseline is None:
            return
        new = [s for s in self._segments("labels", after_id=self.noted) if s.end_ns > 0]
        if not new:
            return
        start_ns, end_ns = min(s.start_ns for s in new), max(s.end_ns for s in new)
        for window in self._windows(start_ns=self._earliest(start_ns), end_ns=end_ns + 1):
            span = window.span
            if window.n_window and (span.end_ns or 0) > start_ns and any(meets(s, span) for s in new):
                self.pending[span] = max(s.created_ns for s in new)
        self.noted = max(s.id for s in new)
        self._labels_done()

    def _labels_done(self) -> None:
        """Where nothing is pending, a restart need not look at the labels noted so far."""
        if not self.pending:
            self._advance(label_segment=self.noted)

    def _look_at_labels(self, model: MonitoredModel, now_ns: int) -> int:
        """Oldest first; a window whose labels are few and still coming makes the later ones wait."""
        changed = 0
        windows = self._history() if self.pending else []
        quiet_ns = min(LABELS_QUIET_NS_MAX, max(self.place.rule.lateness_ns, 1))
        for span in sorted(self.pending, key=_start_of):
            window = self.context.catalog.window(self.place.model, self.place.version, self.place.rule.name, span)
            if window is None:
                del self.pending[span]
                continue
            came = len(
                self.context.store.read_labels(
                    self._segments("labels", span.start_ns, span.end_ns), span.start_ns, span.end_ns
                )
            )
            if came < LABELS_COVERAGE * window.n_window and now_ns - self.pending[span] < quiet_ns:
                break
            del self.pending[span]
            self._labels_done()
            changed += self._timed(partial(self._relabel, window, model, windows))
        return changed

    def _relabel(self, window: WindowEntry, model: MonitoredModel, windows: Sequence[WindowEntry]) -> bool:
        profiled = self._profile(window.span, model)
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
        self._commit(window.span, revision, profiled.tiles.rows, profiled, looked, model, status=window.status)
        return True

    # Reading and writing

    def _profile(self, span: Span, model: MonitoredModel) -> Profiled | None:
        store = self.context.store
        rows = store.read_rows(self._segments("predictions", span.start_ns, span.end_ns), span.start_ns, span.end_ns)
        if self.baseline is None:
            self._propose(rows, model)
            return Profiled(TileSet(len(rows)), (), (), 0, None, None)
        labels = store.read_labels(self._segments("labels", span.start_ns, span.end_ns), span.start_ns, span.end_ns)
        explainer = self.context.explainer_of(model) if self.context.explainer_of is not None else None
        profiled = profile_window(rows, labels, self.baseline, model, explainer)
        return replace(profiled, tiles=self._with_awaited(profiled.tiles, span, model))

    def _with_awaited(self, tiles: TileSet, span: Span, model: MonitoredModel) -> TileSet:
        """Where a declaration says when labels are complete, younger windows are told how many are to come."""
        after_ns = model.estimation.labels_complete_after_ns
        if after_ns is None or tiles.delays is None:
            return tiles
        now_ns = self.context.clock()
        age_ns = now_ns - ((span.start_ns or 0) + (span.end_ns or 0)) / 2
        if age_ns >= after_ns:
            return tiles
        return awaited(tiles, learned_delays(self.context.catalog, self.place, now_ns - after_ns), age_ns, after_ns)

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
    ) -> None:
        context, place = self.context, self.place
        now_ns = context.clock()
        ledger = context.catalog.ledger(place.model, place.version, span.start_ns or 0, span.end_ns or 0)
        entry = WindowEntry(
            model=place.model,
            version=place.version,
            rule=place.rule.name,
            span=span,
            revision=revision,
            status=_status(looked, rows, status),
            n_window=rows,
            closed_ns=now_ns,
            labelled=profiled.labelled if profiled else 0,
            seen=ledger.seen,
            captured=ledger.captured,
            sampled_out=ledger.sampled_out,
            dropped=sum(ledger.dropped.values()),
            undecodable=sum(ledger.undecodable.values()),
            baseline=self.baseline.id if self.baseline else None,
            reason=_caveat(self.baseline, span),
        )
        known, others = shown_alerts(context.catalog, place), other_alerts(context.catalog, place, model)
        told = shown(looked, known, others) if looked else None
        result = WindowResult(
            window=entry,
            tiles=encode_tileset(profiled.tiles) if profiled else b"",
            findings=looked.findings if looked else (),
            segments=self._write(
                span, looked.findings if looked else (), self._with_records(profiled, model, status), now_ns
            ),
            alerts=told.alerts if told else (),
            transitions=told.transitions if told else (),
            memory={
                progress_key(place.model, place.version, place.rule): encode_progress(self._advance()),
                alerts_key(place): encode_alerts(self.track.alerts),
                **({alarmed_key(place): encode_spans(self.past.alarmed)} if self.past is not None else {}),
                **(
                    {late_key(place): encode_alerts({self.track.late.kind: self.track.late})} if self.track.late else {}
                ),
            },
        )
        context.catalog.commit_window(result, model.receivers, now_ns)

    def _with_records(self, profiled: Profiled | None, model: MonitoredModel, status: Status | None) -> Profiled | None:
        """Rows are recorded once: by the first rule, when its window closes or gets late rows, not when labels come."""
        return profiled if status is None and self.place.rule == model.windows[0] else None

    def _write(
        self, span: Span, findings: Sequence[Finding], profiled: Profiled | None, now_ns: int
    ) -> tuple[Segment, ...]:
        store, place = self.context.store, self.place
        segments = []
        if findings:
            segments.append(store.write_findings(findings, place.rule.name, now_ns))
        if profiled is not None and profiled.anomalies:
            segments.append(
                store.write_records("anomalies", place.model, place.version, span, profiled.anomalies, now_ns)
            )
        if profiled is not None and profiled.explanations:
            segments.append(
                store.write_records("explanations", place.model, place.version, span, profiled.explanations, now_ns)
            )
        return tuple(segments)


def _status(looked: Looked | None, rows: int, kept: Status | None) -> Status:
    """Of a relabelled window: the worse of what its inputs said and what its labels say."""
    if looked is None or rows == 0:
        return Status.NO_DATA
    order = (Status.CRITICAL, Status.ERROR, Status.WARNING, Status.OK)
    found = {looked.status, kept}
    return next((s for s in order if s in found), looked.status)


def _caveat(baseline: Baseline | None, span: Span) -> str | None:
    """What a reader of the whole window must know."""
    if baseline is None:
        return "no baseline: set one with `outrider baseline`"
    start_ns, end_ns = baseline.start_ns, baseline.end_ns
    if start_ns is None or end_ns is None or start_ns >= (span.end_ns or 0) or end_ns < (span.start_ns or 0):
        return None
    return (
        "the baseline's rows are of this time too: the window is partly compared with itself, and drift shows too small"
    )


def _start_of(span: Span) -> int:
    return span.start_ns or 0
