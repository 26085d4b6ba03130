"""KServe's own Python server in its own environment, serving the model of `scripts/kserve_models.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.services.echo import MODEL
from tests.system.services.environment import interpreter, script
from tests.system.services.process import answers, free_port, running_process


@dataclass(frozen=True)
class KServe:
    """host:port of each of its doors."""

    http: str
    grpc: str


@contextmanager
def running_kserve(folder: Path) -> Iterator[KServe]:
    """Serve model `echo` until the block ends."""
    http, grpc = free_port(), free_port()
    command = [str(interpreter("kserve")), str(script("kserve_models")), "--http_port", str(http)]
    command += ["--grpc_port", str(grpc), "--event-loop", "asyncio"]
    ready = f"http://127.0.0.1:{http}/v2/models/{MODEL}/ready"
    with running_process(command, folder, lambda log: answers(ready)):
        yield KServe(f"127.0.0.1:{http}", f"127.0.0.1:{grpc}")
