"""Seldon Core's V1 wrapper in its own environment, serving the model of `scripts/seldon_models.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.services.environment import interpreter, script
from tests.system.services.process import answers, free_port, running_process


@dataclass(frozen=True)
class Seldon:
    """host:port of each of its doors."""

    http: str
    grpc: str


@contextmanager
def running_seldon(folder: Path) -> Iterator[Seldon]:
    """Serve the model until the block ends."""
    http, grpc, metrics = free_port(), free_port(), free_port()
    command = [str(interpreter("seldon").with_name("seldon-core-microservice")), "seldon_models.Doubling"]
    command += ["--service-type", "MODEL", "--http-port", str(http), "--grpc-port", str(grpc)]
    command += ["--metrics-port", str(metrics)]
    own = {"PYTHONPATH": str(script("seldon_models").parent), "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    ready = f"http://127.0.0.1:{http}/health/ping"
    with running_process(command, folder, lambda log: answers(ready), own):
        yield Seldon(f"127.0.0.1:{http}", f"127.0.0.1:{grpc}")
