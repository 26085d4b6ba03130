"""The demo's own traffic through real processes into a real Prometheus, Elasticsearch and Alertmanager, to every panel."""

from __future__ import annotations

import csv
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from elasticsearch import Elasticsearch

from dashboards import kibana
from dashboards.grafana import queries, with_everything
from monitor.metrics.registry import STANDARD
from outrider.demo.scenario import declaration, train
from outrider.demo.show import SEED, write_baseline
from outrider.demo.traffic import Traffic
from tests.scripted_http import Answer, Scripted, scripted_http
from tests.system.services import alertmanager as alertmanagers
from tests.system.services import elasticsearch_node as elasticsearches
from tests.system.services import prometheus as prometheuses
from tests.system.services.alertmanager import Alertmanager
from tests.system.services.outrider import Monitor, Sidecar, outrider, run, running_sidecar, sample, text
from tests.system.services.process import answers, free_port, running_process, wait_until
from tests.system.services.prometheus import Prometheus

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not (alertmanagers.installed() and elasticsearches.installed() and prometheuses.installed()),
        reason="needs Prometheus, Alertmanager, Java 17 and Maven",
    ),
]
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "outrider.rules.yml"
MODEL = "credit"
CALM_SECONDS = 20.0
LABELS_EVERY_SECONDS = 4.0
NOTICED_SECONDS_MAX = 150.0
"""Calm, two windows, their lateness and the labels' delay are some 50 s; a busy machine takes longer."""
WITH_DATA = ("drift", "performance", "capture", "fairness", "overview")
AMOUNTS = """\
model: amount
task: regression
features: {income: numeric, taste: {vector: 4}}
prediction: {value: granted}
label: drawn
windows: [{every: 10s, lateness: 1s}]
"""
"""A regression with a vector beside the demo's classifier: errors in the label's unit and embeddings have panels too."""
SAMPLED = 40


@dataclass
class World:
    """Everything that runs, while the traffic goes on."""

    monitor: Monitor
    sidecar: Sidecar
    prometheus: Prometheus
    alertmanager: Alertmanager
    elastic: Elasticsearch
    hook: Scripted
    collector: Scripted
    data: Path
    traffic: Traffic

    def alerts(self, state: str, kind: str) -> list[dict[str, Any]]:
        found = self.monitor.items("/api/v1/alerts", model=MODEL)
        return [a for a in found if a["state"] == state and a["kind"] == kind]

    def measured(self, metric: str) -> list[dict[str, Any]]:
        found = self.monitor.items(f"/api/v1/models/{MODEL}/measurements", metric=metric)
        return [m for m in found if m["value"] is not None]


@dataclass
class Labeller:
    """Sends outcomes as they become known, with the command a user would type."""

    traffic: Traffic
    folder: Path
    url: str
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopping.wait(LABELS_EVERY_SECONDS):
            if not (due := self.traffic.labels_due()):
                continue
            path = self.folder / "labels.csv"
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([("prediction_id", "repaid"), *due])
            run("labels", MODEL, path, "--monitor", self.url)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Until drift has opened an alert and windows of the campaign have their labels."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        found = _start(stack, folder)
        wait_until(lambda: bool(found.alerts("firing", "drift")), NOTICED_SECONDS_MAX, "the drift alert fires")
        wait_until(lambda: len(found.measured("roc_auc")) >= 5, NOTICED_SECONDS_MAX, "windows got their labels")
        wait_until(lambda: bool(found.prometheus.query("outrider_roc_auc")), 30, "performance is scraped")
        found.elastic.indices.refresh(index="*outrider*")
        yield found


