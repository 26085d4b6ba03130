"""Where questions to another library wait their turn: one thread asks them, one after another, and nobody waits for it.

A bounded queue each for those whose closing waits for the answer (a declared range judges it) and for those that are owed
(the catalog has them); they are asked in turns. Who finds its queue full comes again: the question is lost to nobody, for
the window that it is about is open still, or says in the catalog that it is owed. Without its thread the desk answers at
once, which is what a replay wants.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from monitor.findings import Measurement
from monitor.jobs.second_opinion import Question

QUESTIONS_MAX = 64
"""Questions of one queue: a minute of Evidently's work or so, and the least that a turn of as many models needs."""
ANSWERS_MAX = 4 * QUESTIONS_MAX
"""Answers that wait to be fetched. More than there are questions only where windows went away meanwhile: the oldest go."""

Said = tuple[Measurement, ...] | None
"""None: no answer now, and asking again may bring one."""


class OpinionDesk:
    """Asked from one thread, the scheduler's; asks on another."""

    def __init__(self, answer: Callable[[Question], Said]) -> None:
        self._answer = answer
        self._changed = threading.Condition()
        self._urgent: deque[Question] = deque()
        self._owed: deque[Question] = deque()
        self._asking: Question | None = None
        self._answers: OrderedDict[Question, Said] = OrderedDict()
        self._is_urgent_next = True
        self._ending = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="opinions", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ask nothing more. What is being asked is not waited for, and nobody hears of it."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_s)

    @property
    def answers_later(self) -> bool:
        """Without its thread an answer that is not there comes by no waiting."""
        return self._thread is not None

    @property
    def room(self) -> int:
        """Questions that are owed which it takes now."""
        with self._changed:
            return 0 if self._ending else QUESTIONS_MAX - len(self._owed)

    def put(self, question: Question, *, urgent: bool) -> bool:
        """False where its queue is full, or nothing is asked any more. One that waits already, or is answered, is not asked twice."""
        with self._changed:
            known = question in self._answers or question == self._asking
            if known or question in self._urgent or question in self._owed:
                return True
            waiting = self._urgent if urgent else self._owed
            if self._ending or len(waiting) >= QUESTIONS_MAX:
                return False
            waiting.append(question)
            self._changed.notify_all()
        if self._thread is None:
            self._ask_next()
        return True

    def has_answer(self, question: Question) -> bool:
        with self._changed:
            return question in self._answers

    def fetch(self, question: Question) -> Said:
        """Its answer, which is there, once."""
        with self._changed:
            return self._answers.pop(question)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ending or self._urgent or self._owed)
                if self._ending:
                    return
            self._ask_next()

    def _ask_next(self) -> None:
        with self._changed:
            queue = (self._urgent or self._owed) if self._is_urgent_next else (self._owed or self._urgent)
            self._is_urgent_next = queue is self._owed
            question = self._asking = queue.popleft()
        said = self._answer(question)
        with self._changed:
            self._asking = None
            if self._ending:
                return
            self._answers[question] = said
            while len(self._answers) > ANSWERS_MAX:
                self._answers.popitem(last=False)
