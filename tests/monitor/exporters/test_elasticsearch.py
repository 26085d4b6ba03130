"""Delivery to Elasticsearch: what is retried, what is refused, what is never sent twice."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from monitor.errors import InvalidInput, Unavailable
from monitor.exporters.dead_letters import DeadLetters
from monitor.exporters.elasticsearch import ATTEMPTS_MAX, ElasticsearchExporter
from monitor.exporters.telemetry import Telemetry
from monitor.exporters.templates import FULL, PLAIN
from tests.monitor.exporters.fake_elasticsearch import HEADERS, FakeElasticsearch, fake_elasticsearch
from tests.monitor.exporters.test_telemetry import value
from tests.results import START, finding, publication, transition
from tests.scripted_http import Answer

WINDOW, ALERT = "metrics-outrider.window-default", "logs-outrider.alert-default"


class Bench:
    """An exporter before a fake server, with a sleep that only counts."""

    def __init__(self, fake: FakeElasticsearch, folder: Path) -> None:
        assert fake.server
        self.fake = fake
        self.dead = folder / "dead" / "letters.ndjson"
        self.telemetry = Telemetry("0.1.0")
        self.slept: list[float] = []
        self.exporter = ElasticsearchExporter(
            Elasticsearch(fake.server.url),
            namespace="default",
            dead_letters=DeadLetters(self.dead),
            telemetry=self.telemetry,
            clock=lambda: START,
            sleep=self.slept.append,
            jitter=random.Random(7),
        )

    def bulks(self) -> int:
        assert self.fake.server
        return sum(r.path.startswith("/_bulk") for r in self.fake.server.requests)


@contextmanager
def bench(folder: Path, **changes: Any) -> Iterator[Bench]:
    with fake_elasticsearch(**changes) as fake:
        made = Bench(fake, folder)
        yield made
        made.exporter.close()


def test_the_full_form_is_chosen_where_the_server_has_everything(tmp_path: Path) -> None:
    """Policies, constant keywords and light text where they exist."""
    with bench(tmp_path) as b:
        assert b.exporter.prepare() == FULL
        assert "/_ilm/policy/outrider-window" in b.fake.put
        template = b.fake.put["/_index_template/outrider-window"]
        assert template["template"]["settings"]["index.lifecycle.name"] == "outrider-window"
        fields = template["template"]["mappings"]["properties"]["data_stream"]["properties"]
        assert fields["dataset"] == {"type": "constant_keyword", "value": "outrider.window"}


def test_the_plain_form_is_chosen_where_the_server_lacks_them(tmp_path: Path) -> None:
    """The data stream's own lifecycle stands in for policies."""
    with bench(tmp_path, has=frozenset({"lifecycle"})) as b:
        assert b.exporter.prepare() == PLAIN
        assert not [path for path in b.fake.put if path.startswith("/_ilm")]
        assert b.fake.put["/_index_template/outrider-alert"]["template"]["lifecycle"] == {"data_retention": "730d"}


def test_a_users_own_component_template_is_never_overwritten(tmp_path: Path) -> None:
    """`outrider@custom` is created once and then left alone."""
    with bench(tmp_path) as b:
        mine = {"template": {"settings": {"number_of_replicas": 2}}}
        b.fake.put["/_component_template/outrider@custom"] = mine
        b.exporter.prepare()
        assert b.fake.put["/_component_template/outrider@custom"] == mine


def test_another_template_that_wins_stops_the_start(tmp_path: Path) -> None:
    """Documents in a foreign mapping would be lost or wrong: say it at once, with the stream's name."""
    with bench(tmp_path, winner="someone") as b, pytest.raises(InvalidInput, match=WINDOW):
        b.exporter.prepare()


def test_one_result_is_a_document_for_the_window_each_finding_and_each_transition(tmp_path: Path) -> None:
    """Three streams' worth of documents are counted as sent."""
    with bench(tmp_path) as b:
        b.exporter.publish([publication(0, finding(), finding(feature="b"), transitions=(transition(),))])
        assert len(b.fake.documents(WINDOW)) == 3
        assert len(b.fake.documents(ALERT)) == 1
        assert value(b.telemetry, "outrider_sink_records_total", sink="elasticsearch") == 4


def test_a_busy_server_is_asked_again_with_growing_pauses(tmp_path: Path) -> None:
    """429 puts the whole request off, and nothing is lost or doubled."""
    with bench(tmp_path, trouble=[Answer(429, b"{}", HEADERS), Answer(503, b"{}", HEADERS)]) as b:
        b.exporter.publish([publication()])
        assert len(b.fake.documents(WINDOW)) == 2
        assert len(b.slept) == 2 and b.slept[0] < b.slept[1]
        assert value(b.telemetry, "outrider_sink_retries_total") == 2