def _start(stack: ExitStack, folder: Path) -> World:
    rng = np.random.default_rng(SEED)
    onnx, baseline = folder / "credit.onnx", folder / "baseline.csv"
    train(rng, onnx)
    write_baseline(rng, onnx, baseline)
    hook, collector = (stack.enter_context(scripted_http(lambda request: Answer())) for _ in range(2))
    node = stack.enter_context(elasticsearches.running_elasticsearch(_made(folder / "elasticsearch")))
    alertmanager = stack.enter_context(alertmanagers.running_alertmanager(_made(folder / "alertmanager"), hook.url))
    server = stack.enter_context(_server(_made(folder / "server"), onnx))
    data = folder / "data"
    settings = {"elasticsearch_url": node.url, "otlp_endpoint": f"{collector.url}/v1/metrics", "data": str(data)}
    monitor = stack.enter_context(_monitor(_made(folder / "monitor"), settings))
    document = yaml.safe_load(declaration(onnx, hook.url)) | {
        "receivers": [{"webhook": f"{hook.url}/hook"}, {"alertmanager": alertmanager.url}]
    }
    (folder / "credit.yaml").write_text(yaml.safe_dump(document))
    run("model", "apply", folder / "credit.yaml", "--monitor", monitor.url)
    run("baseline", MODEL, baseline, "--monitor", monitor.url)
    _backfill_amounts(folder, monitor.url)
    sidecar = stack.enter_context(running_sidecar(_made(folder / "sidecar"), server, monitor.url))
    targets = {job: f"{url.removeprefix('http://')}/metrics" for job, url in
               (("outrider-monitor", monitor.url), ("outrider-sidecar", sidecar.metrics_url))}  # fmt: skip
    prometheus = stack.enter_context(prometheuses.running_prometheus(_made(folder / "prometheus"), targets, [RULES]))
    traffic = Traffic(sidecar.port, rng, calm_seconds=CALM_SECONDS)
    traffic.start()
    stack.callback(traffic.stop)
    stack.enter_context(_labelling(Labeller(traffic, folder, monitor.url)))
    elastic = stack.enter_context(Elasticsearch(node.url))
    return World(monitor, sidecar, prometheus, alertmanager, elastic, hook, collector, data, traffic)


