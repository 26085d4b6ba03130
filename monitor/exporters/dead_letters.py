"""Documents that a sink refused for good, kept as JSON lines for a person to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEAD_LETTER_BYTES_MAX = 64 * 2**20
"""Size of the file at which no more is written: refusals in such number have one cause, and the first ones tell it."""


class DeadLetters:
    """Appends refused documents to one file, up to its size limit; the counting is the caller's."""

    def __init__(self, path: Path, bytes_max: int = DEAD_LETTER_BYTES_MAX) -> None:
        self._path = path
        self._bytes_max = bytes_max

    def add(self, stream: str, identity: str, reason: str, body: Mapping[str, Any]) -> bool:
        """False where the file is full and the document was not kept."""
        line = json.dumps({"stream": stream, "id": identity, "reason": reason, "document": body}) + "\n"
        size = self._path.stat().st_size if self._path.exists() else 0
        if size + len(line) > self._bytes_max:
            return False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)
        return True
