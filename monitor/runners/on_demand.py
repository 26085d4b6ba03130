"""Work of the other process that a person waits for: a few at a time, each for a bounded time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from monitor.errors import Unavailable
from monitor.ports import Runner

T = TypeVar("T")

WAITING_MAX = 4
"""People who wait at once: each holds one of the forty threads that answer requests, those of the sidecars too."""
JOB_SECONDS = 120.0
"""A report of the most rows and columns that one takes, on a slow and busy machine."""
WAIT_SECONDS = 240.0
"""With those that were there before: longer than that no browser or proxy waits either."""


class OnDemand:
    """Makes functions that run in the runner's process. They raise Unavailable where it is busy, or takes too long."""

    def __init__(self, runner: Runner, waiting_max: int = WAITING_MAX, job_seconds: float = JOB_SECONDS) -> None:
        self._runner, self._waiting_max, self._job_seconds = runner, waiting_max, job_seconds
        self._free = threading.BoundedSemaphore(waiting_max)

    def of(self, work: Callable[..., T]) -> Callable[..., T]:
        return lambda *arguments: self._run(work, arguments)

    def _run(self, work: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        if not self._free.acquire(blocking=False):
            raise Unavailable("Evidently", f"{self._waiting_max} others wait for it already; ask again in a minute")
        try:
            asked = self._runner.submit(work, *arguments, seconds=self._job_seconds)
            try:
                return asked.result(WAIT_SECONDS)
            except TimeoutError as error:
                asked.cancel()
                cause = str(error) or "its turn did not come"
                raise Unavailable("Evidently", f"{cause}; ask for a shorter span") from error
        finally:
            self._free.release()
