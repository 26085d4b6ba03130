"""What Evidently said of windows, over the interface: each window's state in words, figures over time, records of one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.findings import AlertKind, Finding, Status, rfc3339
from monitor.ports import WindowEntry
from monitor.segments.row_files import rows_to_parquet
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, START, closed, minute, population
from tests.monitor.query.conftest import API, Asked, N, opened

PATH = f"/models/{MODEL}/evidently/windows"
PARQUET = {"content-type": "application/vnd.apache.parquet"}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Asked]:
    yield from opened(tmp_path)


def asking(asked: Asked, names: list[str], windows: int = 3) -> None:
    """A model that asks for the named, with so many closed windows."""
    assert asked.client.put(f"{API}/models/{MODEL}", json=DECLARATION | {"evidently": names}).status_code == 200
    before = rows_to_parquet(population(900, seed=1, start_ns=START - 900 * SECOND, seconds=900, name="b"), None)
    assert asked.client.put(f"{API}/models/{MODEL}/baseline", content=before, headers=PARQUET).status_code == 200
    for number in range(windows):
        asked.take(population(N, seed=number, start_ns=minute(number), name=f"w{number}-"), number)
    asked.at(closed(windows - 1))


def finding(window: WindowEntry, **more: object) -> Finding:
    known = Finding(
        model=MODEL, version="1", slice=None, feature=None, metric="evidently_mean", kind=AlertKind.QUALITY,
        window=window.span, value=None, low=None, high=None, n_baseline=900, n_window=N, n_missing=0, threshold=None,
        threshold_origin=None, status=Status.UNDEFINED, reason="Evidently took longer than 60 s", revision=1,
    )  # fmt: skip
    return replace(known, **more)  # type: ignore[arg-type]  # fields of a finding


def told(asked: Asked, window: WindowEntry, *findings: Finding) -> None:
    """As an answer stores it."""
    context = asked.service.context
    context.catalog.put_segments([context.store.write_findings(findings, window.rule, 1)])


def test_answers_are_told_over_the_windows_and_of_columns(own: Asked) -> None:
    """Figures of the whole over time, of the column that is asked for too, and all of one window."""
    asking(own, ["DriftedColumnsCount", "MeanValue"])
    found = own.get(PATH, feature="age", at=rfc3339(minute(1)))
    assert found["asked"] == ["DriftedColumnsCount", "MeanValue"] and found["owed"] == 0
    assert [w["state"] for w in found["windows"]] == ["answered"] * 3
    assert [w["revision"] for w in found["windows"]] == [1] * 3
    lines = {(one["metric"], one["feature"]): one["cells"] for one in found["series"]}
    assert {metric for metric, feature in lines if feature is None} == {
        "evidently_drifted_columns",
        "evidently_drifted_columns_share",
    }
    cells = lines["evidently_mean", "age"]
    assert [cell["value"] for cell in cells] == [pytest.approx(40, abs=3)] * 3 and cells[0]["n_window"] == N
    of_one = {(r["metric"], r["feature"]) for r in found["records"]}
    assert ("evidently_mean", "age") in of_one and {r["window"]["start"] for r in found["records"]} == {
        rfc3339(minute(1))
    }


def test_windows_that_wait_say_so(own: Asked) -> None:
    """With since when, and how many of the model do."""
    assert own.service.context.opinions is not None
    own.service.context.opinions.end()
    asking(own, ["MeanValue"])
    found = own.get(PATH)
    assert found["owed"] == 3 and found["series"] == []
    assert [(w["state"], w["since"]) for w in found["windows"]] == [("waiting", rfc3339(closed(2)))] * 3
    assert "yet to be asked" in found["windows"][0]["reason"]


def test_why_there_is_no_value_is_told_until_there_is_one(own: Asked) -> None:
    """A later revision of the window takes the place of its reason."""
    asking(own, [], windows=2)
    first, second = own.service.context.catalog.windows(MODEL)
    told(own, first, finding(first))
    told(own, second, finding(second), finding(second, feature="age", value=4.0, status=Status.OK, reason=None))
    told(own, second, finding(second, feature="age", value=5.0, status=Status.OK, reason=None, revision=2))
    found = own.get(PATH, feature="age", at=rfc3339(minute(1)))
    states = [(w["state"], w["reason"]) for w in found["windows"]]
    assert states == [("undefined", "Evidently took longer than 60 s"), ("answered", None)]
    assert [(r["feature"], r["value"]) for r in found["records"]] == [("age", 5.0)]
    assert [cell and cell["value"] for cell in found["series"][0]["cells"]] == [None, 5.0]


def test_windows_that_were_not_asked_about_say_why(asked: Asked) -> None:
    """A declaration that asks nothing; a range without windows has none."""
    found = asked.get(PATH, version="1")
    assert found["asked"] == [] and {w["state"] for w in found["windows"]} == {"not_asked"}
    assert found["windows"][0]["reason"] == "the declaration did not ask when it closed"
    none = asked.get(PATH, to="2001-01-01T00:00:00Z")
    assert none["windows"] == [] and none["series"] == [] and none["records"] == []


@pytest.mark.parametrize("query", [{"at": "noon"}, {"from": "noon"}])
def test_a_time_that_is_none_is_refused_with_its_place(asked: Asked, query: dict[str, str]) -> None:
    """As everywhere."""
    refused = asked.refused("GET", PATH, params=query)
    assert refused["status"] == 422 and next(iter(query)) in str(refused["errors"])
