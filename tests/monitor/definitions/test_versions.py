"""The sections `versions` and `upstream`: read, written back, refused with every fault."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.definitions import MonitoredModel, Versions
from monitor.errors import InvalidInput


def read(**keys: Any) -> MonitoredModel:
    return MonitoredModel.from_document({"model": "income", **keys})


@pytest.mark.parametrize(
    "section",
    [
        {"champion": "v1", "candidates": ["v2"], "mode": "canary"},
        {"champion": "v1", "candidates": ["v2", "v3"], "mode": "ab", "split": {"v1": 0.5, "v2": 0.25, "v3": 0.25}},
        {"champion": "v1", "candidates": ["v2"], "mode": "shadow"},
    ],
)
def test_what_is_read_is_written_back(section: dict[str, Any]) -> None:
    """To the same value."""
    model = read(versions=section, upstream=["features-v2", "embedder"])
    document = model.to_document()
    assert document["versions"] == section
    assert document["upstream"] == ["features-v2", "embedder"]
    assert MonitoredModel.from_document(document) == model


def test_the_mode_is_a_canary_unless_said() -> None:
    """And nothing is declared by default."""
    assert read(versions={"champion": "v1", "candidates": ["v2"]}).versions == Versions("v1", ("v2",))
    assert (read().versions, read().upstream) == (None, ())
    assert "versions" not in read().to_document()


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"versions": {"candidates": ["v2"]}}, "versions.champion"),
        ({"versions": {"champion": "v1"}}, "versions.candidates"),
        ({"versions": {"champion": "v1", "candidates": ["v1"]}}, "versions.candidates"),
        ({"versions": {"champion": "v1", "candidates": [f"c{i}" for i in range(9)]}}, "versions.candidates"),
        ({"versions": {"champion": "v1", "candidates": ["v2"], "mode": "blue"}}, "versions.mode"),
        ({"versions": {"champion": "v1", "candidates": ["v2"], "split": {"v1": 0.5}}}, "versions.split"),
        ({"versions": {"champion": "v1", "candidates": ["v2"], "split": {"v1": 0.5, "v2": 0.2}}}, "versions.split"),
        ({"versions": {"champion": "v1", "candidates": ["v2"], "split": {"v1": 1.0, "v2": 0.0}}}, "versions.split"),
        ({"versions": {"champion": "a", "candidates": ["b"], "mode": "shadow", "split": {"a": 0.5, "b": 0.5}}}, "versions.split"),
        ({"versions": ["v1"]}, "versions"),
        ({"upstream": "features"}, "upstream"),
        ({"upstream": ["a", "a"]}, "upstream"),
        ({"upstream": ["income"]}, "upstream"),
        ({"upstream": ["../etc"]}, "upstream"),
    ],
)  # fmt: skip
def test_faults_name_their_place(keys: dict[str, Any], place: str) -> None:
    """Each of them."""
    with pytest.raises(InvalidInput) as caught:
        read(**keys)
    assert any(fault.where.startswith(place) for fault in caught.value.faults)
