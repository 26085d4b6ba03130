"""What every case of chaos has: a model server, a monitor, a sidecar between, each a process of its own."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.system.services.process import free_port, running_process

ROOT = Path(__file__).parents[3]


@contextmanager
def running_model(folder: Path) -> Iterator[str]:
    """The model server; its address as host:port."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "tests.system.chaos.model", str(port)]
    with running_process(command, folder, lambda log: listens(port), {"PYTHONPATH": str(ROOT)}):
        yield f"127.0.0.1:{port}"


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
