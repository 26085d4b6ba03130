"""Evidently's metrics of any span over the interface, from a process of its own."""

import pytest

from monitor.findings import rfc3339
from tests.monitor.jobs.house import MODEL, minute
from tests.monitor.query.conftest import WINDOWS, Asked

SPAN = {"from": rfc3339(minute(0)), "to": rfc3339(minute(WINDOWS))}


def test_a_span_is_measured_on_demand(asked: Asked) -> None:
    """Declared or not; each with its counts."""
    found = asked.get(f"/models/{MODEL}/evidently", metrics="DriftedColumnsCount, MeanValue", **SPAN)
    by_name = {(item["metric"], item["feature"]): item for item in found["items"]}
    mean = by_name["evidently_mean", "age"]
    assert mean["value"] == pytest.approx(40, abs=30) and mean["status"] == "ok"
    assert mean["n_window"] == found["rows"] and mean["n_baseline"] > 0
    assert 0 <= by_name["evidently_drifted_columns_share", None]["value"] <= 1


@pytest.mark.parametrize(
    ("query", "field"),
    [({"metrics": "MeanValue,Bogus", **SPAN}, "metrics"), ({"metrics": "MeanValue"}, "from, to")],
)
def test_what_cannot_be_asked_is_refused_with_its_place(asked: Asked, query: dict[str, str], field: str) -> None:
    """An unknown name, a span that is none."""
    refused = asked.refused("GET", f"/models/{MODEL}/evidently", params=query)
    assert refused["status"] == 422 or refused["status"] == 400
    assert field in str(refused)
