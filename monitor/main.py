"""Wires the monitor: the one place where its parts meet. `open_service` builds one, `serve` runs it until it is told to end."""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn
from litestar import Litestar, Request, Response, Router, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from dashboards.web.site import routes as web_routes
from monitor.catalog.opening import open_catalog
from monitor.definitions import MonitoredModel
from monitor.errors import InvalidInput, NotFound, OutriderError, Unavailable
from monitor.exporters.prometheus import PrometheusExporter
from monitor.exporters.registry import (
    ExporterSettings,
    Holding,
    House,
    holding,
    prepare,
    prometheus_exporter,
    pushing_exporters,
)
from monitor.exporters.telemetry import Telemetry
from monitor.findings import Transition
from monitor.intake.awaited import AwaitedController
from monitor.intake.beacon import BeaconController
from monitor.intake.cloudevents import CloudEventsController
from monitor.intake.held_events import HeldEventsFile
from monitor.intake.models import DeclarationsController
from monitor.intake.origins import Beacons
from monitor.intake.previews import PreviewsController
from monitor.intake.records import RecordsController
from monitor.jobs.accept_events import EventAcceptance
from monitor.jobs.accept_together import Acceptance
from monitor.jobs.awaited import Awaited
from monitor.jobs.context import Context
from monitor.jobs.efficiency import gauges
from monitor.jobs.expire import Retention
from monitor.jobs.hold_alerts import hold_alerts
from monitor.jobs.opinion_desk import OpinionDesk
from monitor.jobs.profile_window import Explainer
from monitor.jobs.remind_alerts import remind_alerts
from monitor.jobs.second_opinion import SECONDS_MAX, Opinion, SecondOpinions
from monitor.metrics.explanation.explain import explain
from monitor.metrics.foreign import FOREIGN_METRICS
from monitor.metrics.registry import METRICS
from monitor.notifications.alertmanager import SEND_INTERVAL_NS
from monitor.notifications.http import client as http_client
from monitor.notifications.registry import notifiers
from monitor.ports import BeaconReader, Catalog, EventReader, FindingQuery, Publication, SegmentStore, WindowEntry
from monitor.predictors.onnx import OnnxPredictor
from monitor.query.account import AccountController
from monitor.query.alerts import AlertsController, HoldsController, SilencesController
from monitor.query.asked import asked
from monitor.query.causes import CausesController
from monitor.query.change_points import ChangePointsController
from monitor.query.efficiency import EfficiencyController
from monitor.query.estimates import EstimatesController
from monitor.query.evidently_windows import EvidentlyWindowsController
from monitor.query.files import FilesController
from monitor.query.grids import GridsController
from monitor.query.groups import GroupsController
from monitor.query.measurements import MeasurementsController
from monitor.query.models import ModelsController
from monitor.query.outcomes import OutcomesController
from monitor.query.pipelines import PipelinesController
from monitor.query.quality import QualityController
from monitor.query.recomputing import RecomputeController
from monitor.query.rows import RowsController
from monitor.query.second_opinion import EvidentlyController
from monitor.query.sheets import ListResponse
from monitor.query.versions import VersionsController
from monitor.reports.evidently import html as evidently_html
from monitor.reports.evidently_values import load as load_evidently
from monitor.reports.evidently_values import values as evidently_values
from monitor.runners.on_demand import OnDemand
from monitor.runners.processes import ProcessRunner
from monitor.scheduler import Scheduler
from monitor.segments.files import labels_from_bytes, rows_from_bytes
from monitor.segments.local_store import LocalSegmentStore
from monitor.segments.row_files import rows_to_parquet
from monitor.settings import MonitorSettings
from monitor.starting import listening_sockets, writable_directory
from monitor.tiles.rows import Rows
from monitor.tiles.sample import sample

log = logging.getLogger("outrider.monitor")

