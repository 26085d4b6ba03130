"""Runs jobs in a pool of processes: for work that holds the interpreter, such as a report of another library."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

JOBS_PER_PROCESS_MAX = 50
"""A worker is replaced after this many jobs: what a library leaks is given back."""


class ProcessRunner:
    """A bounded pool of spawned processes, started at the first job."""

    def __init__(self, processes: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes, mp_context=context, max_tasks_per_child=JOBS_PER_PROCESS_MAX)

    def submit(self, work: Callable[..., T], *args: Any) -> Future[T]:
        return self._pool.submit(work, *args)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
