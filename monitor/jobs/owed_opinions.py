"""What is owed of closed windows: asked at the desk, in turns of the models, and committed as the window's next revision.

The catalog has what is owed, from the commit that closes a window to the one that brings the answer: a restart asks what
was not answered, and nothing twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from monitor.alerts.opinions import finding_of_opinion
from monitor.definitions import MonitoredModel
from monitor.findings import Measurement, Status
from monitor.jobs.context import Context
from monitor.jobs.opinion_desk import OpinionDesk
from monitor.jobs.second_opinion import Question
from monitor.metrics.foreign import unsaid
from monitor.ports import OwedOpinion, WindowEntry, WindowResult

log = logging.getLogger("outrider.opinions")

OWED_MAX = 10_000
"""Windows that may be owed an answer, of all models: some three hours of asking. Beyond it the oldest of whoever is owed
most are given up, with that as their reason."""
GIVEN_UP_PER_PASS = 20
"""Each is a transaction, and windows wait meanwhile."""
TRIES_MAX = 3
"""A process that died at a window may have died of something else; of three, hardly."""


@dataclass(slots=True)
class OwedOpinions:
    """For the scheduler's thread. Has one question of a model at the desk at a time."""

    context: Context
    desk: OpinionDesk
    _asked: dict[str, tuple[OwedOpinion, Question]] = field(default_factory=dict)
    """By model."""
    _turns: dict[str, int] = field(default_factory=dict)
    """When each model that is owed something was last asked about: a count."""
    _turn: int = 0
    _tries: dict[int, int] = field(default_factory=dict)

    def step(self) -> int:
        """Commit what was answered and ask what is owed; returns how many windows that has moved on: 0 where all is said or waits."""
        done = self._take()
        owed = self.context.catalog.owed_first()
        total = sum(count for _, count in owed)
        self.context.observer.opinions_owed(total)
        names = {first.model for first, _ in owed}
        self._turns = {model: turn for model, turn in self._turns.items() if model in names}
        if total > OWED_MAX:
            done += self._give_up(max(owed, key=lambda one: one[1])[0].model, min(total - OWED_MAX, GIVEN_UP_PER_PASS))
        for first, _ in sorted(owed, key=lambda one: self._turns.get(one[0].model, 0)):
            if self.desk.room and first.model not in self._asked:
                done += self._ask(first)
        # A desk without a thread has answered by now.
        return done + self._take()

    def _ask(self, owed: OwedOpinion) -> int:
        window = self._window(owed)
        if window is None or window.baseline is None:
            self.context.catalog.forget_opinion(owed.id)
            return 1
        question = Question(
            owed.model, owed.version, owed.rule, owed.span, window.baseline, owed.of_rows, owed.of_labels
        )
        if self.desk.put(question, urgent=False):
            self._turn += 1
            self._turns[owed.model] = self._turn
            self._asked[owed.model] = owed, question
        return 0

    def _take(self) -> int:
        done = 0
        for model, (owed, question) in list(self._asked.items()):
            if not self.desk.has_answer(question):
                continue
            del self._asked[model]
            done += 1
            said = self.desk.fetch(question)
            tries = self._tries.pop(owed.id, 0) + 1
            if said is None and tries < TRIES_MAX:
                self._tries[owed.id] = tries
                continue
            self._commit(owed, said, f"Evidently's process died, or did not answer, {tries} times")
        return done

    def _give_up(self, model: str, most: int) -> int:
        reason = f"given up: more than {OWED_MAX:,} windows waited for Evidently"
        log.error(reason, extra={"model": model, "windows": most})
        oldest = self.context.catalog.owed_opinions(model, limit=most)
        for owed in oldest:
            self._commit(owed, None, reason)
        return len(oldest)

    def _commit(self, owed: OwedOpinion, said: tuple[Measurement, ...] | None, otherwise: str) -> None:
        """The window's next revision with what was said, or with why nothing was."""
        context = self.context
        window, entry = self._window(owed), context.catalog.model(owed.model)
        if said is None and entry is not None:
            question = Question(owed.model, owed.version, owed.rule, owed.span, "", owed.of_rows, owed.of_labels)
            said = tuple(unsaid(question.names(entry.in_force()), Status.UNDEFINED, otherwise))
        if window is None or entry is None or not said:
            context.catalog.forget_opinion(owed.id)
            return
        result = self._result(owed, window, entry.in_force(), said)
        context.catalog.commit_window(result, (), context.clock())
        context.observer.opinion_given(any(m.value.value is not None for m in said))

    def _result(
        self, owed: OwedOpinion, window: WindowEntry, model: MonitoredModel, said: tuple[Measurement, ...]
    ) -> WindowResult:
        now_ns, revision = self.context.clock(), window.revision + 1
        findings = tuple(
            finding_of_opinion(
                m,
                model,
                version=owed.version or None,
                window=owed.span,
                revision=revision,
                baseline=window.baseline,
                code=self.context.code,
            )
            for m in said
        )
        status = Status.CRITICAL if any(f.status is Status.CRITICAL for f in findings) else window.status
        return WindowResult(
            window=replace(window, revision=revision, closed_ns=now_ns, status=status),
            tiles=None,
            findings=findings,
            segments=(self.context.store.write_findings(findings, owed.rule, now_ns),),
            alerts=(),
            transitions=(),
            settles=owed.id,
        )

    def _window(self, owed: OwedOpinion) -> WindowEntry | None:
        return self.context.catalog.window(owed.model, owed.version, owed.rule, owed.span)
