"""The desk: questions wait in bounded queues, and nobody waits at it."""

import threading

import pytest

from monitor.findings import Span
from monitor.jobs import opinion_desk
from monitor.jobs.opinion_desk import OpinionDesk
from monitor.jobs.second_opinion import Question

WAIT_SECONDS = 60


def question(n: int) -> Question:
    return Question("income", "1", "1m", Span(n, n + 1), "b", of_rows=True, of_labels=False)


class Gate:
    """Answers a question when it is let to."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.begun, self.open = threading.Semaphore(0), threading.Semaphore(0)

    def answer(self, asked: Question) -> tuple[()]:
        self.asked.append(asked)
        self.begun.release()
        assert self.open.acquire(timeout=WAIT_SECONDS)
        return ()


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    for _ in range(100):
        gate.open.release()


def test_without_a_thread_the_answer_is_there_at_once() -> None:
    """What a replay wants; it is fetched once."""
    desk = OpinionDesk(lambda _: ())
    assert desk.put(question(1), urgent=False) and desk.has_answer(question(1))
    assert desk.fetch(question(1)) == () and not desk.has_answer(question(1))


def test_who_puts_a_question_does_not_wait(gate: Gate) -> None:
    """Nor is one asked twice that waits, is being asked, or is answered."""
    desk = OpinionDesk(gate.answer)
    desk.start()
    desk.put(question(1), urgent=False)
    assert gate.begun.acquire(timeout=WAIT_SECONDS)
    for _ in range(3):
        assert desk.put(question(1), urgent=False) and desk.put(question(2), urgent=False)
    assert not desk.has_answer(question(1))
    gate.open.release()
    assert gate.begun.acquire(timeout=WAIT_SECONDS)
    assert desk.has_answer(question(1)) and desk.put(question(1), urgent=True)
    assert gate.asked == [question(1), question(2)]
    desk.end()


def test_a_full_queue_sends_away_and_loses_nothing(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was sent away comes again; the two queues are asked in turns."""
    monkeypatch.setattr(opinion_desk, "QUESTIONS_MAX", 2)
    desk = OpinionDesk(gate.answer)
    desk.start()
    desk.put(question(0), urgent=False)
    assert gate.begun.acquire(timeout=WAIT_SECONDS)
    assert [desk.put(question(n), urgent=False) for n in (1, 2, 3)] == [True, True, False] and desk.room == 0
    assert [desk.put(question(n), urgent=True) for n in (11, 12, 13)] == [True, True, False]
    for _ in range(4):
        gate.open.release()
        assert gate.begun.acquire(timeout=WAIT_SECONDS)
    assert gate.asked == [question(n) for n in (0, 11, 1, 12, 2)]
    assert desk.put(question(3), urgent=False)
    desk.end()


def test_its_end_waits_for_nothing(gate: Gate) -> None:
    """What is being asked is heard of by nobody; nothing is taken any more."""
    desk = OpinionDesk(gate.answer)
    desk.start()
    desk.put(question(1), urgent=False)
    assert gate.begun.acquire(timeout=WAIT_SECONDS)
    desk.end()
    assert not desk.put(question(2), urgent=False) and desk.room == 0
    gate.open.release()
    desk.join(WAIT_SECONDS)
    assert not desk.has_answer(question(1))


def test_answers_that_nobody_fetches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go."""
    monkeypatch.setattr(opinion_desk, "ANSWERS_MAX", 2)
    desk = OpinionDesk(lambda _: ())
    for n in range(3):
        desk.put(question(n), urgent=False)
    assert [desk.has_answer(question(n)) for n in range(3)] == [False, True, True]
