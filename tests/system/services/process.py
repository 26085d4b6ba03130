"""A server as a child process of a test: started, waited for until it answers, stopped by its own handle."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS_MAX = 180.0
"""Servers here are ready within 10 s; on a busy machine those that import much take a minute."""
STOP_SECONDS_MAX = 20.0
PORT_MIN, PORT_MAX = 20_000, 32_000
"""Below the ephemeral range: a connect loop there could meet itself and look open."""
POLL_SECONDS = 0.05


@contextmanager
def running_process(
    command: Sequence[str],
    folder: Path,
    ready: Callable[[Path], bool],
    environ: Mapping[str, str] | None = None,
    stdin: int | None = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in `folder` until the block ends. `ready` is given the log file and says when it may begin."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=os.environ | (environ or {}),
            start_new_session=True,
        )
    try:
        _wait(process, lambda: ready(log), log)
        yield process
    finally:
        _stop(process)


def answers(url: str) -> bool:
    """Whether a GET is answered with success now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(200 <= response.status < 300)
    except (OSError, urllib.error.URLError):
        return False


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `true` answers yes; fail naming `what` when `seconds` are over."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)


def free_port() -> int:
    for _ in range(200):
        port = PORT_MIN + secrets.randbelow(PORT_MAX - PORT_MIN)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port from {PORT_MIN} to {PORT_MAX}")


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start: {log.read_text(errors='replace')[-4_000:]}")
        time.sleep(POLL_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
