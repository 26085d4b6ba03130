"""Work that a person waits for: few at a time, and a bounded time."""

import threading
from concurrent.futures import Future
from typing import Any

import pytest

from monitor.errors import Unavailable
from monitor.runners.on_demand import OnDemand

WAIT_SECONDS = 60


class Gate:
    """A runner whose jobs end when they are let to."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []
        self.begun = threading.Semaphore(0)

    def submit(self, work: Any, *arguments: Any, seconds: float) -> Future[Any]:
        self.futures.append(Future())
        self.begun.release()
        return self.futures[-1]

    def close(self) -> None:
        """Nothing is open."""


def test_more_than_may_wait_are_sent_away() -> None:
    """A place is free again when an answer has come, and when it has failed."""
    gate = Gate()
    work = OnDemand(gate, waiting_max=1).of(len)
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(work("rows"))
        except Unavailable as error:
            answers.append(str(error))

    for end in (lambda future: future.set_result(4), lambda future: future.set_exception(TimeoutError("late"))):
        thread = threading.Thread(target=ask)
        thread.start()
        assert gate.begun.acquire(timeout=WAIT_SECONDS)
        with pytest.raises(Unavailable, match="1 others wait"):
            work("rows")
        end(gate.futures[-1])
        thread.join(WAIT_SECONDS)
    assert answers == [4, "Evidently is unavailable: late; ask for a shorter span"]