def test_items_that_are_put_off_are_tried_alone(tmp_path: Path) -> None:
    """A rejected item goes again; those delivered beside it do not."""
    rejections = [(429, "es_rejected_execution_exception")]

    def refuse(body: dict[str, Any]) -> tuple[int, str] | None:
        return rejections.pop() if rejections and body["outrider"]["document"] == "finding" else None

    with bench(tmp_path, refuse=refuse) as b:
        b.exporter.publish([publication()])
        assert len(b.fake.documents(WINDOW)) == 2
        assert b.bulks() == 2


def test_a_server_that_stays_busy_is_unavailable(tmp_path: Path) -> None:
    """After a bounded number of tries the caller is told to come again."""
    with bench(tmp_path, trouble=[Answer(429, b"{}", HEADERS)] * 10) as b:
        with pytest.raises(Unavailable):
            b.exporter.publish([publication()])
        assert b.bulks() == ATTEMPTS_MAX


def test_a_request_that_is_too_large_is_split(tmp_path: Path) -> None:
    """413 halves the request until it fits."""
    with bench(tmp_path, trouble=[Answer(413, b"{}", HEADERS)]) as b:
        b.exporter.publish([publication(0, *(finding(feature=f"f{i}") for i in range(9)))])
        assert len(b.fake.documents(WINDOW)) == 10
        assert b.bulks() == 3


def test_a_single_document_that_is_too_large_becomes_a_dead_letter(tmp_path: Path) -> None:
    """One that no splitting helps is kept aside, and the rest goes on."""
    too_large = Answer(413, b"{}", HEADERS)
    with bench(tmp_path, trouble=[too_large, too_large]) as b:
        b.exporter.publish([publication()])
        assert len(b.fake.documents(WINDOW)) == 1
        assert value(b.telemetry, "outrider_sink_failed_records_total", reason="too_large") == 1


def test_a_refused_document_is_kept_with_its_reason(tmp_path: Path) -> None:
    """A poison document does not stop its neighbours; a person finds it in the file."""

    def refuse(body: dict[str, Any]) -> tuple[int, str] | None:
        return (400, "document_parsing_exception") if body["outrider"].get("feature") == "bad" else None

    with bench(tmp_path, refuse=refuse) as b:
        b.exporter.publish([publication(0, finding(), finding(feature="bad"))])
        (letter,) = map(json.loads, b.dead.read_text().splitlines())
        assert letter["document"]["outrider"]["feature"] == "bad"
        assert letter["reason"] == "document_parsing_exception: as scripted"
        assert value(b.telemetry, "outrider_sink_failed_records_total", reason="document_parsing_exception") == 1
        assert len(b.fake.documents(WINDOW)) == 2


def test_a_second_delivery_changes_nothing(tmp_path: Path) -> None:
    """409 counts as delivered."""
    with bench(tmp_path) as b:
        b.exporter.publish([publication()])
        b.exporter.publish([publication()])
        assert len(b.fake.documents(WINDOW)) == 2
        assert not b.dead.exists()


def test_a_lost_answer_before_a_rollover_does_not_double(tmp_path: Path) -> None:
    """An id is unique per backing index only: after an unknown outcome we look before we send."""
    with bench(tmp_path) as b:
        b.exporter.prepare()
        b.exporter.publish([publication()])
        b.fake.lose_answers = 1
        with pytest.raises(Unavailable):
            b.exporter.publish([publication(1)])
        b.fake.roll_over()
        b.exporter.publish([publication(1)])
        assert len(b.fake.documents(WINDOW)) == 4


def test_a_restart_after_a_rollover_does_not_double(tmp_path: Path) -> None:
    """A new process does not know what the last one delivered: it looks too."""
    with bench(tmp_path) as b:
        b.exporter.publish([publication()])
        b.fake.roll_over()
        again = Bench(b.fake, tmp_path)
        again.exporter.publish([publication()])
        again.exporter.close()
        assert len(b.fake.documents(WINDOW)) == 2


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """No connection is a reason to come again, never to drop."""
    with bench(tmp_path) as b:
        pass
    with pytest.raises(Unavailable):
        b.exporter.publish([publication()])


def test_many_findings_go_in_several_requests(tmp_path: Path) -> None:
    """A request holds at most a thousand documents."""
    with bench(tmp_path) as b:
        b.exporter.publish([publication(0, *(finding(feature=f"f{i}") for i in range(2_500)))])
        assert len(b.fake.documents(WINDOW)) == 2_501
        assert b.bulks() == 3
