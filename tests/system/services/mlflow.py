"""MLflow's own scoring server in its own environment, serving the model of `scripts/mlflow_model.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.services.environment import interpreter, run_script
from tests.system.services.process import answers, free_port, running_process


@contextmanager
def running_mlflow(folder: Path) -> Iterator[str]:
    """host:port of a scoring server until the block ends."""
    model, port = folder / "model", free_port()
    run_script("mlflow", "mlflow_model", model)
    programs = interpreter("mlflow").parent
    command = [str(programs / "mlflow"), "models", "serve", "-m", str(model), "-h", "127.0.0.1", "-p", str(port)]
    command += ["--env-manager", "local", "-w", "1"]
    own = {"PATH": f"{programs}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with running_process(command, folder, lambda log: answers(f"http://127.0.0.1:{port}/ping"), own):
        yield f"127.0.0.1:{port}"
