"""The other process: work runs elsewhere, its answer and its error come back, and nobody is held by what hangs or dies."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from monitor.errors import Fault, InvalidInput, Unavailable
from monitor.runners.processes import ProcessRunner

SECONDS = 120.0


@pytest.fixture
def runner() -> Iterator[ProcessRunner]:
    opened = ProcessRunner()
    yield opened
    opened.close()


def refuse(field: str) -> None:
    raise InvalidInput(Fault(field, "nothing", "rows"))


def test_work_runs_in_another_process(runner: ProcessRunner) -> None:
    """The interpreter of the service is not held by it; one process does job after job."""
    first = runner.submit(os.getpid, seconds=SECONDS).result(SECONDS)
    assert first != os.getpid() and runner.submit(os.getpid, seconds=SECONDS).result(SECONDS) == first


def test_an_error_of_the_work_comes_back(runner: ProcessRunner) -> None:
    """A failing job raises where its answer is asked for, with what it carries, and the next one runs."""
    with pytest.raises(ValueError, match="invalid literal"):
        runner.submit(int, "x", seconds=SECONDS).result(SECONDS)
    with pytest.raises(InvalidInput, match="columns: found nothing, expected rows") as refused:
        runner.submit(refuse, "columns", seconds=SECONDS).result(SECONDS)
    assert refused.value.faults == (Fault("columns", "nothing", "rows"),)
    assert runner.submit(int, "7", seconds=SECONDS).result(SECONDS) == 7


def test_what_cannot_be_sent_is_told(runner: ProcessRunner) -> None:
    """Work that is no one's to pickle, and an answer that is not."""
    with pytest.raises(Exception, match=r"pickle|lambda"):
        runner.submit(lambda: 1, seconds=SECONDS).result(SECONDS)
    with pytest.raises(RuntimeError, match="pickle"):
        runner.submit(eval, "(x for x in ())", seconds=SECONDS).result(SECONDS)
    assert runner.submit(int, "7", seconds=SECONDS).result(SECONDS) == 7


def test_what_hangs_ends_with_its_process(runner: ProcessRunner) -> None:
    """The job is told to have been late, and the next one has a process of its own."""
    first = runner.submit(os.getpid, seconds=SECONDS).result(SECONDS)
    late = runner.submit(time.sleep, 3600, seconds=0.1)
    following = runner.submit(os.getpid, seconds=SECONDS)
    with pytest.raises(TimeoutError, match=r"took longer than 0\.1 s"):
        late.result(SECONDS)
    assert following.result(SECONDS) != first


def slow_start() -> None:
    time.sleep(1)


def test_its_start_counts_for_no_job() -> None:
    """What jobs stand on is loaded before the first, whose limit begins after that."""
    runner = ProcessRunner(prepare=slow_start)
    assert runner.submit(int, "7", seconds=0.9).result(SECONDS) == 7
    runner.close()


def test_a_process_that_dies_is_told_and_replaced(runner: ProcessRunner) -> None:
    """As the kernel ends one that takes too much memory."""
    with pytest.raises(Unavailable, match="it died"):
        runner.submit(os._exit, 9, seconds=SECONDS).result(SECONDS)
    assert runner.submit(int, "7", seconds=SECONDS).result(SECONDS) == 7


def test_more_than_it_may_hold_are_sent_away() -> None:
    """And its end waits for nothing: what runs is ended, what waits is told."""
    runner = ProcessRunner(waiting_max=1)
    running = runner.submit(time.sleep, 3600, seconds=SECONDS)
    while not running.running():
        time.sleep(0.01)
    waiting = runner.submit(int, "7", seconds=SECONDS)
    with pytest.raises(Unavailable, match="1 jobs wait"):
        runner.submit(int, "8", seconds=SECONDS)
    runner.close()
    with pytest.raises(CancelledError):
        waiting.result(SECONDS)
    with pytest.raises(Unavailable, match="ending"):
        running.result(SECONDS)
    with pytest.raises(Unavailable, match="ending"):
        runner.submit(int, "9", seconds=SECONDS)
