"""Processes of the demo: each with its log, started with the command a user would type, stopped by its own handle."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from monitor.errors import Unavailable

START_SECONDS = 120.0
"""Of one step, on a machine that has much else to do: a quiet one takes a few."""
STOP_SECONDS = 12.0
LOG_CHARS_SHOWN = 800


@dataclass(slots=True)
class Stage:
    """The processes that are up. `run` calls a command to its end, `start` keeps one running."""

    folder: Path
    url: str = ""
    """Of the monitor, once it answers."""
    began: float = field(default_factory=time.monotonic)
    _running: list[tuple[str, subprocess.Popen[bytes], Path]] = field(default_factory=list)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:5.1f} s] {text}", flush=True)

    def start(self, name: str, arguments: list[str]) -> None:
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            # Its own session: a Ctrl-C reaches us alone, and we stop the processes in order.
            process = subprocess.Popen(arguments, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        self._running.append((name, process, log))

    def run(self, arguments: list[str]) -> str:
        """One `outrider` command, to its end; raises Unavailable with what it said where it fails."""
        try:
            done = subprocess.run(
                outrider(*arguments), capture_output=True, text=True, timeout=START_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"outrider {arguments[0]}", f"no end within {START_SECONDS:.0f} s") from error
        if done.returncode:
            raise Unavailable(f"outrider {arguments[0]}", done.stderr.strip()[-LOG_CHARS_SHOWN:])
        return done.stdout.strip()

    def wait(self, name: str, url: str) -> None:
        """Until the URL answers. Raises Unavailable where its process ends or the time is over."""
        process, log = next((p, lg) for n, p, lg in self._running if n == name)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if answers(url):
                return
            time.sleep(0.1)
        raise Unavailable(
            name, f"no answer from {url}; its log ends: {log.read_text(errors='replace')[-LOG_CHARS_SHOWN:]}"
        )

    def check(self) -> None:
        """Raises Unavailable where a process has ended by itself."""
        for name, process, log in self._running:
            if process.poll() is not None:
                raise Unavailable(
                    name, f"ended with {process.returncode}: {log.read_text(errors='replace')[-LOG_CHARS_SHOWN:]}"
                )

    def close(self) -> None:
        for _, process, _ in reversed(self._running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        self._running.clear()


def outrider(*arguments: str) -> list[str]:
    """The command line of a subcommand of this very installation."""
    return [sys.executable, "-m", "outrider", *arguments]


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status < 400)
    except (OSError, urllib.error.URLError):
        return False


def free_port(preferred: int) -> int:
    """The preferred loopback port, or another free one below the ephemeral range."""
    for port in (preferred, *(random.randrange(20_000, 32_000) for _ in range(200))):  # noqa: S311  (no secret)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Unavailable("loopback", "no free port from 20000 to 32000")
