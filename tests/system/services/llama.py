"""llama.cpp's own OpenAI-compatible server in its own environment, on a tiny model of random weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.services.environment import interpreter, script
from tests.system.services.process import answers, free_port, running_process

MODEL = "tiny"


@contextmanager
def running_llama(folder: Path) -> Iterator[str]:
    """host:port of a server of model `tiny` until the block ends."""
    port = free_port()
    command = [str(interpreter("llama")), str(script("llama_server")), str(folder), str(port)]
    with running_process(command, folder, lambda log: answers(f"http://127.0.0.1:{port}/v1/models")):
        yield f"127.0.0.1:{port}"
