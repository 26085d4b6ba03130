"""One typed, frozen settings object of the monitor, read once at start; each setting says what it does where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from monitor.errors import Fault, InvalidInput


@dataclass(frozen=True)
class MonitorSettings:
    """Settings of `outrider monitor`; a configuration file has the same keys."""

    listen: str = "127.0.0.1:8090"
    """HOST:PORT of the API and the web UI."""
    data: Path = Path("outrider-data")
    """Directory of the segments, of the embedded catalog and of the dead letters."""
    catalog: str | None = None
    """SQLAlchemy URL of the catalog, `postgresql://…` in production; default: SQLite in the data directory."""
    public_url: str | None = None
    """URL under which people reach the web UI: the base of links in notifications; default: http:// and `listen`."""
    elasticsearch_url: str | None = None
    """Elasticsearch to write window results and alerts to."""
    elasticsearch_namespace: str = "default"
    """Last part of the data streams' names."""
    elasticsearch_api_key_env: str | None = None
    """Environment variable that holds the API key for Elasticsearch."""
    otlp_endpoint: str | None = None
    """OTLP/HTTP endpoint for metrics, e.g. http://collector:4318/v1/metrics."""
    beacon_origins: str | None = None
    """Origins, separated by commas, whose pages may tell predictions, e.g. https://shop.example; default: none, no beacon."""
    beacon_per_minute: int = 600
    """Messages of one origin that are taken in a minute; the rest is refused, and counted."""
    rows_days: int = 30
    """Days that captured rows are kept."""
    records_days: int = 90
    """Days that labels, anomalies and explanations are kept."""
    measurements_days: int = 400
    """Days that measurements are kept."""
    measurements_whole_days: int = 30
    """Days that all of them are kept; of older ones the worst of each hour is."""

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def origins(self) -> tuple[str, ...]:
        return tuple(origin.strip() for origin in (self.beacon_origins or "").split(",") if origin.strip())

    @property
    def catalog_url(self) -> str:
        return self.catalog or f"sqlite:///{self.data / 'catalog.sqlite'}"

    @property
    def url(self) -> str:
        return (self.public_url or f"http://{self.listen}").rstrip("/")

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> MonitorSettings:
        """Settings from a mapping; `where` names its source. Raises InvalidInput with every fault."""
        hints = get_type_hints(cls)
        names = [f.name for f in fields(cls)]
        faults = [Fault(f"{where}: {k}", "an unknown key", _meant(k, names)) for k in values if k not in names]
        given = {name: value for name, value in values.items() if name in names and value is not None}
        for name, value in given.items():
            if hints[name] is int:
                if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                    faults.append(Fault(f"{where}: {name}", repr(value)[:80], "a whole number from 1"))
            elif not isinstance(value, str | Path):
                faults.append(Fault(f"{where}: {name}", repr(value)[:80], "a text"))
        for name, (wrong, expected) in _FORMS.items():
            text = given.get(name)
            if isinstance(text, str):
                faults += [Fault(f"{where}: {name}", repr(part)[:80], expected) for part in wrong(text)]
        if faults:
            raise InvalidInput(faults)
        read: dict[str, Any] = {k: Path(v) if hints[k] is Path else v for k, v in given.items()}
        return cls(**read)


def _wrong_address(text: str) -> list[str]:
    host, _, port = text.rpartition(":")
    return [] if host and port.isascii() and port.isdigit() and int(port) <= 65535 else [text]


def _wrong_origins(text: str) -> list[str]:
    return [origin for origin in text.split(",") if not _is_origin(origin.strip())]


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and f"{parts.scheme}://{parts.netloc}" == text


def _wrong_url(text: str) -> list[str]:
    return [] if text.startswith(("http://", "https://")) else [text]


_URL = (_wrong_url, "a URL that begins with http:// or https://")
_FORMS: Mapping[str, tuple[Callable[[str], list[str]], str]] = {
    "listen": (_wrong_address, "HOST:PORT"),
    "beacon_origins": (_wrong_origins, "an origin such as https://shop.example"),
    "public_url": _URL,
    "elasticsearch_url": _URL,
    "otlp_endpoint": _URL,
}
"""Of texts: what is wrong in one, and what is expected."""


def _meant(key: str, known: list[str]) -> str:
    """The setting that looks like a mistyped one, or else all."""
    close = get_close_matches(key, known, n=1)
    return f"{close[0]}, perhaps" if close else "one of " + ", ".join(known)
