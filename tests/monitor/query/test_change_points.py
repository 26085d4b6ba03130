"""Change points on request."""

from __future__ import annotations

from tests.monitor.jobs.house import MODEL
from tests.monitor.query.conftest import Asked

PATH = f"/models/{MODEL}/change-points"


def test_both_methods_of_both_streams_are_answered(asked: Asked) -> None:
    """With the points that they rest on."""
    found = asked.get(PATH, version="1")
    assert {(one["of"], one["method"]) for one in found["items"]} >= {("score", "adwin"), ("score", "page_hinkley")}
    for one in found["items"]:
        assert one["windows"] == len(one["points"])
        assert one["changed"] == (one["since"] is not None)


def test_what_is_not_there_is_said(asked: Asked) -> None:
    """A rule, a model."""
    assert "9m" in asked.refused("GET", PATH, params={"rule": "9m"})["detail"]
    assert asked.get(PATH, version="9")["items"] == []
