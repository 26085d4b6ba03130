"""Takes in changed policies while the sidecar runs: on SIGHUP, or when a file has changed.

Only what says what is kept of exchanges can change without a restart (`collectors.policies`), and the certificates of
listeners. Everything is read and checked here first, so that what reaches the worker can be used; what cannot be
leaves the policy before it in force, and is counted, logged and shown.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from collectors.errors import InvalidSettings, StartFailed
from collectors.policies import POLICY_SETTINGS, Policies, files_named, policies_of
from collectors.settings import SidecarSettings

LOOK_SECONDS = 2.0
"""How often the files are looked at; a look costs a few system calls."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What is in force, and what became of every attempt to change it."""

    digest: str
    since_ns: int
    applied: int = 0
    unchanged: int = 0
    refused: int = 0
    fault: str | None = None
    """What was wrong with the latest attempt; None where it was taken in."""
    awaiting_restart: tuple[str, ...] = ()
    """Settings that have changed in the file and need a restart to count."""


class Reloader:
    """Holds the settings in force. `read` reads all of them anew, `tell` hands changed ones to whoever uses them."""

    def __init__(
        self,
        settings: SidecarSettings,
        *,
        read: Callable[[], SidecarSettings],
        files: Sequence[Path],
        tell: Callable[[SidecarSettings], None],
        now_ns: int,
    ) -> None:
        self.state = PolicyState(policies_of(settings).digest, now_ns)
        self._settings = settings
        self._read = read
        self._files = tuple(files)
        self._tell = tell
        self._seen = self._look()
        self._look_due = 0.0

    def look_after(self, now: float, now_ns: int) -> None:
        """Read anew what has changed on disk, looking at it every LOOK_SECONDS."""
        if now < self._look_due:
            return
        self._look_due = now + LOOK_SECONDS
        if self._look() != self._seen:
            self.reload(now_ns)

    def reload(self, now_ns: int) -> None:
        """Read everything anew and take in what can be taken in, or nothing at all. `tell` raises StartFailed to refuse it."""
        self._seen = self._look()
        try:
            read = self._read()
            wanted = replace(self._settings, **{name: getattr(read, name) for name in POLICY_SETTINGS})
            digest = policies_of(wanted).digest
        except InvalidSettings as invalid:
            self._refuse(str(invalid))
            return
        awaiting = tuple(
            each.name
            for each in fields(read)
            if each.name not in POLICY_SETTINGS and getattr(read, each.name) != getattr(self._settings, each.name)
        )
        if awaiting:
            _LOG.warning("settings_await_restart", extra={"settings": ", ".join(awaiting)})
        if digest == self.state.digest:
            self.state = replace(self.state, fault=None, awaiting_restart=awaiting, unchanged=self.state.unchanged + 1)
            return
        try:
            self._tell(wanted)
        except StartFailed as failed:  # more than a worker can be told
            self._refuse(str(failed))
            return
        self._settings = wanted
        self.state = replace(self.state, fault=None, awaiting_restart=awaiting)
        self.state = replace(self.state, digest=digest, since_ns=now_ns, applied=self.state.applied + 1)
        _LOG.info("policy_applied", extra={"policy": digest})

    def _refuse(self, fault: str) -> None:
        self.state = replace(self.state, refused=self.state.refused + 1, fault=fault)
        _LOG.error("policy_refused", extra={"fault": fault, "in_force": self.state.digest})

    def _look(self) -> tuple[object, ...]:
        return tuple(map(_identity, (*self._files, *files_named(self._settings))))


class Follower:
    """The worker's end: which policies it uses. `follow` is called with those that take their place."""

    def __init__(self, policies: Policies, follow: Callable[[Policies], None]) -> None:
        self.digest = policies.digest
        self._follow = follow

    def take_in(self, settings: SidecarSettings) -> None:
        """Use what the settings and the files they name say now; those before stay in force where that is of no use.

        A file may have changed since the supervisor read it, which will find out, too.
        """
        try:
            policies = policies_of(settings)
        except InvalidSettings as invalid:
            _LOG.error("policy_refused", extra={"fault": str(invalid), "in_force": self.digest})
            return
        self._follow(policies)
        self.digest = policies.digest


def _identity(path: Path) -> object:
    """Differs when the file was written or replaced."""
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    return found.st_mtime_ns, found.st_size, found.st_ino