def _backfill_amounts(folder: Path, monitor: str) -> None:
    """The last minute of a model that nobody serves here, from its file, with its labels."""
    rng = np.random.default_rng(7)
    income = rng.lognormal(10, 0.5, 2_000)
    granted = income * 0.3
    drawn = granted + rng.normal(0, 500, 2_000)
    taste = pa.FixedSizeListArray.from_arrays(pa.array(rng.normal(size=8_000).astype(np.float32)), 4)
    whole = pa.table(
        {
            "prediction_id": [f"a{i}" for i in range(2_000)],
            "income": income,
            "taste": taste,
            "granted": granted,
            "drawn": drawn,
        }
    )
    served = whole.slice(0, 600)
    tables = {
        "baseline": whole,
        "rows": served.drop_columns(["drawn"]),
        "labels": served.select(["prediction_id", "drawn"]),
    }
    paths = {name: folder / f"amount-{name}.parquet" for name in tables}
    for name, table in tables.items():
        pq.write_table(table, paths[name])
    (folder / "amount.yaml").write_text(AMOUNTS)
    run("model", "apply", folder / "amount.yaml", "--monitor", monitor)
    began = datetime.fromtimestamp(time.time() // 10 * 10 - 80, UTC).isoformat()  # so that every window is full
    options = ["--rate", 10, "--start", began, "--baseline", paths["baseline"], "--labels", paths["labels"]]
    run("backfill", "amount", paths["rows"], *options, "--monitor", monitor)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextmanager
def _server(folder: Path, onnx: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "outrider.demo.server", "127.0.0.1", str(port), MODEL, str(onnx)]
    with running_process(command, folder, lambda log: answers(f"http://127.0.0.1:{port}/v2/health/ready")):
        yield f"127.0.0.1:{port}"


@contextmanager
def _monitor(folder: Path, settings: dict[str, str]) -> Iterator[Monitor]:
    address = f"127.0.0.1:{free_port()}"
    (folder / "monitor.yaml").write_text(yaml.safe_dump(settings | {"listen": address}))
    command = outrider("monitor", "--config", folder / "monitor.yaml")
    with running_process(command, folder, lambda log: answers(f"http://{address}/health/ready")) as process:
        yield Monitor(f"http://{address}", process)


@contextmanager
def _labelling(labeller: Labeller) -> Iterator[None]:
    thread = threading.Thread(target=labeller.run, daemon=True)
    thread.start()
    yield
    labeller.stopping.set()
    thread.join()


def test_both_halves_are_scraped_and_every_rule_is_well(world: World) -> None:
    """Targets are up, no rule has an error, and none of those about our own health fires."""
    assert [(t["health"], t["lastError"]) for t in world.prometheus.targets()] == [("up", "")] * 2
    wait_until(lambda: all(r["health"] == "ok" for r in world.prometheus.rules()), 30, "every rule was evaluated")
    assert world.prometheus.query('cluster_model:outrider_threshold_ratio:max{model="credit", kind="drift"} > 1')
    firing = world.prometheus.query('ALERTS{alertstate="firing"}')
    assert {a["metric"]["alertname"] for a in firing} == {"OutriderWatchdog"}


@pytest.mark.parametrize(("page", "panel", "promql"), queries(), ids=lambda value: value[:60])
def test_every_query_of_every_grafana_panel_answers(world: World, page: str, panel: str, promql: str) -> None:
    """On what the demo's traffic left in Prometheus. What only the regression has is gone from the gauges with its rows:
    then the monitor must have measured it."""
    found = world.prometheus.query(with_everything(promql))
    if page.removeprefix("outrider-") in WITH_DATA and not found:
        (metric,) = {m.name for m in STANDARD if promql.startswith(f"{m.prometheus}{{")} or {promql}
        measured = world.monitor.items("/api/v1/models/amount/measurements", metric=metric)
        assert any(m["value"] is not None for m in measured), f"{page}: {panel}: {promql}"


@pytest.mark.parametrize(("page", "title", "index", "body"), kibana.queries(), ids=lambda value: str(value)[:40])
def test_every_search_of_every_kibana_panel_answers_with_data(
    world: World, page: str, title: str, index: str, body: dict[str, Any]
) -> None:
    """Charts have rows with values in them, tables have documents."""
    found = world.elastic.search(
        index=index, **{name.replace("_source", "source"): part for name, part in body.items()}
    )
    if "aggs" not in body:
        assert found["hits"]["hits"], (page, title)
        return
    rows = found["aggregations"]["only"]["by"]["buckets"]
    assert any(bucket["doc_count"] for row in rows for bucket in row["time"]["buckets"]), (page, title)


@pytest.mark.parametrize(
    ("metric", "family"), [("js_distance", "outrider_drift_js_distance"), ("roc_auc", "outrider_roc_auc")]
)
def test_gauges_are_what_the_api_says_of_their_window(world: World, metric: str, family: str) -> None:
    """Of drift the latest window, of performance the latest with labels: one decision record on every surface."""

    def agree() -> bool:
        (series, *_) = world.prometheus.query(f'{family}{{model="{MODEL}", kind!="prediction_drift"}}')
        value, feature = float(series["value"][1]), series["metric"].get("feature")
        return any(m["value"] == value and m["feature"] == feature for m in world.measured(metric))

    # Labels that came between the two questions have revised the window.
    wait_until(agree, 15, "both say the same")


def test_documents_are_the_measurements_of_the_api(world: World) -> None:
    """The highest revision of each record has the value, interval, counts and status that the API gives."""
    found = world.monitor.items(f"/api/v1/models/{MODEL}/measurements")
    settled = [
        m for m in found if m["window"]["end"] < max(f["window"]["end"] for f in found if f["metric"] == "roc_auc")
    ]
    chosen = np.random.default_rng(8).choice(len(settled), SAMPLED, replace=False)
    compared = 0
    for measurement in (settled[int(i)] for i in chosen):
        document = _document(world.elastic, measurement)
        if document["revision"] != measurement["revision"]:
            continue  # revised between the two questions: the traffic goes on
        compared += 1
        assert document["value"] == measurement["value"]
        assert (document["low"], document["high"]) == (measurement["low"], measurement["high"])
        assert document["status"] == measurement["status"]
        assert document["counts"]["window"] == measurement["n_window"]
        assert document["counts"]["baseline"] == measurement["n_baseline"]
    assert compared > SAMPLED / 2


def _document(elastic: Elasticsearch, measurement: dict[str, Any]) -> dict[str, Any]:
    terms = {
        "model.name": MODEL,
        "metric": measurement["metric"],
        "kind": measurement["kind"],
        "feature": measurement["feature"],
        "slice": measurement["slice"],
        "window.start": measurement["window"]["start"],
    }
    filters: list[dict[str, Any]] = [{"term": {f"outrider.{k}": v}} for k, v in terms.items() if v is not None]
    found = elastic.search(
        index="metrics-outrider.window-default",
        query={"bool": {"filter": filters}},
        collapse={"field": "outrider.record"},
        sort=[{"outrider.revision": "desc"}],
    )
    (hit,) = found["hits"]["hits"]
    return dict(hit["_source"]["outrider"])


def test_alertmanager_holds_the_alert(world: World) -> None:
    """With the labels that identify it, the start that the API names, and an end that lies ahead."""
    (ours,) = world.alerts("firing", "drift")
    held = [a for a in world.alertmanager.alerts() if a["labels"]["alertname"] == "OutriderDrift"]
    assert [a["labels"] for a in held] == [
        {"alertname": "OutriderDrift", "model": MODEL, "model_version": "1", "kind": "drift", "severity": "ticket"}
    ]
    assert _instant(held[0]["startsAt"]) == pytest.approx(_instant(ours["since"]), abs=0.001)
    assert _instant(held[0]["endsAt"]) > time.time()
    assert held[0]["annotations"]["dashboard_url"] == f"{world.monitor.url}/alerts/{ours['fingerprint']}"
    assert answers(held[0]["annotations"]["dashboard_url"])


def test_the_webhook_and_alertmanagers_own_receiver_hear_of_it(world: World) -> None:
    """Two ways, one alert each."""
    ways: dict[str, int] = {"/hook": 0, "/": 0}
    for request in world.hook.requests:
        told = json.loads(request.body)["alerts"]
        ways[request.path] += sum(a["labels"]["alertname"] == "OutriderDrift" and a["status"] == "firing" for a in told)
    assert ways["/hook"] >= 1
    assert ways["/"] >= 1


def test_alert_documents_are_the_transitions_of_the_api(world: World) -> None:
    """Each once, with its state."""
    (ours,) = world.alerts("firing", "drift")
    found = world.elastic.search(
        index="logs-outrider.alert-default", query={"term": {"outrider.fingerprint": ours["fingerprint"]}}, size=100
    )
    states = [hit["_source"]["outrider"]["state"] for hit in found["hits"]["hits"]]
    told = [t["state"] for t in world.monitor.get(f"/api/v1/alerts/{ours['fingerprint']}")["transitions"]]
    assert sorted(states) == sorted(told[: len(states)])
    assert "firing" in states


def test_nothing_was_refused_and_nothing_failed(world: World) -> None:
    """No dead letters, no failed inference, no window that could not be computed."""
    exposition = text(f"{world.monitor.url}/metrics")
    assert not (world.data / "dead-letters").exists()
    assert sample(exposition, "outrider_sink_records_total", sink="elasticsearch") > 100
    for failures in ("outrider_sink_failed_records_total", "outrider_window_failures_total",
                     "outrider_notification_failures_total"):  # fmt: skip
        assert sample(exposition, failures) == 0, failures
    assert world.monitor.get("/health/ready")["errors"] == []
    assert world.traffic.failed == 0


def test_the_monitor_tells_of_its_own_work(world: World) -> None:
    """Runs and durations of windows, batches and records received."""
    exposition = text(f"{world.monitor.url}/metrics")
    windows = len(world.monitor.windows(MODEL))
    assert sample(exposition, "outrider_window_runs_total", model=MODEL) >= windows - 2
    assert sample(exposition, "outrider_window_duration_seconds_count", model=MODEL) >= windows - 2
    assert sample(exposition, "outrider_received_records_total", type="prediction") > 1_000
    assert sample(exposition, "outrider_received_records_total", type="label") > 1_000


def test_opentelemetry_pushes_the_same_series(world: World) -> None:
    """Within its minute."""
    wait_until(
        lambda: any(b"outrider_drift_js_distance" in r.body for r in world.collector.requests), 90, "metrics are pushed"
    )


def _instant(text_: str) -> float:
    return datetime.fromisoformat(text_).timestamp()
