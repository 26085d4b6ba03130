"""A real MLServer in its own environment, serving the runtime of `scripts/mlserver_models.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.services.echo import MODEL
from tests.system.services.environment import interpreter, script
from tests.system.services.process import answers, free_port, running_process

VERSION = "v1"


@dataclass(frozen=True)
class MlServer:
    """host:port of each of its doors."""

    http: str
    grpc: str
    metrics: str


@contextmanager
def running_mlserver(folder: Path) -> Iterator[MlServer]:
    """Serve model `echo` until the block ends."""
    http, grpc, metrics = free_port(), free_port(), free_port()
    settings = {
        "debug": False,
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": 0,
        # Streams come in pieces only as they are; compressed, the server would hold them back.
        "gzip_enabled": False,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    model = folder / "models" / MODEL
    model.mkdir(parents=True)
    described = {"name": MODEL, "implementation": "mlserver_models.Echo", "parameters": {"version": VERSION}}
    (model / "model-settings.json").write_text(json.dumps(described))
    command = [str(interpreter("mlserver").with_name("mlserver")), "start", "."]
    own = {"PYTHONPATH": str(script("mlserver_models").parent)}
    ready = f"http://127.0.0.1:{http}/v2/models/{MODEL}/ready"
    with running_process(command, folder, lambda log: answers(ready), own):
        yield MlServer(*(f"127.0.0.1:{port}" for port in (http, grpc, metrics)))
