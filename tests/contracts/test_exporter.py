"""What every exporter promises: order, at least once without harm, and no word where there is nothing to say."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from monitor.exporters.dead_letters import DeadLetters
from monitor.exporters.elasticsearch import ElasticsearchExporter
from monitor.exporters.opentelemetry import OpenTelemetryExporter
from monitor.exporters.prometheus import PrometheusExporter
from monitor.exporters.telemetry import Telemetry
from monitor.metrics.registry import METRICS
from monitor.ports import Exporter
from tests.monitor.exporters.fake_elasticsearch import fake_elasticsearch
from tests.results import START, declared, finding, publication, transition


@dataclass(frozen=True)
class Subject:
    exporter: Exporter
    shown: Callable[[], str]
    """What the other side sees now, as text that is equal when it is the same."""


def prometheus(_: Path, stack: ExitStack) -> Subject:
    exporter = PrometheusExporter(METRICS, lambda: [declared()], list, Telemetry("0"))

    def shown() -> str:
        return exporter.render()[0].decode()

    return Subject(exporter, shown)


def opentelemetry(_: Path, stack: ExitStack) -> Subject:
    reader = InMemoryMetricReader()
    exporter = OpenTelemetryExporter(METRICS, lambda: [declared()], list, reader, "0")

    def shown() -> str:
        data = reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        points = [(m.name, p) for s in scopes for m in s.metrics for p in m.data.data_points]
        return "\n".join(sorted(f"{n} {p.attributes} {getattr(p, 'value', None)}" for n, p in points))

    return Subject(exporter, shown)


def elasticsearch(folder: Path, stack: ExitStack) -> Subject:
    fake = stack.enter_context(fake_elasticsearch())
    assert fake.server
    exporter = ElasticsearchExporter(
        Elasticsearch(fake.server.url),
        namespace="default",
        dead_letters=DeadLetters(folder / "dead.ndjson"),
        telemetry=Telemetry("0"),
        clock=lambda: START,
        sleep=lambda seconds: None,
        jitter=random.Random(1),
    )
    return Subject(
        exporter, lambda: str(sorted((s, [sorted(i) for i in indices]) for s, indices in fake.streams.items()))
    )


@pytest.fixture(params=[prometheus, opentelemetry, elasticsearch], ids=lambda make: make.__name__)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    with ExitStack() as stack:
        made: Subject = request.param(tmp_path, stack)
        yield made
        made.exporter.close()


def test_its_name_is_a_word(subject: Subject) -> None:
    """The catalog keeps its place under this name, and telemetry uses it as a label."""
    assert subject.exporter.name.isidentifier() and subject.exporter.name == subject.exporter.name.lower()


def test_nothing_to_publish_changes_nothing(subject: Subject) -> None:
    """An empty call is no error."""
    subject.exporter.publish([publication()])
    before = subject.shown()
    subject.exporter.publish([])
    assert subject.shown() == before


def test_what_is_published_is_seen(subject: Subject) -> None:
    """A result changes what the other side sees."""
    before = subject.shown()
    subject.exporter.publish([publication(0, finding(), transitions=(transition(),))])
    assert subject.shown() != before


def test_a_second_delivery_changes_nothing(subject: Subject) -> None:
    """At least once on our side is exactly once in effect."""
    result = publication(0, finding(), transitions=(transition(),))
    subject.exporter.publish([result])
    before = subject.shown()
    subject.exporter.publish([result, result])
    assert subject.shown() == before


def test_one_call_or_many_is_the_same(subject: Subject, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """How publications are cut into calls does not show."""
    results = [publication(i, finding(value=0.1 * i)) for i in range(3)]
    subject.exporter.publish(results)
    with ExitStack() as stack:
        make = request.node.callspec.params["subject"]
        other: Subject = make(tmp_path, stack)
        for result in results:
            other.exporter.publish([result])
        assert other.shown() == subject.shown()
        other.exporter.close()


def test_a_result_without_findings_is_published(subject: Subject) -> None:
    """A window without data is a result too."""
    empty = publication(0, n_window=0, labelled=0)
    subject.exporter.publish([type(empty)(0, empty.window, (), ())])
    assert subject.shown()
