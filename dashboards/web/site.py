"""The routes of the web UI, for `monitor.main` to mount: a small shell a page, and the static files that fill it.

A page is drawn in the browser from the query API by plain ES modules. The policy below lets it load nothing but our own
files and talk to nothing but this server, so what a hostile name of a feature could smuggle in would have nowhere to go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-cache",
}
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Page:
    """One page: where it is, what its tab says, the module that draws it, and its place in the menu."""

    path: str
    title: str
    module: str
    menu: str


PAGES = (
    Page("/", "Models", "home", "models"),
    Page("/models/{model:str}", "Model", "model", "models"),
    Page("/models/{model:str}/rows", "Rows", "rows", "models"),
    Page("/alerts", "Alerts", "alerts", "alerts"),
    Page("/alerts/{fingerprint:str}", "Alert", "alert", "alerts"),
    Page("/capture", "Capture", "capture", "capture"),
    Page("/system", "System", "system", "system"),
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file, held in memory: there are few and they are small."""

    body: bytes
    media_type: str
    tag: str


def routes() -> Sequence[ControllerRouterHandler]:
    """Every page and static file."""
    environment = Environment(
        loader=PackageLoader("dashboards.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("page.html")
    assets = _assets(files("dashboards.web") / "static", "")
    return [*(_handler(page, template.render(page=page).encode()) for page in PAGES), _static(assets)]


def _handler(page: Page, body: bytes) -> ControllerRouterHandler:
    """The shell is the same whatever the path names: the page asks the API, and says what it answers."""

    @get(page.path, include_in_schema=False, sync_to_thread=False, name=f"web-{page.module}")
    def shell() -> Response[bytes]:
        return Response(body, media_type="text/html; charset=utf-8", headers=_HEADERS)

    return shell


def _static(assets: Mapping[str, Asset]) -> ControllerRouterHandler:
    @get("/static/{path:path}", include_in_schema=False, sync_to_thread=False)
    def static(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
        # Only names in this mapping are answered: no path leads out of it.
        asset = assets.get(path.lstrip("/"))
        if asset is None:
            raise NotFoundException(detail="no such file")
        headers = _HEADERS | {"etag": asset.tag}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(b"", status_code=304, headers=headers)
        return Response(asset.body, media_type=f"{asset.media_type}; charset=utf-8", headers=headers)

    return static


def _assets(folder: Traversable, prefix: str) -> dict[str, Asset]:
    found: dict[str, Asset] = {}
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            found |= _assets(entry, name + "/")
        elif (suffix := "." + name.rpartition(".")[2]) in _TYPES:
            body = entry.read_bytes()
            found[name] = Asset(body, _TYPES[suffix], '"' + hashlib.sha256(body).hexdigest()[:16] + '"')
    return found
