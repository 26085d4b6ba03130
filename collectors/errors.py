"""The errors of the sidecar whose kind decides what a caller does; each carries its data.

CollectorError
├── InvalidSettings   bad flags or a bad configuration file: stop at start-up, exit code 2; carries every fault found
└── StartFailed       the world refuses what the settings ask for (a port in use, a name that does not resolve): exit code 2
"""

from collections.abc import Sequence
from dataclasses import dataclass


class CollectorError(Exception):
    """Root of the errors that the sidecar raises on purpose."""


@dataclass(frozen=True)
class SettingsFault:
    """One fault in the settings: its path, what was found there, what was expected."""

    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, expected {self.expected}"


class InvalidSettings(CollectorError):
    """Settings that cannot be used; `faults` lists everything that is wrong with them."""

    def __init__(self, faults: Sequence[SettingsFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


class StartFailed(CollectorError):
    """Something outside refuses what the settings ask for; `where` names the setting."""

    def __init__(self, where: str, cause: str) -> None:
        self.where, self.cause = where, cause
        super().__init__(f"{where}: {cause}")
