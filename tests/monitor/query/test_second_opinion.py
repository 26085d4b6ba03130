"""Evidently's metrics of any span over the interface, from a process of its own."""

from concurrent.futures import Future

import pytest

from monitor.findings import rfc3339
from tests.monitor.jobs.house import MODEL, minute
from tests.monitor.query.conftest import WINDOWS, Asked, N

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


def test_a_span_of_too_many_rows_is_refused(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before they are read, of the report and of the figures alike."""
    monkeypatch.setattr("monitor.jobs.stored_records.SPAN_ROWS_MAX", 100)
    for path in (f"/models/{MODEL}/evidently", f"/models/{MODEL}/report"):
        refused = asked.refused("GET", path, params=SPAN)
        assert refused["status"] == 422 and "a span of at most 100 rows" in refused["detail"]


def test_samples_cross_to_the_other_process(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the span; the title and the reasons say of how many rows."""
    monkeypatch.setattr("monitor.jobs.opinion_sides.ROWS_MAX", 100)
    report = asked.client.get(f"/api/v1/models/{MODEL}/report", params=SPAN)
    found = f"a sample of 100 of {2 * N * WINDOWS:,} rows of the window against a sample of 100 of 3,000 rows of the baseline"
    assert report.status_code == 200 and found in report.text[:2_000]
    said = asked.get(f"/models/{MODEL}/evidently", metrics="RowCount", **SPAN)["items"]
    assert said[0]["n_window"] == 100 and said[0]["reason"] == f"a sample of 100 of {2 * N * WINDOWS:,} rows"


def test_what_takes_too_long_is_unavailable(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is told so within the limit; so is whoever comes where too many wait."""

    def late(*_: object, seconds: float) -> Future[bytes]:
        future: Future[bytes] = Future()
        future.set_exception(TimeoutError(f"took longer than {seconds:g} s"))
        return future

    monkeypatch.setattr(asked.service.context.runner, "submit", late)
    refused = asked.refused("GET", f"/models/{MODEL}/report", params=SPAN)
    assert refused["status"] == 503
    assert refused["detail"] == "Evidently is unavailable: took longer than 120 s; ask for a shorter span"
