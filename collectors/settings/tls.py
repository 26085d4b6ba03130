"""TLS of a listener: its certificate, and how the server behind is spoken to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.settings.reading import Unexpected, flag, mappings, names, text


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """How the server behind is spoken to: `verify` its certificate against `ca` (or the system's) and `server_name`."""

    enabled: bool = False
    ca: Path | None = None
    server_name: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class ListenerTls:
    """What the listener shows its clients, and what it asks of them.

    `client_ca` demands a certificate of each client. `alpn` is what clients are offered where the server behind speaks
    plain text and cannot be asked.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
    alpn: tuple[str, ...] | None = None
    upstream: UpstreamTls = UpstreamTls()


def read_listener_tls(value: object) -> ListenerTls:
    readers: dict[str, Callable[[object], Any]] = {
        "certificate": _file,
        "key": _file,
        "client_ca": _file,
        "alpn": names("h2", "http/1.1"),
        "upstream": _read_upstream,
    }
    return ListenerTls(**_mapping(value, readers, required=("certificate", "key")))


def _read_upstream(value: object) -> UpstreamTls:
    readers: dict[str, Callable[[object], Any]] = {"enabled": flag, "ca": _file, "server_name": text, "verify": flag}
    return UpstreamTls(**_mapping(value, readers, required=("enabled",)))


def _mapping(
    value: object, readers: Mapping[str, Callable[[object], Any]], *, required: tuple[str, ...]
) -> dict[str, Any]:
    try:
        return mappings([value], readers, required=required)[0]
    except Unexpected as unexpected:
        faults = [(path.removeprefix("[0]"), found, expected) for path, found, expected in unexpected.faults]
        raise Unexpected(*faults) from unexpected


def _file(value: object) -> Path:
    return Path(text(value)).expanduser()