PROBLEM = "application/problem+json"
GARBAGE_OBJECTS, GARBAGE_ROUNDS = 20_000, 20
"""New objects after which cycles among them are looked for, and such rounds before older ones are: by Python's own 700 and 10
all that is kept would be looked through after each few windows."""
REQUESTS_STOP_SECONDS = 4
"""Requests in progress have this long to end once the monitor is told to stop, and then the pass in progress has
PASS_STOP_SECONDS: both, and the last push of OpenTelemetry, are within the ten seconds that a supervisor gives."""
PASS_STOP_SECONDS = 4.0
DESK_STOP_SECONDS = 1.0
"""What it was asking ended with the worker process; it may be reading rows."""
REFRESH_NS = 5 * 10**9
"""A model declared or an alert that moved shows in the gauges within this time, without a new window."""
PRIMED_WINDOWS_MAX = 200
"""How far back a start looks for the latest window with labels."""
PRIMED_FINDINGS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Service:
    """A monitor that is wired and not yet serving."""

    settings: MonitorSettings
    context: Context
    scheduler: Scheduler
    prometheus: PrometheusExporter
    app: Litestar
    acceptance: Acceptance

    def start(self) -> None:
        """Passes of the scheduler, and a desk at which they wait for nobody, each on a thread."""
        if self.context.opinions is not None:
            self.context.opinions.start()
        self.scheduler.start()

    def close(self) -> None:
        if self.context.opinions is not None:
            self.context.opinions.end()
        self.acceptance.close()
        self.scheduler.stop(PASS_STOP_SECONDS)
        for exporter in self.context.exporters:
            exporter.close()
        self.context.runner.close()
        if self.context.opinions is not None:
            self.context.opinions.join(DESK_STOP_SECONDS)
        self.context.catalog.close()


def opinion_for(model: MonitoredModel, reference: Rows) -> Opinion | None:
    """What asks Evidently in this very process: for a command that has nothing else to do."""
    if not model.evidently:
        return None
    return lambda rows: tuple(evidently_values(reference, rows, model, model.evidently))


def explainer_for(model: MonitoredModel, background: Rows) -> Explainer | None:
    """What explains the model's predictions as its declaration says; None where it says nothing. Raises InvalidInput."""
    if model.explain is None or model.explain.onnx is None:
        return None
    settings, predictor = model.explain, OnnxPredictor.of(model)
    served = model.prediction.score or model.prediction.value
    against = sample(background, settings.background)
    return lambda rows: explain(rows, predictor, against, settings, served=served)


def open_service(
    settings: MonitorSettings,
    *,
    version: str,
    code: str | None = None,
    clock: Callable[[], int] = time.time_ns,
    event_reader: EventReader | None = None,
    beacon_reader: BeaconReader | None = None,
    patient: bool = True,
) -> Service:
    """Open the catalog and the segments and wire everything; without a reader no events are taken. `code` names what computes.

    A service that is not `patient` waits for no rows that may still be on their way. Raises InvalidInput, Unavailable.
    """
    writable_directory(settings.data)
    catalog: Catalog = open_catalog(settings.catalog_url)
    store: SegmentStore = LocalSegmentStore(settings.data / "segments")
    telemetry = Telemetry(version)
    house = House(
        metrics=(*METRICS, *FOREIGN_METRICS),
        models=catalog.models,
        alerts=catalog.alerts,
        beside=lambda window: gauges(catalog, window),
        telemetry=telemetry,
        version=version,
        data=settings.data,
        environ=os.environ,
        clock=clock,
        sleep=time.sleep,
    )
    prometheus = prometheus_exporter(house)
    outputs = ExporterSettings(
        settings.elasticsearch_url,
        settings.elasticsearch_namespace,
        settings.elasticsearch_api_key_env,
        settings.otlp_endpoint,
    )
    runner = ProcessRunner(prepare=load_evidently)
    opinions = SecondOpinions(catalog, store, partial(runner.submit, evidently_values, seconds=SECONDS_MAX))
    context = Context(
        catalog=catalog,
        store=store,
        runner=runner,
        clock=clock,
        observer=telemetry,
        exporters=(prometheus, *pushing_exporters(outputs, house)),
        notifiers=notifiers(http_client(), os.environ),
        explainer_of=explainers(catalog, store),
        opinions=OpinionDesk(opinions.on),
        link_of=lambda transition: link_of(settings.url, transition),
        code=code,
    )
    prepare(context.exporters)
    prime(holding(context.exporters), catalog, store)
    retention = Retention(
        settings.rows_days, settings.records_days, settings.measurements_days, settings.measurements_whole_days
    )
    acceptance = Acceptance(catalog, store, clock)
    held = HeldEventsFile(settings.data / "events.held")
    events = None if event_reader is None else EventAcceptance(event_reader, acceptance, telemetry, clock, held)
    upkeep = Upkeep(context, settings.url, events)
    awaited = Awaited()
    scheduler = Scheduler(context, retention=retention, upkeep=upkeep, patient=patient, awaited=awaited)
    beacons = Beacons(beacon_reader, settings.origins, settings.beacon_per_minute, clock) if beacon_reader else None
    app = application(settings, context, scheduler, prometheus, acceptance, events, beacons, awaited)
    return Service(settings, context, scheduler, prometheus, app, acceptance)


