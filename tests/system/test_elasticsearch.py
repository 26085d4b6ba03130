"""The exporter before a real Elasticsearch."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from monitor.errors import InvalidInput
from monitor.exporters.dead_letters import DeadLetters
from monitor.exporters.documents import Document, publication_documents
from monitor.exporters.elasticsearch import ElasticsearchExporter
from monitor.exporters.telemetry import Telemetry
from monitor.exporters.templates import PLAIN
from monitor.findings import AlertKind, AlertStatus, Status
from tests.results import START, finding, publication, transition
from tests.system.services.elasticsearch_node import installed, running_elasticsearch

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not installed(), reason="needs Java 17 and Maven: apt-get install openjdk-17-jdk-headless maven"
    ),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_elasticsearch(tmp_path_factory.mktemp("elasticsearch")) as node:
        yield node.url


@dataclass
class Bench:
    client: Elasticsearch
    exporter: ElasticsearchExporter
    namespace: str
    dead: Path

    @property
    def window(self) -> str:
        return f"metrics-outrider.window-{self.namespace}"

    @property
    def alert(self) -> str:
        return f"logs-outrider.alert-{self.namespace}"

    def documents(self, stream: str, **query: Any) -> list[dict[str, Any]]:
        self.client.indices.refresh(index=stream)
        found = self.client.search(index=stream, size=1_000, query=query or {"match_all": {}})
        return [hit["_source"] for hit in found["hits"]["hits"]]


@pytest.fixture
def bench(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each test has a namespace of its own, so data streams of its own."""
    client = Elasticsearch(url)
    namespace = f"n{abs(hash(request.node.name)) % 10**9}"
    exporter = ElasticsearchExporter(
        client,
        namespace=namespace,
        dead_letters=DeadLetters(tmp_path / "dead.ndjson"),
        telemetry=Telemetry("0.1.0"),
        clock=lambda: START,
        sleep=lambda seconds: None,
        jitter=random.Random(3),
    )
    yield Bench(client, exporter, namespace, tmp_path / "dead.ndjson")
    client.close()


def test_the_server_is_asked_and_takes_our_templates(bench: Bench) -> None:
    """This server has neither policies nor constant keywords: the plain form is put and wins."""
    assert bench.exporter.prepare() == PLAIN
    simulated = bench.client.indices.simulate_index_template(name=bench.window)
    assert simulated["template"]["lifecycle"]["data_retention"] == "400d"
    assert simulated["template"]["mappings"]["properties"]["outrider"]["dynamic"] == "strict"


def test_a_result_lands_in_its_data_streams(bench: Bench) -> None:
    """Every document of a result is found by its fields, at the window's time."""
    fair = finding(
        "parity_difference", AlertKind.FAIRNESS, slice="SEX=2", threshold=(-0.1, 0.1), status=Status.CRITICAL
    )
    undefined = finding("roc_auc", AlertKind.PERFORMANCE, value=None, low=None, high=None, status=Status.UNDEFINED)
    bench.exporter.publish([publication(0, finding(), fair, undefined, transitions=(transition(),))])
    (found,) = bench.documents(bench.window, term={"outrider.slice": "SEX=2"})
    assert found["outrider"]["threshold"] == {"low": -0.1, "high": 0.1, "origin": "default"}
    assert found["@timestamp"] == "2026-03-01T00:00:00Z"
    assert len(bench.documents(bench.window)) == 4
    (told,) = bench.documents(bench.alert, match={"message": "distance"})
    assert told["outrider"]["features"][0]["name"] == "RELP"
    assert not bench.dead.exists()


def test_a_second_delivery_changes_nothing(bench: Bench) -> None:
    """409 from the server counts as delivered."""
    for _ in range(2):
        bench.exporter.publish([publication(0, finding(), transitions=(transition(),))])
    assert len(bench.documents(bench.window)) == 2
    assert len(bench.documents(bench.alert)) == 1
    assert not bench.dead.exists()


def test_a_retry_after_a_rollover_does_not_double(bench: Bench) -> None:
    """The server would take the same id again in the new backing index; we look first."""
    bench.exporter.publish([publication()])
    bench.client.indices.rollover(alias=bench.window)
    bench.exporter._uncertain = True
    bench.exporter.publish([publication()])
    assert len(bench.documents(bench.window)) == 2


def test_a_revision_is_new_documents_and_the_latest_can_be_read(bench: Bench) -> None:
    """Collapsing on the record and taking the highest revision gives each value once."""
    bench.exporter.publish([publication(0, finding(value=0.1)), publication(0, finding(value=0.2), revision=1)])
    assert len(bench.documents(bench.window)) == 4
    found = bench.client.search(
        index=bench.window,
        query={"term": {"outrider.document": "finding"}},
        collapse={"field": "outrider.record"},
        sort=[{"outrider.revision": "desc"}],
    )
    assert [hit["_source"]["outrider"]["value"] for hit in found["hits"]["hits"]] == [0.2]


def test_a_document_that_the_mapping_refuses_becomes_a_dead_letter(bench: Bench) -> None:
    """An unknown field under `outrider` is a mistake of ours: kept, counted, and it stops nobody."""
    bench.exporter.prepare()
    good, poison = list(publication_documents(publication(), bench.exporter._streams))
    body = poison.body | {"outrider": poison.body["outrider"] | {"made_up": 1}}
    bench.exporter._deliver([Document(poison.stream, poison.id, body), good])
    (letter,) = map(json.loads, bench.dead.read_text().splitlines())
    assert letter["reason"].startswith("strict_dynamic_mapping_exception")
    assert len(bench.documents(bench.window)) == 1


def test_another_template_that_wins_is_refused_at_the_start(bench: Bench) -> None:
    """With a foreign template of higher priority the exporter says which stream is taken."""
    bench.client.indices.put_index_template(
        name="foreign", index_patterns=[f"{bench.window}*"], priority=9_000, data_stream={}
    )
    try:
        with pytest.raises(InvalidInput, match=bench.window):
            bench.exporter.prepare()
    finally:
        bench.client.indices.delete_index_template(name="foreign")


def test_names_from_the_data_never_become_fields(bench: Bench) -> None:
    """A thousand features later the mapping is the same."""
    bench.exporter.publish([publication()])
    before = bench.client.field_caps(index=bench.window, fields="*")["fields"].keys()
    many = [finding(feature=f"feature {i}.with.dots", metric=f"metric_{i}") for i in range(1_000)]
    bench.exporter.publish([publication(1, *many)])
    assert bench.client.field_caps(index=bench.window, fields="*")["fields"].keys() == before
    assert len(before) < 120


def test_transitions_of_an_alert_are_told_apart(bench: Bench) -> None:
    """Firing, escalation and resolve are three documents with one fingerprint."""
    steps = [
        transition(),
        transition(escalated=True, index=1),
        replace(transition(AlertStatus.RESOLVED), window=transition(index=2).window),
    ]
    bench.exporter.publish([publication(i, transitions=(step,)) for i, step in enumerate(steps)])
    found = bench.documents(bench.alert, term={"outrider.fingerprint": "f1"})
    assert sorted(d["outrider"]["state"] for d in found) == ["firing", "firing", "resolved"]
