"""Slices over the interface: declared ones in every list, found ones on demand; forecasts; the cause of an alert."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch
from monitor.findings import rfc3339
from monitor.jobs.replay import predictions_of
from monitor.segments.row_files import rows_to_parquet
from monitor.tiles.rows import Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, START, closed, labelled, minute, population
from tests.monitor.query.conftest import API, Asked, opened

WINDOWS, N = 14, 400
BAD_FROM = 9
"""From this window on women's labels are turned round."""


@pytest.fixture(scope="module")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Fourteen windows; the model becomes wrong for women."""
    for one in opened(tmp_path_factory.mktemp("sliced")):
        slices = ["sex=f", {"name": "old", "where": "age > 50"}]
        document = DECLARATION | {"slices": slices, "groups": ["sex"]}
        assert one.client.put(f"{API}/models/{MODEL}", json=document).status_code == 200
        before = labelled(population(4_000, seed=1, start_ns=START - 3_600 * SECOND, seconds=3_600, name="b"), seed=2)
        answer = one.client.put(
            f"{API}/models/{MODEL}/baseline",
            content=rows_to_parquet(before, None),
            headers={"content-type": "application/vnd.apache.parquet"},
        )
        assert answer.status_code == 200, answer.text
        for number in range(WINDOWS):
            served = population(N, seed=10 + number, start_ns=minute(number), name=f"w{number}-")
            records = predictions_of(served, MODEL, "1", ("p", "yhat"))
            body = encode_batch(Batch(sidecar="s", sequence=number, records=tuple(records)))
            assert one.client.post(f"{API}/records", content=body).json()["predictions"] == N
            assert one.client.post(f"{API}/models/{MODEL}/labels", json=truth(served, number)).status_code == 200
            one.at(closed(number))
        yield one


def truth(served: Rows, number: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(number)
    label = rng.random(len(served)) < served.columns["p"].values.astype(float)
    wrong = (served.columns["sex"].values == "f") & (number >= BAD_FROM)
    values = np.where(wrong, ~label, label).astype(int)
    return [{"prediction_id": i, "employed": int(v)} for i, v in zip(served.prediction_ids(), values, strict=True)]


def test_measurements_of_a_slice_and_of_the_whole_alone(sliced: Asked) -> None:
    """`slice=NAME` is that slice, `slice=` nothing but the whole, no `slice` everything."""
    every = sliced.all(f"/models/{MODEL}/measurements")
    old = sliced.all(f"/models/{MODEL}/measurements", slice="old")
    whole = sliced.all(f"/models/{MODEL}/measurements", slice="")
    assert {m["slice"] for m in every} >= {None, "old", "sex=f"}
    assert {m["slice"] for m in old} == {"old"} and {m["slice"] for m in whole} == {None}
    assert old == [m for m in every if m["slice"] == "old"]


def test_windows_distributions_and_rows_of_a_slice(sliced: Asked) -> None:
    """The counts of all three agree."""
    span = {"from": rfc3339(minute(3)), "to": rfc3339(minute(4))}
    (window,) = sliced.all(f"/models/{MODEL}/windows", slice="old", **span)
    (item,) = sliced.all(f"/models/{MODEL}/distributions", feature="age", slice="old", **span)
    rows = sliced.all(f"/models/{MODEL}/rows", slice="old", **span)
    assert 0 < window["n_window"] == item["n_window"] == len(rows) < N
    assert all(row["values"]["age"] > 50 for row in rows)


def test_a_slice_that_is_not_declared_is_not_found(sliced: Asked) -> None:
    """Rows cannot be asked for by a predicate of the caller's."""
    span = {"from": rfc3339(minute(3)), "to": rfc3339(minute(4))}
    assert sliced.refused("GET", f"/models/{MODEL}/rows", params=span | {"slice": "age > 3"})["status"] == 404


def test_the_grid_of_a_slice(sliced: Asked) -> None:
    """Each cell is that slice's, and the declared ones are named."""
    grid = sliced.get(f"/models/{MODEL}/grid", per="feature", kind="drift", slice="old")
    assert grid["slices"] == ["sex=f", "old"]
    cells = [c for row in grid["rows"] for c in row["cells"] if c is not None]
    assert {c["slice"] for c in cells} == {"old"}


def test_the_worst_slices_of_a_window(sliced: Asked) -> None:
    """Found from the rows and labels, with interval and adjusted p; a quiet window has none of that size."""
    path = f"/models/{MODEL}/slices"
    found = sliced.get(path, window=rfc3339(minute(12)), by="performance")
    first = found["items"][0]
    assert first["where"] == "sex = 'f'"
    assert first["low"] > 0.1 and first["p"] < 0.001 and first["n_window"] > 100
    assert found["rows"] == N and found["candidates"] > 10
    assert sliced.get(path, window=rfc3339(minute(2)))["items"] == []
    assert sliced.get(path, window=rfc3339(minute(2)), by="share")["items"] == []
    assert sliced.refused("GET", path, params={"window": rfc3339(minute(2)), "by": "height"})["status"] == 422
    assert sliced.refused("GET", path, params={"window": "2020-01-01T00:00:00Z"})["status"] == 422


def test_the_alert_says_its_cause(sliced: Asked) -> None:
    """One alert of performance, the slice named, the relation changed since the window in which it did."""
    (alert,) = [a for a in sliced.all("/alerts") if a["kind"] == "performance"]
    assert alert["features"][0]["slice"] == "sex=f"
    cause = alert["cause"]
    assert cause["verdict"] == "relation_change"
    assert cause["since"]["low"] <= rfc3339(minute(BAD_FROM)) <= cause["since"]["high"]
    assert "sex = 'f'" in [s["where"] for s in cause["slices"]]
    assert len(cause["examples"]) == 10 and "sex=f" in cause["summary"]
    assert alert["fingerprint"] in [a["fingerprint"] for a in sliced.all("/alerts", slice="sex=f")]
    assert sliced.all("/alerts", slice="nobody") == []
    one = sliced.get(f"/alerts/{alert['fingerprint']}")
    assert one["transitions"][0]["cause"] == cause


def test_anomalies_of_a_slice(sliced: Asked) -> None:
    """Each says which slices its row is in; the filter is by that."""
    every = sliced.all(f"/models/{MODEL}/anomalies")
    old = sliced.all(f"/models/{MODEL}/anomalies", slice="old")
    assert every and all("slices" in one for one in every)
    assert old == [one for one in every if "old" in one["slices"]]
    assert sliced.all(f"/models/{MODEL}/explanations", slice="old") == []


def test_forecasts_say_when_or_why_not(sliced: Asked) -> None:
    """One for each metric with a threshold; here no trend leads to any soon, and each says why."""
    items = sliced.all(f"/models/{MODEL}/forecasts")
    assert {i["metric"] for i in items} >= {"js_distance", "accuracy"}
    assert all((i["at"] is None) == (i["status"] == "undefined") == (i["reason"] is not None) for i in items)
    old = sliced.all(f"/models/{MODEL}/forecasts", slice="old", metric="js_distance")
    assert {i["slice"] for i in old} == {"old"}


def test_a_scrape_has_the_slices(sliced: Asked, tmp_path: Path) -> None:
    """As a label of the same family."""
    text = sliced.client.get("/metrics").text
    assert "outrider_drift_js_distance{" in text
    assert 'slice="old"' in text
