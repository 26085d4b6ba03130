"""The monitor's settings: typed, frozen, every fault at once with its place."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import InvalidInput
from monitor.settings import MonitorSettings


def test_without_any_it_is_embedded() -> None:
    """SQLite in the data directory, on loopback."""
    settings = MonitorSettings.of({}, "options")
    assert (settings.host, settings.port) == ("127.0.0.1", 8090)
    assert settings.catalog_url == "sqlite:///outrider-data/catalog.sqlite"
    assert settings.url == "http://127.0.0.1:8090"


def test_they_are_what_the_file_says() -> None:
    """With links that lead where people reach it."""
    settings = MonitorSettings.of(
        {"listen": "[::1]:80", "data": "/d", "public_url": "https://o.example/", "rows_days": 3}, "f.yaml"
    )
    assert (settings.host, settings.port, settings.data) == ("::1", 80, Path("/d"))
    assert (settings.url, settings.rows_days) == ("https://o.example", 3)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"bogus": 1}, "f.yaml: bogus"),
        ({"listen": "8090"}, "f.yaml: listen"),
        ({"listen": "127.0.0.1"}, "f.yaml: listen"),
        ({"listen": ":8090"}, "f.yaml: listen"),
        ({"listen": "127.0.0.1:99999"}, "f.yaml: listen"),
        ({"listen": "127.0.0.1:٣"}, "f.yaml: listen"),
        ({"listen": 8090}, "f.yaml: listen"),
        ({"rows_days": 0}, "f.yaml: rows_days"),
        ({"rows_days": "30"}, "f.yaml: rows_days"),
        ({"rows_days": True}, "f.yaml: rows_days"),
        ({"data": ["a"]}, "f.yaml: data"),
        ({"catalog": 7}, "f.yaml: catalog"),
        ({"public_url": "outrider.example"}, "f.yaml: public_url"),
        ({"elasticsearch_url": "127.0.0.1:9200"}, "f.yaml: elasticsearch_url"),
        ({"otlp_endpoint": "collector"}, "f.yaml: otlp_endpoint"),
    ],
)
def test_a_fault_is_told_with_its_place(values: dict[str, Any], place: str) -> None:
    """Before anything is opened."""
    with pytest.raises(InvalidInput) as refused:
        MonitorSettings.of(values, "f.yaml")
    assert [f.where for f in refused.value.faults] == [place]


def test_every_fault_is_told_at_once() -> None:
    """So that a file is mended once."""
    with pytest.raises(InvalidInput) as refused:
        MonitorSettings.of({"a": 1, "b": 2, "rows_days": -1, "listen": "x"}, "f.yaml")
    assert len(refused.value.faults) == 4


def test_they_do_not_change() -> None:
    """Read once."""
    with pytest.raises(FrozenInstanceError):
        MonitorSettings().rows_days = 1  # type: ignore[misc]


def test_a_mistyped_setting_is_told_what_it_may_have_meant() -> None:
    """One that resembles none is told all."""
    with pytest.raises(InvalidInput) as caught:
        MonitorSettings.of({"rows_dys": 3, "colour": "red"}, "f")
    near, none = caught.value.faults
    assert near.expected == "rows_days, perhaps" and "listen, " in none.expected
