"""Quality, schema, groups and what labels say: the records where there are any, and else the same metric of the same tiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.findings import rfc3339
from monitor.segments.row_files import rows_to_parquet
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, START, closed, labelled, minute, population, truth_of
from tests.monitor.query.conftest import API, Asked, opened

N = 300
ASKED: dict[str, Any] = {
    **DECLARATION,
    "groups": ["sex"],
    "schema": {"age": {"type": "number", "min": 0, "max": 70}},
    "slices": [{"name": "women", "where": "sex = 'f'"}],
    "metrics": ["duplicate_row_ratio"],
}


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Two windows with labels of a model with groups and a schema; in the second everyone is 30 years older."""
    for one in opened(tmp_path_factory.mktemp("grouped")):
        _fill(one)
        yield one


def _fill(asked: Asked) -> None:
    assert asked.client.put(f"{API}/models/{MODEL}", json=ASKED).status_code == 200
    before = labelled(population(3_000, seed=1, start_ns=START - 3_600 * SECOND, seconds=3_600, name="b"), seed=2)
    content, kind = rows_to_parquet(before, None), {"content-type": "application/vnd.apache.parquet"}
    assert asked.client.put(f"{API}/models/{MODEL}/baseline", content=content, headers=kind).status_code == 200
    for number in range(2):
        rows = population(N, seed=10 + number, start_ns=minute(number), name=f"w{number}-", shift=30.0 * number)
        asked.take(rows, number)
        ids, values = truth_of(rows, seed=number)
        truth = [{"prediction_id": i, "employed": v} for i, v in zip(ids.tolist(), values.tolist(), strict=True)]
        assert asked.client.post(f"{API}/models/{MODEL}/labels", json=truth).json()["unknown"] == 0
        asked.at(closed(number))


def part(asked: Asked, what: str, window: int = 1, **more: Any) -> dict[str, Any]:
    span = {"from_": rfc3339(minute(window)), "to": rfc3339(minute(window) + 1)}
    found: dict[str, Any] = asked.get(f"/models/{MODEL}/{what}", **span, **more)
    return found


def test_quality_has_the_records_and_what_was_not_recorded(grouped: Asked) -> None:
    """Missing and schema are the decision records, with their limits; the range was asked for by nobody and is there too."""
    found = part(grouped, "quality")
    columns = {item["column"]: item["metrics"] for item in found["items"]}
    record = grouped.get(
        f"/models/{MODEL}/measurements",
        metric="schema_violation_ratio",
        feature="age",
        from_=rfc3339(minute(1)),
        slice="",
    )["items"][0]
    cell = columns["age"]["schema_violation_ratio"]
    assert cell["judged"] and (cell["value"], cell["status"]) == (record["value"], record["status"])
    outside = columns["age"]["out_of_range_ratio"]
    assert (
        not outside["judged"] and outside["low"] <= outside["value"] <= outside["high"] and outside["threshold"] is None
    )
    assert found["items"][0]["column"] == "age" and found["rows"] == N
    assert found["whole"]["duplicate_row_ratio"]["value"] == 0.0
    assert found["last_row"] is not None and found["last_row"] < rfc3339(minute(2))


def test_quality_of_a_slice_is_its_own(grouped: Asked) -> None:
    """Its rows alone are counted."""
    women = part(grouped, "quality", slice="women")
    assert 0 < women["rows"] < N and women["whole"] == {}
    assert {item["metrics"]["missing_ratio"]["n_window"] for item in women["items"]} == {women["rows"]}


def test_quality_without_a_time_is_of_the_newest_window_with_rows(grouped: Asked) -> None:
    """As a reader would expect who opens the page."""
    found = grouped.get(f"/models/{MODEL}/quality")
    assert found["window"]["start"] == rfc3339(minute(1)) and found["windows"] == 1


def test_several_windows_are_put_together(grouped: Asked) -> None:
    """The rows add up, and nothing of them was recorded."""
    found = grouped.get(f"/models/{MODEL}/quality", from_=rfc3339(minute(0)), to=rfc3339(minute(2)))
    assert (found["windows"], found["rows"]) == (2, 2 * N)
    assert not any(cell["judged"] for item in found["items"] for cell in item["metrics"].values())


