"""What users and sidecars bring that cannot be used: each a clear error with its place, and nothing half-written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor.segments.row_files import rows_to_parquet
from tests.monitor.jobs.house import DECLARATION, MODEL, START, closed, labelled, population, rows
from tests.monitor.query.conftest import API, Asked

PARQUET = {"content-type": "application/vnd.apache.parquet"}
CSV = {"content-type": "text/csv"}
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


def declared(empty: Asked, **keys: Any) -> None:
    assert empty.client.put(f"{API}/models/{MODEL}", json=DECLARATION | keys).status_code == 200


def baseline(empty: Asked, content: bytes, headers: dict[str, str] = PARQUET, **query: str) -> Any:
    return empty.client.put(f"{API}/models/{MODEL}/baseline", content=content, headers=headers, params=query)


def paths(problem: dict[str, Any]) -> list[str]:
    return [e["path"] for e in problem["errors"]]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"model: income\nfeatures: {a: [}", "line 2"),
        (b"\xff\xfe\x00", "body"),
        (b"- a\n- b\n", "document"),
        (b"", "document"),
        (b"model: income\nwindows: [{every: soon}]", "windows[0].every"),
        (b"model: income\nfeatures: {age: numerical}", "features.age"),
        (b"model: other\n", "model"),
        (b"model: [income]\n", "model"),
        (b"model: income\nfeatures: {age: numeric}\nbogus: 1\ntask: guess\n", "bogus"),
        (b"model: income\nlabel: {positive: 1}\n", "label.name"),
        (b"a: &a [*a, *a]\nmodel: income\n", "a"),
        (b"model: income\ntask: [binary]\n", "task"),
        (b"model: income\nfalse_alarms_per_month: .nan\n", "false_alarms_per_month"),
        (b"model: income\nchecks: {drift: {tolerance: {js_distance: .inf}}}\n", "checks.drift.js_distance"),
        (b"model: income\nwindows: [{every: 1d}, {every: 1d, zone: Europe/Paris}]\n", "windows[1]"),
        (b"model: income\nfeatures: {1: numeric, x: {}}\n", "features.x"),
    ],
)
def test_a_broken_declaration_names_its_place(empty: Asked, body: bytes, place: str) -> None:
    """And no model comes of it."""
    problem = empty.refused("PUT", f"/models/{MODEL}", content=body)
    assert problem["status"] == 422
    assert any(place in path for path in paths(problem)), problem
    assert empty.get("/models")["items"] == []


def test_every_fault_of_a_declaration_is_told_at_once(empty: Asked) -> None:
    """So that a file is mended once."""
    wrong = {"model": MODEL, "task": "guess", "groups": "SEX", "receivers": [{"pager": 1}], "windows": []}
    assert len(empty.refused("PUT", f"/models/{MODEL}", json=wrong)["errors"]) >= 4


def test_a_declaration_that_is_too_large_is_refused(empty: Asked) -> None:
    """Before it is parsed."""
    problem = empty.refused("PUT", f"/models/{MODEL}", content=b"#" * (1024**2 + 1))
    assert (problem["status"], paths(problem)) == (422, ["body"])


@pytest.mark.parametrize(
    ("content", "headers", "said"),
    [
        (b"", PARQUET, "baseline"),
        (b"not parquet", PARQUET, "baseline"),
        (b"", CSV, "baseline"),
        (b"age,sex\n", CSV, "without rows"),
        (b"age,sex\n1,f\n", CSV, "1 rows"),
        (b"colour,size\nred,1\nblue,2\n", CSV, "a declared feature"),
        (b"age,sex\n1,f,3\n", CSV, "Row #2"),
        (b"age,age\n1,2\n3,4\n", CSV, "age"),
        (b"age,sex\n1,f\n2,m\n", {"content-type": "text/html"}, "text/html"),
    ],
)
def test_a_baseline_that_cannot_be_used_says_why(
    empty: Asked, content: bytes, headers: dict[str, str], said: str
) -> None:
    """And none is in force."""
    declared(empty)
    answer = baseline(empty, content, headers)
    assert answer.status_code == 422, answer.text
    assert said in answer.text
    assert empty.get(f"/models/{MODEL}")["baseline"] is None


def test_a_baseline_without_its_time_column_says_so(empty: Asked) -> None:
    """With the columns that there are."""
    declared(empty)
    answer = baseline(empty, b"age,sex\n1,f\n2,m\n", CSV, time="at")
    assert answer.status_code == 422 and "'at'" in answer.text and "age" in answer.text


def test_a_baseline_of_nobody_s_model_is_not_found(empty: Asked) -> None:
    """It is declared first."""
    assert baseline(empty, b"age\n1\n2\n", CSV).status_code == 404


def test_a_baseline_that_fails_leaves_the_one_before(empty: Asked) -> None:
    """Windows go on being judged against it."""
    declared(empty)
    assert baseline(empty, rows_to_parquet(labelled(population(500, seed=1), seed=2), None)).status_code == 200
    before = empty.get(f"/models/{MODEL}")["baseline"]
    assert baseline(empty, b"colour\nred\nblue\n", CSV).status_code == 422
    assert empty.get(f"/models/{MODEL}")["baseline"] == before


def test_the_id_of_a_baseline_s_rows_is_no_feature(empty: Asked) -> None:
    """Where features are inferred, every column is one but for id, label and prediction."""
    declared(empty, features=None)
    lines = "".join(f"id{i},{20 + i},{i % 2},0.5,1,1\n" for i in range(40))
    answer = baseline(empty, b"prediction_id,age,sex,p,yhat,employed\n" + lines.encode(), CSV)
    assert answer.status_code == 200, answer.text
    assert set(empty.get(f"/models/{MODEL}")["proposal"]["features"]) == {"age", "sex"}


def test_a_declaration_that_does_not_fit_the_baseline_changes_nothing(empty: Asked) -> None:
    """None of its features is there: refused, with both."""
    declared(empty)
    assert baseline(empty, rows_to_parquet(labelled(population(500, seed=1), seed=2), None)).status_code == 200
    problem = empty.refused("PUT", f"/models/{MODEL}", json=DECLARATION | {"features": {"height": "numeric"}})
    assert problem["status"] == 422 and "height" in problem["detail"]
    assert set(empty.get(f"/models/{MODEL}")["declaration"]["features"]) == {"age", "sex"}


@pytest.mark.parametrize(
    ("content", "headers", "said"),
    [
        (b"{", JSON, "labels"),
        (b"7", JSON, "labels"),
        (b'{"prediction_id": "a"}', JSON, "labels"),
        (b'["a", "b"]', JSON, "labels"),
        (b'[{"prediction_id": "a", "employed": 1}, 7]', JSON, "labels"),
        (b'[{"id": "a", "employed": 1}]', JSON, "prediction_id"),
        (b'[{"prediction_id": "a", "truth": 1}]', JSON, "employed"),
        (b'[{"prediction_id": null, "employed": 1}]', JSON, "row 1"),
        (b'[{"prediction_id": "a", "employed": {"is": 1}}]', JSON, "employed"),
        (b'[{"prediction_id": "a", "employed": [1]}]', JSON, "employed"),
        (b'{"prediction_id": "a", "employed": 1}\n{"prediction_id": ', NDJSON, "labels"),
        (b"prediction_id,employed\na,1\nb\n", CSV, "Row #3"),
        (b"PAR1 and no more", PARQUET, "labels"),
        (b"x", {"content-type": "application/pdf"}, "application/pdf"),
        (b"[" * 200_000, JSON, "labels"),
    ],
)
def test_labels_that_cannot_be_used_say_why(empty: Asked, content: bytes, headers: dict[str, str], said: str) -> None:
    """And not one of them is kept."""
    declared(empty)
    problem = empty.refused("POST", f"/models/{MODEL}/labels", content=content, headers=headers)
    assert problem["status"] == 422
    assert any(said in f"{e['path']} {e['found']} {e['expected']}" for e in problem["errors"]), problem
    assert empty.service.context.catalog.segments("labels", MODEL) == []


def test_labels_of_unknown_predictions_are_kept_and_told(empty: Asked) -> None:
    """They wait for their predictions; the answer says how many."""
    declared(empty)
    answer = empty.client.post(f"{API}/models/{MODEL}/labels", json=[{"prediction_id": "a", "employed": 1}])
    assert answer.json() == {"model": MODEL, "accepted": 1, "unknown": 1}


def served(empty: Asked, n: int = 200) -> list[str]:
    """A window, closed, against a baseline."""
    declared(empty)
    assert baseline(empty, rows_to_parquet(labelled(population(2_000, seed=1), seed=2), None)).status_code == 200
    store, catalog = empty.service.context.store, empty.service.context.catalog
    window = population(n, seed=3)
    catalog.put_segments([store.write_rows(MODEL, "1", window, START)])
    empty.at(closed(0))
    return window.prediction_ids()


def test_labels_of_other_predictions_are_named_where_labels_say_nothing(empty: Asked) -> None:
    """Two came that nobody waits for: the window says so, and is estimated and judged as ever."""
    served(empty)
    others = [{"prediction_id": f"other-{i}", "employed": 1} for i in range(2)]
    assert empty.client.post(f"{API}/models/{MODEL}/labels", json=others).json()["unknown"] == 2
    empty.at(closed(1))
    found = empty.get(f"/models/{MODEL}/outcomes")
    assert found["reason"] == "no label has come yet; 2 that came are of predictions that nobody has sent"


def test_rows_ahead_of_the_clock_are_told(empty: Asked) -> None:
    """They are in no window before their time, and the model says how many wait, and until when."""
    served(empty)
    assert empty.get(f"/models/{MODEL}")["ahead"] is None
    store, catalog = empty.service.context.store, empty.service.context.catalog
    ahead = population(50, seed=9, start_ns=START + 400 * 86_400 * 10**9, name="ahead")
    catalog.put_segments([store.write_rows(MODEL, "1", ahead, START)])
    empty.at(closed(1))
    found = empty.get(f"/models/{MODEL}")
    assert found["ahead"]["rows"] == 50 and found["ahead"]["until"].startswith("2028-02-19")
    assert found["last_window"]["n_window"] in (0, 200)


def test_labels_may_say_when_they_were_known(empty: Asked) -> None:
    """By the column that the call names: the delays are those, to the second, though all came together later."""
    ids = served(empty)
    known = "2027-01-15T08:00:00Z"  # when the window began: no delay
    body = "prediction_id,employed,seen\n" + "".join(f"{i},1,{known}\n" for i in ids[:100])
    body += "".join(f"{i},0,\n" for i in ids[100:])
    path = f"{API}/models/{MODEL}/labels"
    refused = empty.client.post(path, content=body.replace(known, "soon"), headers=CSV, params={"time": "seen"})
    assert refused.status_code == 422 and "seen" in refused.json()["errors"][0]["path"]
    assert empty.client.post(path, content=body, headers=CSV, params={"time": "seen"}).json()["accepted"] == 200
    empty.at(closed(1))
    found = empty.get(f"/models/{MODEL}/label-delays", version="1")
    assert found["labelled"] == 200 and found["undated"] == 0
    counts = [a + b for a, b in zip(found["negative"], found["positive"], strict=True)]
    assert counts[0] == 100 and sum(counts) == 200


def test_labels_of_a_model_without_a_label_say_what_to_declare(empty: Asked) -> None:
    """The declaration must name the column."""
    declared(empty, label=None)
    problem = empty.refused("POST", f"/models/{MODEL}/labels", json=[{"prediction_id": "a", "employed": 1}])
    assert (problem["status"], paths(problem)) == (422, ["label"])


@pytest.mark.parametrize("body", [b"", b"\x00" * 100, b"ORB\x09rest", b"{}", b"\x28\xb5\x2f\xfd" + b"\xff" * 50])
def test_bytes_that_are_no_batch_are_refused(empty: Asked, body: bytes) -> None:
    """With what was expected; and no model comes of them."""
    problem = empty.refused("POST", "/records", content=body)
    assert (problem["status"], paths(problem)) == (422, ["body"])
    assert empty.get("/models")["items"] == []


def test_nan_new_and_missing_columns_are_statuses_not_faults(empty: Asked) -> None:
    """A window may be odd: what cannot be computed says why, what is new is passed over, and the rest is measured."""
    declared(empty)
    assert baseline(empty, rows_to_parquet(labelled(population(2_000, seed=1), seed=2), None)).status_code == 200
    odd = population(400, seed=3)
    columns: dict[str, Any] = {
        "age": np.where(np.arange(400) % 2, np.nan, odd.columns["age"].values.astype(float)),
        "height": np.full(400, np.inf),
        "p": odd.columns["p"].values,
        "yhat": odd.columns["yhat"].values,
    }
    served = rows(columns, times=odd.time_ns, ids=odd.prediction_ids())
    store, catalog = empty.service.context.store, empty.service.context.catalog
    catalog.put_segments([store.write_rows(MODEL, "1", served, START)])
    empty.at(closed(0))
    found = {(m["metric"], m["feature"]): m for m in empty.all(f"/models/{MODEL}/measurements", limit=10_000)}
    assert found["js_distance", "age"]["n_window"] == 200 and found["js_distance", "age"]["n_missing"] == 200
    assert found["js_distance", "sex"]["status"] == "no_data" and found["js_distance", "sex"]["reason"]
    assert found["missing_ratio", "sex"]["value"] == 1.0
    assert not any("height" in (feature or "") for _, feature in found)


@pytest.mark.parametrize(
    ("silence", "place"),
    [
        ({"end": "soon", "creator": "a", "comment": "b"}, "end"),
        ({"end": "2020-01-01T00:00:00Z", "creator": "a", "comment": "b"}, "end"),
        ({"end": "2099-01-01T00:00:00Z", "creator": "a", "comment": "b"}, "end"),
        ({"end": "2027-01-16T00:00:00Z", "creator": " ", "comment": "b"}, "creator, comment"),
        ({"end": "2027-01-16T00:00:00Z", "creator": "a", "comment": "b", "kind": "bogus"}, "kind"),
        ({"end": "2027-01-16T00:00:00Z", "creator": "a", "comment": "b", "model": "../x"}, "model"),
    ],
)
def test_a_silence_that_cannot_be_is_refused_with_its_place(empty: Asked, silence: dict[str, str], place: str) -> None:
    """And none is made."""
    problem = empty.refused("POST", "/silences", json=silence)
    assert problem["status"] == 422 and place in paths(problem)
    assert empty.get("/silences")["items"] == []


def test_a_silence_of_the_wrong_form_is_refused(empty: Asked) -> None:
    """Missing keys and wrong types, as problem details."""
    for wrong in ({}, {"end": 7}, [], None):
        assert empty.refused("POST", "/silences", json=wrong)["status"] in (400, 422)


def test_a_silence_is_made_listed_and_ended(empty: Asked) -> None:
    """What there is of one."""
    made = empty.client.post(
        f"{API}/silences",
        json={"end": "2027-01-16T00:00:00Z", "creator": "ann", "comment": "known", "model": MODEL, "kind": "drift"},
    ).json()
    assert [s["id"] for s in empty.get("/silences")["items"]] == [made["id"]]
    assert empty.client.delete(f"{API}/silences/{made['id']}").status_code == 204
    assert empty.get("/silences")["items"] == []
    assert empty.refused("DELETE", f"/silences/{made['id']}")["status"] == 404
