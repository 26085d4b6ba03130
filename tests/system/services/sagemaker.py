"""SageMaker's inference toolkit in its own environment, on the server that its containers run: the multi-model server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.services.environment import interpreter, script
from tests.system.services.process import answers, free_port, running_process


@contextmanager
def running_sagemaker(folder: Path) -> Iterator[str]:
    """host:port of a container's server until the block ends: as the toolkit starts it, but for the place of its files."""
    http, management = free_port(), free_port()
    model = folder / "model"
    model.mkdir()
    settings = {
        "inference_address": f"http://127.0.0.1:{http}",
        "management_address": f"http://127.0.0.1:{management}",
        "default_service_handler": "sagemaker_inference.default_handler_service",
        "default_workers_per_model": 1,
        "decode_input_request": "false",
        "load_models": "ALL",
        "vmargs": "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }
    file = folder / "mms.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    programs = interpreter("sagemaker").parent
    command = [str(programs / "multi-model-server"), "--start", "--foreground", "--model-store", "/"]
    command += ["--mms-config", str(file), "--models", f"model={model}"]
    own = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(script("sagemaker_model").parent),
        "SAGEMAKER_PROGRAM": "sagemaker_model.py",
        "SAGEMAKER_BASE_DIR": str(folder),
        "TMPDIR": str(folder),
    }
    with running_process(command, folder, lambda log: answers(f"http://127.0.0.1:{http}/ping"), own):
        yield f"127.0.0.1:{http}"
