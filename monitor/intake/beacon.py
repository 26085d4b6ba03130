"""POST beacon: predictions and labels that a browser tells, from the origins of the settings; and the module that tells them.

Anybody can claim an origin outside of a browser: what comes here is as trustworthy as the public page that sends it. So it is off
unless origins are configured, bounded in size and rate, brings no model into the catalog, and is redacted before it is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from litestar import Controller, HttpMethod, Request, Response, get, post, route
from litestar.concurrency import sync_to_thread
from litestar.exceptions import PermissionDeniedException, TooManyRequestsException
from litestar.status_codes import HTTP_204_NO_CONTENT

from monitor.errors import Fault, InvalidInput
from monitor.intake.origins import Beacons
from monitor.intake.provided import TheAcceptance, TheBeacons, TheCatalog, TheClock, TheObserver, TheStore
from monitor.intake.records import body_of
from monitor.jobs.accept_labels import accept_labels
from monitor.ports import Catalog, SegmentStore, ToldLabel

BODY_BYTES_MAX = 64 * 1024
"""What browsers let a page have on its way when it is left."""

PREFLIGHT_SECONDS = "600"


@dataclass(frozen=True, slots=True)
class _Labels:
    ids: list[str]
    values: list[object]


class BeaconController(Controller):
    """What browsers tell."""

    path = "/beacon"
    tags = ("intake",)

    @post("/", status_code=HTTP_204_NO_CONTENT, summary="Accept predictions and labels that a browser tells (JSON)")
    async def told(
        self,
        request: Request[Any, Any, Any],
        beacons: TheBeacons,
        acceptance: TheAcceptance,
        catalog: TheCatalog,
        store: TheStore,
        clock: TheClock,
        observer: TheObserver,
    ) -> Response[None]:
        """All of a message or nothing; the models must be declared."""
        origin = _origin(request, beacons)
        if not beacons.take(origin):
            observer.batch_refused("beacon_rate")
            raise TooManyRequestsException("this origin has had its messages of the minute")
        body = await body_of(request, BODY_BYTES_MAX)
        try:
            told = await sync_to_thread(beacons.reader.read, body, clock())
            await sync_to_thread(_check, told.models, told.labels, catalog)
        except InvalidInput:
            observer.batch_refused("beacon")
            raise
        if told.batch is not None:
            (accepted,) = await asyncio.wrap_future(acceptance.submit([told.batch]))
            observer.batch_received(duplicate=accepted.known)
            observer.records_received("prediction", accepted.predictions)
        if told.labels:
            count = await sync_to_thread(_store_labels, told.labels, catalog, store, clock())
            observer.records_received("label", count)
        return Response(None, status_code=HTTP_204_NO_CONTENT, headers=_allowing(origin))

    @route("/", http_method=[HttpMethod.OPTIONS], status_code=HTTP_204_NO_CONTENT, include_in_schema=False)
    async def preflight(self, request: Request[Any, Any, Any], beacons: TheBeacons) -> Response[None]:
        """For pages that send it as JSON with `fetch`."""
        more = {
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": "content-type",
            "access-control-max-age": PREFLIGHT_SECONDS,
        }
        headers = _allowing(_origin(request, beacons)) | more
        return Response(None, status_code=HTTP_204_NO_CONTENT, headers=headers)

    @get("/module.js", sync_to_thread=False, include_in_schema=False)
    def module(self, request: Request[Any, Any, Any], beacons: TheBeacons) -> Response[bytes]:
        """What a page imports."""
        origin = request.headers.get("origin")
        headers = _allowing(origin) if origin is not None and beacons.allows(origin) else {}
        return Response(
            module_text(), media_type="text/javascript", headers=headers | {"cache-control": "max-age=3600"}
        )


def module_text() -> bytes:
    return (files("monitor.intake") / "beacon.js").read_bytes()


def _origin(request: Request[Any, Any, Any], beacons: Beacons) -> str:
    origin = request.headers.get("origin")
    if origin is None or not beacons.allows(origin):
        raise PermissionDeniedException("this origin is not among `beacon_origins`")
    return origin


def _allowing(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true", "vary": "origin"}


def _check(models: Mapping[str, str], labels: Sequence[ToldLabel], catalog: Catalog) -> None:
    """Raises InvalidInput where a model is not declared, or has no label."""
    faults = []
    labelled = {label.model: label.where for label in reversed(labels)}
    for name, where in {**labelled, **models}.items():
        entry = catalog.model(name)
        if entry is None or not entry.declared:
            faults.append(Fault(f"{where}.model", repr(name[:80]), "a model that is declared"))
        elif name in labelled and entry.declaration.label is None:
            faults.append(Fault(f"{labelled[name]}.model", repr(name[:80]), "a model whose declaration has a label"))
    if faults:
        raise InvalidInput(faults)


def _store_labels(labels: Sequence[ToldLabel], catalog: Catalog, store: SegmentStore, now_ns: int) -> int:
    by_model: dict[str, _Labels] = {}
    for label in labels:
        found = by_model.setdefault(label.model, _Labels([], []))
        found.ids.append(label.id)
        found.values.append(label.value)
    return sum(
        accept_labels(model, _objects(found.ids), _objects(found.values), catalog, store, now_ns).accepted
        for model, found in by_model.items()
    )


def _objects(values: Sequence[object]) -> np.ndarray[Any, np.dtype[np.object_]]:
    array = np.empty(len(values), object)
    array[:] = values
    return array
