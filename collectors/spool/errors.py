"""The errors of the spool, one kind for each thing that a caller does about it.

SpoolError
├── SpoolFull       these records cannot be taken: the caller counts them as dropped and goes on
├── SpoolBusy       another process holds the directory: the caller waits for it or chooses another directory
└── SpoolUnusable   the directory cannot be a spool: the caller stops at start-up
"""

from pathlib import Path
from typing import Literal

from collectors.errors import CollectorError

Refusal = Literal["quota", "free_space", "disk_full", "record_too_large", "write_failed"]
"""Why records were not taken; a closed set, so that it can label a counter."""


class SpoolError(CollectorError):
    """Root of the errors that the spool raises on purpose."""


class SpoolFull(SpoolError):
    """The records were not taken, and nothing of them was written."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        self.reason: Refusal = reason
        super().__init__(f"spool: {reason}: {detail}")


class SpoolBusy(SpoolError):
    """Another process holds the lock of the directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(f"{directory}: another process uses this spool")


class SpoolUnusable(SpoolError):
    """The directory cannot be opened as a spool; nothing in it was changed."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path = path
        super().__init__(f"{path}: {detail}")
