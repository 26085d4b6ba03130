"""The errors whose kind decides what a caller does. Each carries its data; messages say where, what, and what was expected.

OutriderError
├── InvalidInput      bad input of a user: exit code 2, HTTP 422; carries every fault found
├── NotFound          the named thing does not exist: exit code 2, HTTP 404
├── Stale             what the work was decided on has changed meanwhile: read again, decide again
└── Unavailable       a component we need does not answer now: try again
"""

from collections.abc import Sequence
from dataclasses import dataclass


class OutriderError(Exception):
    """Root of the errors that Outrider raises on purpose."""


@dataclass(frozen=True)
class Fault:
    """One fault in an input: its place, what was found there, what was expected."""

    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, expected {self.expected}"


class InvalidInput(OutriderError):
    """Input that cannot be used; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault] | Fault) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type["InvalidInput"], tuple[tuple[Fault, ...]]]:
        """It may come from another process."""
        return type(self), (self.faults,)


class NotFound(OutriderError):
    """The thing asked for does not exist."""

    def __init__(self, what: str, name: str) -> None:
        self.what, self.name = what, name
        super().__init__(f"no {what} named {name!r}")


class Stale(OutriderError):
    """`what` has changed since it was read; nothing was written."""

    def __init__(self, what: str, cause: str) -> None:
        self.what, self.cause = what, cause
        super().__init__(f"{what} changed meanwhile: {cause}")


class Unavailable(OutriderError):
    """A component does not answer; `component` names it."""

    def __init__(self, component: str, cause: str) -> None:
        self.component, self.cause = component, cause
        super().__init__(f"{component} is unavailable: {cause}")