def collect_rarely() -> None:
    """Let the process look for cycles of garbage seldom.

    A window makes some ten thousand objects that die with it without a cycle, and what is kept of all models are some
    hundred thousand: to look through these after each few windows took a seventh of a window's time.
    """
    gc.set_threshold(GARBAGE_OBJECTS, GARBAGE_ROUNDS, GARBAGE_ROUNDS)


def serve(
    settings: MonitorSettings,
    *,
    version: str,
    code: str | None = None,
    event_reader: EventReader | None = None,
    beacon_reader: BeaconReader | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Raises InvalidInput, Unavailable."""
    sockets = listening_sockets(settings.host, settings.port)
    collect_rarely()
    service = open_service(settings, version=version, code=code, event_reader=event_reader, beacon_reader=beacon_reader)
    config = uvicorn.Config(
        service.app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=REQUESTS_STOP_SECONDS,
        server_header=False,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal that ended it once more, for whoever handled it before: by default that is the end of
    # the process, with a pass half done and the last results unsent.
    before = {number: signal.signal(number, _ended) for number in (signal.SIGTERM, signal.SIGINT)}
    service.start()
    try:
        server.run(sockets)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        service.close()
    return 0 if server.started else 1


def _ended(*_: object) -> None:
    """The server has ended already."""


def application(
    settings: MonitorSettings,
    context: Context,
    scheduler: Scheduler,
    prometheus: PrometheusExporter,
    acceptance: Acceptance,
    events: EventAcceptance | None,
    beacons: Beacons | None,
    awaited: Awaited,
) -> Litestar:
    """The HTTP interface: the API under /api/v1, events, health, metrics, its own description, and the web UI."""
    # Another library holds the interpreter for seconds: in a process of its own it delays no window and no answer.
    on_demand = OnDemand(context.runner)
    provided: dict[str, Any] = {
        "catalog": context.catalog,
        "store": context.store,
        "clock": context.clock,
        "url": settings.url,
        "observer": context.observer,
        "code": context.code,
        "acceptance": acceptance,
        "awaited": awaited,
        "rows_reader": rows_from_bytes,
        "rows_writer": rows_to_parquet,
        "labels_reader": labels_from_bytes,
        "explainer_for": explainer_for,
        "opinion": on_demand.of(evidently_values),
        "report": on_demand.of(evidently_html),
    }
    if events is not None:
        provided["events"] = events
    browsers = [BeaconController] if beacons is not None and settings.origins else []
    if browsers:
        provided["beacons"] = beacons
    loggers = [] if events is None else [CloudEventsController]
    api = Router(
        path="/api/v1",
        route_handlers=[
            RecordsController,
            DeclarationsController,
            AwaitedController,
            PreviewsController,
            ModelsController,
            AccountController,
            MeasurementsController,
            EfficiencyController,
            EstimatesController,
            EvidentlyController,
            EvidentlyWindowsController,
            CausesController,
            ChangePointsController,
            VersionsController,
            PipelinesController,
            RecomputeController,
            GridsController,
            GroupsController,
            OutcomesController,
            QualityController,
            RowsController,
            FilesController,
            AlertsController,
            HoldsController,
            SilencesController,
            *browsers,
        ],
        response_class=ListResponse,
    )
    return Litestar(
        route_handlers=[api, *loggers, live, ready, metrics, openapi_document, *web_routes()],
        dependencies={name: _provide(value) for name, value in provided.items()} | asked(),
        state=State(
            {"scheduler": scheduler, "catalog": context.catalog, "prometheus": prometheus, "url": settings.url}
        ),
        exception_handlers={Exception: problem},
        openapi_config=OpenAPIConfig(
            title="Outrider",
            version="1",
            path="/api/description",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        request_max_body_size=None,
        compression_config=CompressionConfig(backend="gzip", gzip_compress_level=5, exclude=[r"\.parquet$"]),
        logging_config=None,
    )


def _provide(value: Any) -> Provide:
    return Provide(lambda: value, sync_to_thread=False, use_cache=True)


@get("/health/live", include_in_schema=False, sync_to_thread=False)
def live() -> dict[str, str]:
    """The event loop answers."""
    return {"status": "ok"}


@get("/health/ready", include_in_schema=False, sync_to_thread=True)
def ready(state: State) -> Response[dict[str, Any]]:
    """The catalog answers. What the scheduler last stumbled over is told, and makes nothing unready."""
    health = state.scheduler.health
    is_ready = bool(state.catalog.ready())
    body = {
        "status": "ok" if is_ready else "unavailable",
        "passes": health.passes,
        "windows": health.windows,
        "errors": health.errors[-5:],
    }
    return Response(body, status_code=200 if is_ready else 503)


@get("/metrics", include_in_schema=False, sync_to_thread=True)
def metrics(request: Request[Any, Any, Any], state: State) -> Response[bytes]:
    body, content_type = state.prometheus.render(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type})


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def openapi_document(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return request.app.openapi_schema.to_schema()


def problem(_: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """RFC 9457 problem details of any error; ours carry every fault with its path."""
    status, title, more = _described(error)
    if status >= 500:
        log.error("request failed", exc_info=error)
    body = {"type": "about:blank", "title": title, "status": status, **more}
    return Response(body, status_code=status, media_type=PROBLEM)


def _described(error: Exception) -> tuple[int, str, dict[str, Any]]:
    match error:
        case InvalidInput():
            faults = [{"path": f.where, "found": f.found, "expected": f.expected} for f in error.faults]
            return 422, "The input cannot be used", {"detail": str(error), "errors": faults}
        case NotFound():
            return 404, "Not found", {"detail": str(error)}
        case Unavailable():
            return 503, "Not available now", {"detail": str(error)}
        case HTTPException():
            extra = {"errors": error.extra} if isinstance(error.extra, list) and error.extra else {}
            return (
                error.status_code,
                error.__class__.__name__.removesuffix("Exception"),
                {"detail": error.detail, **extra},
            )
        case UnicodeDecodeError():  # of a body in JSON: the framework tells every other fault of one itself
            return 400, "Client", {"detail": f"the body is no text in UTF-8 from byte {error.start} on"}
        case _:
            return 500, "The monitor failed", {"detail": type(error).__name__}


def link_of(url: str, transition: Transition) -> str:
    """The alert's page: the window that fired, with context, and only that."""
    return f"{url}/alerts/{transition.fingerprint}"


def prime(exporters: Sequence[Holding], catalog: Catalog, store: SegmentStore) -> None:
    """Show the exporters that hold the latest windows those of the catalog, at once after a start."""
    found = []
    for entry in catalog.models():
        for version in catalog.versions(entry.name):
            for rule in entry.declaration.windows:
                newest = catalog.windows(
                    entry.name, version=version, rule=rule.name, limit=PRIMED_WINDOWS_MAX, newest_first=True
                )
                labelled = next((w for w in newest if w.labelled), None)
                found += [_publication_of(w, catalog, store) for w in (labelled, *newest[:1]) if w is not None]
    for exporter in exporters:
        exporter.publish(found)


def _publication_of(window: WindowEntry, catalog: Catalog, store: SegmentStore) -> Publication:
    """What was found of a committed window, of the latest revision of each record."""
    span = window.span
    segments = catalog.segments("measurements", window.model, window.version, span.start_ns, span.end_ns)
    query = FindingQuery(span.start_ns, (span.start_ns or 0) + 1, window.version, limit=PRIMED_FINDINGS_MAX)
    # Windows of other rules may begin at the same moment.
    return Publication(0, window, tuple(f for f in store.find_findings(segments, query) if f.window == span), ())


def explainers(catalog: Catalog, store: SegmentStore) -> Callable[[MonitoredModel], Explainer | None]:
    """What explains each model's predictions, opened once for its baseline and declaration in force.

    A model's file that cannot be opened (any more) costs the explanations, and no window.
    """
    opened: dict[str, tuple[tuple[object, ...], Explainer | None]] = {}

    def of(model: MonitoredModel) -> Explainer | None:
        entry = catalog.baseline(model.model)
        if entry is None or model.explain is None:
            return None
        key = (entry.id, model.explain, model.features, model.prediction)
        known = opened.get(model.model)
        if known is None or known[0] != key:
            try:
                known = key, explainer_for(model, store.read_baseline(entry.path))
            except OutriderError as error:
                log.warning("predictions are not explained", extra={"model": model.model, "cause": str(error)})
                return None
            opened[model.model] = known
        return known[1]

    return of


class Upkeep:
    """What is due again and again: Alertmanager hears of the open alerts, gauges follow what changed besides windows,
    events that wait are looked after."""

    def __init__(self, context: Context, url: str, events: EventAcceptance | None) -> None:
        self._context, self._url, self._events = context, url, events
        self._reminder_ns = self._refresh_ns = 0

    def __call__(self) -> None:
        now_ns = self._context.clock()
        if now_ns >= self._refresh_ns:
            self._refresh_ns = now_ns + REFRESH_NS
            hold_alerts(self._context)
            for exporter in holding(self._context.exporters):
                exporter.refresh()
        if self._events is not None:
            self._events.tend()
        if now_ns >= self._reminder_ns:
            self._reminder_ns = now_ns + SEND_INTERVAL_NS
            remind_alerts(self._context, link=lambda alert: f"{self._url}/alerts/{alert.fingerprint}")
