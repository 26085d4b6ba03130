"""The supervisor's part in certificates: checked before anything starts, told to the forwarder, renewed without an end."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from collectors.errors import InvalidSettings, SettingsFault
from collectors.settings import Listener, SidecarSettings
from collectors.tap.tls.contexts import TlsContexts, TlsFiles, is_open_to_others

LOOK_SECONDS = 2.0
"""How often the files are looked at."""
LOAD_CERTIFICATES = b"load certificates"

_LOG = logging.getLogger(__name__)


def told_of(listener: Listener) -> dict[str, object] | None:
    """What the forwarder has to know of a listener's TLS, as values of JSON."""
    files = _files(listener)
    return None if files is None else asdict(files)


def check_certificates(settings: SidecarSettings) -> None:
    """Load every certificate and key once. Raises InvalidSettings; warns of keys that everybody may read."""
    faults = []
    for position, files in enumerate(map(_files, settings.listeners)):
        if files is None:
            continue
        where = f"listeners[{position}].tls"
        try:
            TlsContexts(files)
        except OSError as error:
            named = [files.certificate, files.key, files.client_ca, files.server_ca]
            found = getattr(error, "reason", None) or error.strerror or str(error)
            expected = f"a certificate and its key in {', '.join(name for name in named if name)}"
            faults.append(SettingsFault(where, found, expected))
        else:
            if is_open_to_others(files.key):
                _LOG.warning("key_open_to_others", extra={"setting": f"{where}.key", "file": files.key})
    if faults:
        raise InvalidSettings(faults)


class Certificates:
    """Has the forwarder load what has changed on disk, once all of it can be loaded."""

    def __init__(self, settings: SidecarSettings, tell: Callable[[], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._files = [
            Path(name)
            for files in map(_files, settings.listeners)
            if files is not None
            for name in (files.certificate, files.key, files.client_ca, files.server_ca)
            if name is not None
        ]
        self.refused = 0
        self._seen = self._look()
        self._due = 0.0

    def look_after(self, now: float) -> None:
        """Load anew what has changed, looking at it every LOOK_SECONDS."""
        if now < self._due:
            return
        self._due = now + LOOK_SECONDS
        if self._look() != self._seen:
            self.reload()

    def reload(self) -> None:
        """Have everything loaded anew, or nothing where something is wrong."""
        if not self._files:
            return
        self._seen = self._look()
        try:
            check_certificates(self._settings)
        except InvalidSettings as invalid:
            self.refused += 1
            _LOG.error("certificates_refused", extra={"fault": str(invalid)})
        else:
            self._tell()

    def _look(self) -> list[object]:
        found: list[object] = []
        for path in self._files:
            try:
                state = path.stat()
            except OSError as error:
                found.append(error.errno)
            else:
                found.append((state.st_mtime_ns, state.st_size, state.st_ino))
        return found


def _files(listener: Listener) -> TlsFiles | None:
    tls = listener.tls
    if tls is None:
        return None
    behind = tls.upstream
    return TlsFiles(
        certificate=str(tls.certificate),
        key=str(tls.key),
        client_ca=str(tls.client_ca) if tls.client_ca else None,
        alpn=tls.alpn,
        to_server=behind.enabled,
        server_name=behind.server_name or listener.upstream.host,
        server_ca=str(behind.ca) if behind.ca else None,
        verify=behind.verify,
    )
