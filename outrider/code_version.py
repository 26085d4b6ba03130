"""Which code computed a number: the installed version, and a hash of the files that compute."""

from __future__ import annotations

import hashlib
from pathlib import Path

import collectors.records
import monitor
from outrider.main import installed_version

BUILD_CHARS = 12


def code_version() -> str:
    """`0.1.0+3f2a9c1b04de`: equal wherever the same files compute, whatever they were built or checked out from."""
    digest = hashlib.sha256()
    for package in (collectors.records, monitor):
        root = Path(next(iter(package.__path__)))
        for path in sorted(root.rglob("*.py")):
            if "migrations" not in path.parts:  # they are beside the package in a checkout, and compute nothing
                digest.update(f"{root.name}/{path.relative_to(root).as_posix()}\n".encode())
                digest.update(path.read_bytes())
    return f"{installed_version()}+{digest.hexdigest()[:BUILD_CHARS]}"
