"""Every search of every Kibana panel, on a real Elasticsearch with results of every metric."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from dashboards.kibana import queries
from monitor.exporters.dead_letters import DeadLetters
from monitor.exporters.elasticsearch import ElasticsearchExporter
from monitor.exporters.telemetry import Telemetry
from monitor.findings import AlertKind, AlertStatus
from monitor.metrics.registry import METRICS
from tests.results import finding, finding_of, publication, transition
from tests.system.services.elasticsearch_node import installed, running_elasticsearch

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not installed(), reason="needs Java 17 and Maven: apt-get install openjdk-17-jdk-headless maven"
    ),
]
WINDOWS = 12


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    """An hour of results with every metric in each, one window revised, an alert that opened and ended."""
    folder = tmp_path_factory.mktemp("kibana")
    with running_elasticsearch(folder) as node, Elasticsearch(node.url) as client:
        exporter = ElasticsearchExporter(
            client,
            namespace="default",
            dead_letters=DeadLetters(folder / "dead.ndjson"),
            telemetry=Telemetry("0"),
            clock=time.time_ns,
            sleep=time.sleep,
            jitter=random.Random(5),
        )
        output = finding(kind=AlertKind.PREDICTION_DRIFT, feature="p")
        for index in range(WINDOWS):
            findings = [*(finding_of(metric) for metric in METRICS), output]
            told = {3: (transition(index=3),), 9: (transition(AlertStatus.RESOLVED, index=9),)}.get(index, ())
            exporter.publish([publication(index, *findings, transitions=told)])
        exporter.publish([publication(0, *(finding_of(m, value=0.9) for m in METRICS), revision=1)])
        client.indices.refresh(index="*outrider*")
        assert not (folder / "dead.ndjson").exists()
        yield client


@pytest.mark.parametrize(("page", "title", "index", "body"), queries(), ids=lambda value: str(value)[:40])
def test_every_search_of_every_panel_answers_with_data(
    client: Elasticsearch, page: str, title: str, index: str, body: dict[str, Any]
) -> None:
    """Charts have rows with values in them, tables have documents."""
    found = client.search(index=index, **{name.replace("_source", "source"): part for name, part in body.items()})
    if "aggs" not in body:
        assert found["hits"]["hits"], (page, title)
        return
    rows = found["aggregations"]["only"]["by"]["buckets"]
    assert rows, (page, title)
    assert any(bucket["doc_count"] for row in rows for bucket in row["time"]["buckets"]), (page, title)


def test_a_chart_shows_the_highest_revision(client: Elasticsearch) -> None:
    """The first window was revised from 0.3 to 0.9: one point, the new one."""
    (body,) = [body for page, title, _, body in queries() if page == "performance" and title.startswith("Scores")]
    found = client.search(index="metrics-outrider.window-*", **body)
    (first, *_) = found["aggregations"]["only"]["by"]["buckets"][0]["time"]["buckets"]
    (hit,) = first["latest"]["hits"]["hits"]
    assert hit["_source"]["outrider"]["value"] == 0.9
