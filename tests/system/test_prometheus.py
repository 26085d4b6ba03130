"""A real Prometheus scrapes the monitor and a sidecar: rules load, and every panel's query answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from collectors.telemetry import SidecarMetrics
from dashboards.grafana import queries, with_everything
from monitor.exporters.prometheus import PrometheusExporter
from monitor.exporters.telemetry import Telemetry
from monitor.findings import AlertKind
from monitor.metrics.registry import METRICS
from tests.exported import readings
from tests.results import alert, declared, finding, finding_of, publication
from tests.scripted_http import Answer, Request, scripted_http
from tests.system.services.process import wait_until
from tests.system.services.prometheus import Prometheus, installed, running_prometheus

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not installed(), reason="needs Prometheus: apt-get install prometheus"),
]
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "outrider.rules.yml"
WITH_DATA = ("outrider-drift", "outrider-performance", "outrider-capture", "outrider-overview")


@dataclass
class Watched:
    prometheus: Prometheus
    exporter: PrometheusExporter


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Prometheus on a monitor with one result of every metric, and on a sidecar."""
    telemetry = Telemetry("0.1.0")
    telemetry.sent("elasticsearch", 10, time.time_ns())
    telemetry.retried("elasticsearch")
    exporter = PrometheusExporter(METRICS, lambda: [declared(task="binary")], lambda: [alert()], telemetry)
    output = finding(kind=AlertKind.PREDICTION_DRIFT, feature="p", value=0.2)
    exporter.publish([publication(0, *(finding_of(metric) for metric in METRICS), output)])
    sidecar = CollectorRegistry()
    sidecar.register(SidecarMetrics("0.1.0", readings))

    def answer(request: Request) -> Answer:
        accept = request.headers.get("accept", "")
        if request.path == "/metrics":
            body, kind = exporter.render(accept)
        else:
            encode, kind = choose_encoder(accept)
            body = encode(sidecar)
        return Answer(200, body, {"Content-Type": kind})

    folder = tmp_path_factory.mktemp("prometheus")
    with scripted_http(answer) as server:
        address = server.url.removeprefix("http://")
        targets = {"monitor": f"{address}/metrics", "sidecar": f"{address}/sidecar"}
        with running_prometheus(folder, targets, [RULES]) as prometheus:
            wait_until(lambda: len(prometheus.query("outrider_build_info")) == 2, 30, "both are scraped")
            wait_until(
                lambda: len(prometheus.query("rate(outrider_tap_bytes_total[30s])")) == 2, 30, "there are two scrapes"
            )
            yield Watched(prometheus, exporter)


def test_both_are_scraped_without_a_complaint(watched: Watched) -> None:
    """Prometheus takes every line of both expositions."""
    assert [(t["health"], t["lastError"]) for t in watched.prometheus.targets()] == [("up", "")] * 2


def test_prometheus_has_every_series_that_we_expose(watched: Watched) -> None:
    """As many samples as the exposition says it has, and no label was renamed for a clash with the target's own."""
    (exported,) = watched.prometheus.query("outrider_exported_series")
    (scraped,) = watched.prometheus.query('scrape_samples_scraped{job="monitor"}')
    assert scraped["value"][1] == exported["value"][1]
    assert watched.prometheus.query('{__name__=~"outrider_.+", exported_job!=""}') == []
    assert watched.prometheus.query('{__name__=~"outrider_.+", exported_instance!=""}') == []


def test_every_metric_arrives_with_its_value(watched: Watched) -> None:
    """The registry's names, one by one."""
    for metric in METRICS:
        found = watched.prometheus.query(f'{metric.prometheus}{{model="income", model_version="1", window="5m"}}')
        assert {sample["value"][1] for sample in found} >= {"0.3"}, metric.name


def test_the_rules_load_and_are_well(watched: Watched) -> None:
    """Every rule is evaluated without an error."""
    wait_until(
        lambda: all(rule["health"] == "ok" for rule in watched.prometheus.rules()), 30, "every rule was evaluated"
    )
    assert len(watched.prometheus.rules()) > 30


def test_recorded_series_are_there(watched: Watched) -> None:
    """What the dashboards of others build on."""
    wait_until(
        lambda: bool(watched.prometheus.query('cluster_model:outrider_threshold_ratio:max{model="income"}')),
        30,
        "the worst score of each model is recorded",
    )


@pytest.mark.parametrize(("page", "panel", "promql"), queries(), ids=lambda value: value[:60])
def test_every_query_of_every_panel_answers(watched: Watched, page: str, panel: str, promql: str) -> None:
    """None is refused; those of drift, performance and capture answer with data."""
    found = watched.prometheus.query(with_everything(promql))
    if page in WITH_DATA:
        assert found, f"{page}: {panel}: {promql}"


def test_a_removed_model_is_gone_at_the_next_scrape(watched: Watched) -> None:
    """Prometheus marks the series stale: no gauge of a model that is no more. Runs last: it empties the exposition."""
    watched.exporter._models = list
    watched.exporter.refresh()
    wait_until(lambda: watched.prometheus.query('outrider_drift_psi{model="income"}') == [], 15, "its series are stale")
