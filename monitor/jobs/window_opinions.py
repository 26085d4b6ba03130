"""Of the windows of one place: which wait for another library's opinion, what it said, and what is owed afterwards.

Only a window whose alerts a declared range judges by that opinion waits for it, and a bounded time: every other is closed
at once, and owed what there is to say. Other places never wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from monitor.definitions import MonitoredModel
from monitor.definitions.evidently import NEED_LABELS
from monitor.findings import AlertKind, Measurement, Span, Status
from monitor.jobs.opinion_desk import OpinionDesk
from monitor.jobs.second_opinion import Question, judges
from monitor.jobs.track import Place
from monitor.metrics.foreign import unsaid
from monitor.ports import OwedOpinion
from monitor.tiles.tileset import Baseline

WAIT_NS_MAX = 60 * 10**9
"""A window is closed without what would judge it after this long: its own metrics are worth more than that."""


_For = Literal["close", "relabel"]


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a window before it was closed."""

    said: tuple[Measurement, ...] = ()
    of_rows: bool = False
    of_labels: bool = False


@dataclass(slots=True)
class WindowOpinions:
    """Without a desk nothing is asked, and nothing owed."""

    desk: OpinionDesk | None
    place: Place
    clock: Callable[[], int]
    _waiting: dict[_For, tuple[Question, int]] = field(default_factory=dict)
    """What the next window waits for, and since when."""
    _told: dict[Span, Told] = field(default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def may_close(self, span: Span, model: MonitoredModel, baseline: Baseline | None) -> bool:
        rows, labels = judges(model, AlertKind.QUALITY), judges(model, AlertKind.PERFORMANCE)
        return baseline is None or self._heard("close", span, baseline.id, of_rows=rows, of_labels=labels)

    def may_relabel(self, span: Span, model: MonitoredModel, baseline: Baseline | None) -> bool:
        labels = judges(model, AlertKind.PERFORMANCE)
        return baseline is None or self._heard("relabel", span, baseline.id, of_rows=False, of_labels=labels)

    def told(self, span: Span) -> Told:
        """What was said of the window, once."""
        return self._told.pop(span, Told())

    def owed(
        self, span: Span, model: MonitoredModel, told: Told, *, of_rows: bool, of_labels: bool
    ) -> OwedOpinion | None:
        """What has yet to be asked of a window that is looked at now."""
        rows = of_rows and not told.of_rows and any(name not in NEED_LABELS for name in model.evidently)
        labels = of_labels and not told.of_labels and any(name in NEED_LABELS for name in model.evidently)
        if self.desk is None or not (rows or labels):
            return None
        place = self.place
        return OwedOpinion(place.model, place.version, place.rule.name, span, rows, labels, self.clock())

    def of_nothing(self, model: MonitoredModel) -> tuple[Measurement, ...]:
        """What is said of a window without rows: for that nobody need be asked."""
        names = [name for name in model.evidently if name not in NEED_LABELS] if self.desk is not None else []
        return tuple(unsaid(names, Status.NO_DATA, "the window has no rows"))

    def _heard(self, why: _For, span: Span, baseline: str, *, of_rows: bool, of_labels: bool) -> bool:
        """Whether there is nothing to wait for (any more)."""
        if self.desk is None or not (of_rows or of_labels):
            self._waiting.pop(why, None)
            return True
        place, now_ns = self.place, self.clock()
        question = Question(place.model, place.version, place.rule.name, span, baseline, of_rows, of_labels)
        asked, since_ns = self._waiting.get(why, (question, now_ns))
        if asked != question:
            since_ns = now_ns
        self._waiting[why] = question, since_ns
        self.desk.put(question, urgent=True)
        said = self.desk.fetch(question) if self.desk.has_answer(question) else None
        if said is None and self.desk.answers_later and abs(now_ns - since_ns) < WAIT_NS_MAX:
            return False
        del self._waiting[why]
        if said is not None:
            self._told[span] = Told(said, of_rows, of_labels)
        return True
