"""A real Elasticsearch node, built from Maven Central by the project in `elasticsearch/`."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.services.process import running_process

PROJECT = Path(__file__).parent / "elasticsearch"
BUILD_SECONDS_MAX = 600.0
"""6 s with a full local repository; the first time it downloads 80 MB."""
_READY = re.compile(r"READY (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class ElasticsearchNode:
    url: str


def installed() -> bool:
    return shutil.which("java") is not None and (_built() or shutil.which("mvn") is not None)


@contextmanager
def running_elasticsearch(folder: Path) -> Iterator[ElasticsearchNode]:
    """Start a node with its data in `folder`; it ends when its standard input closes."""
    if not _built():
        subprocess.run(
            ["mvn", "-q", "-B", "package"], cwd=PROJECT, check=True, timeout=BUILD_SECONDS_MAX, capture_output=True
        )
    command = [str(PROJECT / "run.sh"), str(folder / "run"), "0", "-Desnode.stdin=true"]
    with running_process(command, folder, _is_ready, stdin=subprocess.PIPE):
        found = _READY.search((folder / "log").read_text(errors="replace"))
        assert found
        yield ElasticsearchNode(found[1])


def _built() -> bool:
    return (PROJECT / "target" / "es" / "esnode.jar").exists()


def _is_ready(log: Path) -> bool:
    return _READY.search(log.read_text(errors="replace")) is not None
