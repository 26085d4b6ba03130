"""The list of exporters: what switches each on, and what stops the start."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from monitor.errors import InvalidInput
from monitor.exporters.registry import ExporterSettings, House, prepare, pushing_exporters
from monitor.exporters.telemetry import Telemetry
from monitor.metrics.registry import METRICS
from tests.monitor.exporters.fake_elasticsearch import fake_elasticsearch
from tests.scripted_http import Answer, scripted_http


def house(folder: Path) -> House:
    return House(METRICS, list, list, Telemetry("0"), "0", folder, {"KEY": "secret"}, time.time_ns, time.sleep)


def test_nothing_is_sent_anywhere_unless_asked_for(tmp_path: Path) -> None:
    """The default phones nobody."""
    assert pushing_exporters(ExporterSettings(), house(tmp_path)) == []


def test_each_setting_switches_its_exporter_on(tmp_path: Path) -> None:
    """By name, in the order of the list."""
    with fake_elasticsearch() as fake, scripted_http(lambda request: Answer()) as collector:
        assert fake.server
        settings = ExporterSettings(fake.server.url, "default", "KEY", f"{collector.url}/v1/metrics")
        made = pushing_exporters(settings, house(tmp_path))
        assert [exporter.name for exporter in made] == ["elasticsearch", "opentelemetry"]
        prepare(made)
        assert fake.server.requests[0].headers["authorization"] == "ApiKey secret"
        for exporter in made:
            exporter.close()


def test_a_named_key_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    """At the start, with the name of the variable."""
    settings = ExporterSettings("http://127.0.0.1:1", elasticsearch_api_key_env="NO_KEY")
    with pytest.raises(InvalidInput, match="NO_KEY"):
        pushing_exporters(settings, house(tmp_path))


def test_a_server_that_is_not_up_yet_does_not_stop_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The monitor begins without it, says so, and prepares it at the first result."""
    made = pushing_exporters(ExporterSettings("http://127.0.0.1:1"), house(tmp_path))
    with caplog.at_level("WARNING", logger="outrider.exporters"):
        prepare(made)
    assert "elasticsearch is unavailable" in caplog.text and "results wait" in caplog.text
    made[0].close()


def test_a_server_with_a_foreign_template_stops_the_start(tmp_path: Path) -> None:
    """It would lose documents for as long as it runs."""
    with fake_elasticsearch(winner="someone") as fake:
        assert fake.server
        made = pushing_exporters(ExporterSettings(fake.server.url), house(tmp_path))
        with pytest.raises(InvalidInput, match="template"):
            prepare(made)
        made[0].close()