def test_a_schema_is_declared_and_suggested(grouped: Asked) -> None:
    """What is declared stays; the other columns have what the baseline teaches; the proposal is a declaration."""
    found = grouped.get(f"/models/{MODEL}/schema")
    rules = {item["column"]: item for item in found["items"]}
    assert rules["age"]["declared"] == {"type": "number", "min": 0.0, "max": 70.0}
    assert rules["sex"]["declared"] is None and set(rules["sex"]["learned"]["values"]) == {"f", "m"}
    proposal = yaml.safe_load(found["proposal"])
    assert proposal["schema"]["age"]["max"] == 70.0 and set(proposal["schema"]["sex"]["values"]) == {"f", "m"}
    assert yaml.safe_load(found["section"]) == {"schema": proposal["schema"]}
    assert grouped.client.put(f"{API}/models/{MODEL}", json=proposal).status_code == 200
    assert grouped.client.put(f"{API}/models/{MODEL}", json=ASKED).status_code == 200


def test_groups_have_their_rates_and_what_their_rows_can_show(grouped: Asked) -> None:
    """A line a group, the base last; the gap is the decision record, the least gap is measured from the tiles."""
    found = part(grouped, "groups")
    group, base = found["items"]
    assert base["is_base"] and not group["is_base"] and group["base"] == base["group"]
    assert group["n"] + base["n"] == N
    gap = group["selected"]["value"] - base["selected"]["value"]
    assert group["metrics"]["parity_difference"]["value"] == pytest.approx(gap)
    assert group["metrics"]["parity_difference"]["judged"]
    assert 0 < group["metrics"]["detectable_parity_difference"]["value"] < 1
    assert (
        group["true_positive_rate"]["low"]
        <= group["true_positive_rate"]["value"]
        <= group["true_positive_rate"]["high"]
    )
    (column,) = found["columns"]
    assert column == {"column": "sex", "base": base["group"], "groups": 2, "floor": None, "n_new": 0, "n_missing": 0}


def test_what_labels_say_of_a_window(grouped: Asked) -> None:
    """Confusion, reliability and gains are of the same labelled rows; a recorded metric is its record."""
    found = part(grouped, "outcomes", window=0)
    assert found["task"] == "binary" and found["labelled"] == N and found["reason"] is None
    counts = found["confusion"]["counts"]
    assert sum(map(sum, counts)) == N
    assert sum(b["n"] for b in found["reliability"]) == N
    assert sum(b["positives"] for b in found["reliability"]) == sum(counts[0])
    assert found["metrics"]["accuracy"]["value"] == pytest.approx((counts[0][0] + counts[1][1]) / N)
    assert found["metrics"]["accuracy"]["judged"] and not found["metrics"]["mcc"]["judged"]
    assert found["gains"][-1]["gain"] == pytest.approx(1.0) and found["gains"][0]["lift"] > 1


def test_where_labels_say_nothing_there_is_a_reason(asked: Asked) -> None:
    """Version 1 of the other house never got a label."""
    found = asked.get(f"/models/{MODEL}/outcomes", version="1")
    assert found["labelled"] == 0 and found["reason"] == "no label has come yet" and found["confusion"] is None


@pytest.mark.parametrize("what", ["quality", "groups", "outcomes"])
def test_a_span_without_windows_is_not_found(grouped: Asked, what: str) -> None:
    """With a problem that says what there is none of."""
    problem = grouped.refused(
        "GET", f"/models/{MODEL}/{what}", params={"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    )
    assert problem["status"] == 404


def test_a_model_without_a_baseline_says_so(empty: Asked, tmp_path: Path) -> None:
    """Nothing to compare with is a state."""
    assert empty.client.put(f"{API}/models/{MODEL}", json=ASKED).status_code == 200
    assert "baseline" in empty.refused("GET", f"/models/{MODEL}/quality")["detail"]
    assert empty.get(f"/models/{MODEL}/schema")["learned_from"] is None
