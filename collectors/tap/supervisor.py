"""Keeps the sidecar's child processes running, and ends them in order.

Each child has a *leash*: a pipe whose other end only the supervisor holds. When it closes, because the supervisor says
so or because it died, the child ends by itself; so no orphan ever holds the port. Before it lets go in order, it
writes into the pipe how many seconds the child has. Children ignore SIGTERM, SIGINT and SIGHUP:
a signal to the whole process group is for the supervisor to act on.

A child's standard input carries *words* to it, each with its length before it: the first when it starts, others while it
runs, if its order says that it listens.
"""

import fcntl
import logging
import os
import select
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from collectors.errors import StartFailed

RESTART_SECONDS_MIN = 0.05
RESTART_SECONDS_MAX = 0.5
"""A child that keeps dying is started again after a doubling pause, always so that it is back within a second."""
STEADY_SECONDS = 10.0
"""A child that lived this long has its pause forgotten."""

WORD_BYTES_MAX = 512 * 1024
"""Of settings, some kilobytes; a pipe holds two of the longest, so that telling never waits for a child that listens."""
_LENGTH = struct.Struct("<I")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """How to start a child: its command line for a given leash, the descriptors it inherits, the first word to it."""

    name: str
    command: Callable[[int], Sequence[str]]
    descriptors: Sequence[int]
    word: bytes = b""


def _check_length(word: bytes) -> None:
    if len(word) > WORD_BYTES_MAX:
        raise StartFailed("settings", f"{len(word)} bytes for a child process, expected at most {WORD_BYTES_MAX}")


class Child:
    """One child process, started again when it ends before it should."""

    def __init__(self, order: Order, *, starts: Callable[[bool], None]) -> None:
        """Raises StartFailed for a first word that is too long."""
        _check_length(order.word)
        self._order = order
        self._starts = starts
        self._process: subprocess.Popen[bytes] | None = None
        self._leash = -1
        self._started = 0.0
        self._pause = RESTART_SECONDS_MIN
        self._due = 0.0

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Start the process. Called by the thread that will look after it."""
        ours = theirs = -1
        try:
            theirs, ours = os.pipe()
            self._process = subprocess.Popen(
                list(self._order.command(theirs)),
                pass_fds=[*self._order.descriptors, theirs],
                stdin=subprocess.PIPE,
            )
        except OSError as error:  # out of memory or processes: try again like after an early end
            _LOG.warning("child_not_started", extra={"child": self._order.name, "error": str(error)})
            if ours >= 0:
                os.close(ours)
            self._due = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, RESTART_SECONDS_MAX)
            return
        finally:
            if theirs >= 0:
                os.close(theirs)
        self._leash = ours
        self._started = time.monotonic()
        self._starts(True)
        if self._process.stdin is not None:
            with suppress(OSError):  # the system's limit may be lower: short words, as most are, fit all the same
                fcntl.fcntl(self._process.stdin, fcntl.F_SETPIPE_SZ, 2 * WORD_BYTES_MAX)
            os.set_blocking(self._process.stdin.fileno(), False)
            if not self._say(self._order.word):
                _LOG.warning("word_does_not_fit", extra={"child": self._order.name, "bytes": len(self._order.word)})
                self._process.kill()  # it would wait for the rest for ever

    def tell(self, word: bytes) -> None:
        """Say this to the child, and to each that is started after it. One that has stopped listening is killed.

        Raises StartFailed for a word that is too long, and says nothing then.
        """
        _check_length(word)
        self._order = replace(self._order, word=word)
        if self._process is not None and not self._say(word):
            _LOG.warning("child_deaf", extra={"child": self._order.name})
            self._process.kill()

    def _say(self, word: bytes) -> bool:
        stdin = self._process.stdin if self._process else None
        if stdin is None:
            return False
        try:
            return os.write(stdin.fileno(), _LENGTH.pack(len(word)) + word) == _LENGTH.size + len(word)
        except BrokenPipeError:  # it has ended: its successor will hear it
            return True
        except BlockingIOError:
            return False

    def look_after(self) -> None:
        """Start the process again when it has ended and it is time."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due:
                self.start()
            return
        code = self._process.poll()
        if code is None:
            return
        self._ended()
        if now - self._started > STEADY_SECONDS:
            self._pause = RESTART_SECONDS_MIN
        _LOG.warning("child_ended", extra={"child": self._order.name, "code": code})
        self._due = now + self._pause
        self._pause = min(2 * self._pause, RESTART_SECONDS_MAX)

    def end(self, seconds: float) -> None:
        """Say how long there is, let go of the leash and wait; a child that does not end in time is killed."""
        if self._process is None:
            return
        with suppress(BrokenPipeError):
            os.write(self._leash, f"{seconds:.3f}".encode())
        os.close(self._leash)
        self._leash = -1
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            _LOG.warning("child_killed", extra={"child": self._order.name})
            self._process.kill()
            self._process.wait()
        self._ended()

    def _ended(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process = None
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1
        self._starts(False)


def seconds_to_end(leash: int, otherwise: float) -> float:
    """How long a child has, once its leash is readable; `otherwise` where the supervisor died without saying."""
    told = os.read(leash, 64)
    return float(told) if told else otherwise


def hear(descriptor: int) -> bytes | None:
    """The next word of the supervisor; None when it is gone."""
    head = _read_whole(descriptor, _LENGTH.size)
    return None if head is None else _read_whole(descriptor, _LENGTH.unpack(head)[0])


def _read_whole(descriptor: int, count: int) -> bytes | None:
    whole = bytearray()
    while len(whole) < count:
        part = os.read(descriptor, count - len(whole))
        if not part:
            return None
        whole += part
    return bytes(whole)


def leave_signals_to_the_supervisor() -> None:
    """For a child: a signal to the whole process group is for the supervisor to act on."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)


class Signals:
    """SIGTERM, SIGINT, SIGHUP and SIGCHLD as something to wait for."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self.stop = False
        self.reload = False
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, self._told_to_reload)

    def wait(self, seconds: float) -> None:
        """Until a signal comes or the time is over."""
        select.select([self._reading], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._reading, 4096)

    def _told_to_stop(self, *_: object) -> None:
        self.stop = True

    def _told_to_reload(self, *_: object) -> None:
        self.reload = True
