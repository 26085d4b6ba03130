"""A real PostgreSQL as a child process: loopback only, its data in a folder that goes with it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.system.services.process import free_port

USER = "postgres"
"""PostgreSQL refuses to run as root; started by root it runs as the user that Debian's package makes."""
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 20.0


@dataclass(frozen=True)
class PostgreSql:
    """A running server. Each test takes a database of its own."""

    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://app@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """URL of a fresh, empty database."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


def binaries() -> Path | None:
    """The newest installed server's programs; None where none is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running_postgresql() -> Iterator[PostgreSql]:
    """Start a server in a folder of its own, yield once it answers, stop it by its own process handle, remove the folder."""
    programs = binaries()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    # Not in pytest's folder: that one is closed to other users, again and again by every session that starts.
    folder = Path(tempfile.mkdtemp(prefix="outrider-postgresql-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    try:
        initdb = [*as_user, str(programs / "initdb"), "-D", str(folder / "data"), "-U", "app", "--auth=trust"]
        made = subprocess.run(
            [*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], capture_output=True, cwd=folder, check=False
        )
        if made.returncode:
            raise RuntimeError(f"initdb: {made.stderr.decode(errors='replace')}")
        with _serving([*as_user, str(programs / "postgres")], folder) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def _serving(command: list[str], folder: Path) -> Iterator[PostgreSql]:
    reached = PostgreSql(free_port())
    options = ["-c", "listen_addresses=127.0.0.1", "-p", str(reached.port), "-k", str(folder), "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        # With setpriv the child's process id is the server's own.
        server = subprocess.Popen(
            [*command, "-D", str(folder / "data"), *options],
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    try:
        _wait(server, reached, folder / "log")
        yield reached
    finally:
        server.send_signal(signal.SIGINT)  # "fast shutdown": open sessions end
        try:
            server.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], reached: PostgreSql, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            psycopg.connect(reached.url(), connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}") from error
            time.sleep(0.05)
