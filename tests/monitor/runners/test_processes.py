"""The pool of processes: work runs elsewhere, its answer and its error come back, and it ends when told to."""

import os
from collections.abc import Iterator

import pytest

from monitor.runners.processes import ProcessRunner


@pytest.fixture
def runner() -> Iterator[ProcessRunner]:
    opened = ProcessRunner()
    yield opened
    opened.close()


def test_work_runs_in_another_process(runner: ProcessRunner) -> None:
    """The interpreter of the service is not held by it."""
    assert runner.submit(os.getpid).result(60) != os.getpid()


def test_an_error_of_the_work_comes_back(runner: ProcessRunner) -> None:
    """A failing job raises where its answer is asked for, and the next one runs."""
    with pytest.raises(ValueError, match="invalid literal"):
        runner.submit(int, "x").result(60)
    assert runner.submit(int, "7").result(60) == 7
