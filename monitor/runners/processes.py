"""Runs jobs in a process of their own, one after another: for work that holds the interpreter, such as another library's.

A job that takes too long ends with its process, for nothing else ends it; the next job gets a new one.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from monitor.errors import Unavailable

T = TypeVar("T")

JOBS_PER_PROCESS_MAX = 50
"""The process is replaced after this many jobs: what a library leaks is given back."""
WAITING_MAX = 6
"""Jobs that wait, each with the rows of two sides, some 30 MB at most; whoever comes beyond is told to come again."""
START_SECONDS = 300.0
"""A process may take to start and to load what its jobs stand on: seconds, on a machine that is starved minutes. It counts for no job,
or each would be late, and end the process that was about to be ready."""
STOP_SECONDS = 2.0
"""A killed process is gone at once; a disk that hangs may keep it, and then nobody waits for it."""


@dataclass(slots=True)
class _Job:
    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    seconds: float
    future: Future[Any] = field(default_factory=Future)


class ProcessRunner:
    """A Runner of one spawned process, started at the first job."""

    def __init__(self, waiting_max: int = WAITING_MAX, prepare: Callable[[], None] | None = None) -> None:
        """`prepare` runs in each new process before its first job: a function of a module, as jobs are."""
        self._prepare = prepare or _nothing
        self._jobs: queue.Queue[_Job | None] = queue.Queue(waiting_max)
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, work: Callable[..., T], *arguments: Any, seconds: float) -> Future[T]:
        job = _Job(work, arguments, seconds)
        with self._lock:
            if self._closed:
                raise Unavailable("worker process", "the monitor is ending")
            try:
                self._jobs.put_nowait(job)
            except queue.Full:
                raise Unavailable("worker process", f"{self._jobs.maxsize} jobs wait for it already") from None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="worker-process", daemon=True)
                self._thread.start()
        return job.future

    def close(self) -> None:
        """End what runs, and tell those who wait."""
        with self._lock:
            self._closed = True
            thread, worker = self._thread, self._worker
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                job.future.cancel()
        self._jobs.put_nowait(None)
        if worker is not None:
            worker.kill()
        if thread is not None:
            thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.future.set_running_or_notify_cancel():
                self._do(job)
        if self._worker is not None:
            self._worker.kill()

    def _do(self, job: _Job) -> None:
        worker = self._ready()
        if worker is None:
            job.future.set_exception(Unavailable("worker process", "the monitor is ending"))
            return
        try:
            done, answer = worker.ask(job)
        except TimeoutError as error:
            worker.kill()
            job.future.set_exception(error)
        except (EOFError, OSError) as error:
            worker.kill()
            reason = "the monitor is ending" if self._closed else f"it died ({worker.exit_code})"
            failure = Unavailable("worker process", reason)
            failure.__cause__ = error
            job.future.set_exception(failure)
        except Exception as error:  # noqa: BLE001  arguments that cannot be sent, an answer that cannot be read
            worker.kill()
            job.future.set_exception(error)
        else:
            job.future.set_result(answer) if done else job.future.set_exception(answer)

    def _ready(self) -> _Worker | None:
        """The process for the next job; None where the monitor is ending."""
        with self._lock:
            if self._closed:
                return None
            if self._worker is None or self._worker.is_spent:
                if self._worker is not None:
                    self._worker.kill()
                self._worker = _Worker(self._prepare)
            return self._worker


class _Worker:
    """One process and our end of its pipe."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, prepare), name="outrider-worker", daemon=True)
        self._process.start()
        theirs.close()
        self._done = 0
        self._is_ready = False

    @property
    def is_spent(self) -> bool:
        return self._done >= JOBS_PER_PROCESS_MAX or not self._process.is_alive()

    @property
    def exit_code(self) -> str:
        return f"exit code {self._process.exitcode}"

    def ask(self, job: _Job) -> tuple[bool, Any]:
        """Whether it was done, with its result or its error. Raises TimeoutError, and EOFError or OSError where the process died."""
        self._done += 1
        if not self._is_ready:
            if not self._ours.poll(START_SECONDS):
                raise TimeoutError(f"took longer than {START_SECONDS:g} s to start")
            self._is_ready = bool(self._ours.recv())
        self._ours.send((job.work, job.arguments))
        if not self._ours.poll(job.seconds):
            raise TimeoutError(f"took longer than {job.seconds:g} s")
        answer: tuple[bool, Any] = self._ours.recv()
        return answer

    def kill(self) -> None:
        self._process.kill()
        self._process.join(STOP_SECONDS)
        self._ours.close()


def _nothing() -> None:
    """There is nothing to prepare."""


def _serve(ours: Connection, prepare: Callable[[], None]) -> None:
    """The process: jobs in, answers out, until nobody is at the other end."""
    # Whoever presses Ctrl-C means the monitor, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
    ours.send(True)
    while True:
        try:
            work, arguments = ours.recv()
        except (EOFError, OSError):
            return
        try:
            answer = True, work(*arguments)
        except Exception as error:  # noqa: BLE001  told to whoever asked
            answer = False, error
        try:
            ours.send(answer)
        except OSError:
            return
        except Exception as error:  # noqa: BLE001  an answer that cannot be sent is told as one
            ours.send((False, RuntimeError(f"{type(error).__name__}: {error}")))
