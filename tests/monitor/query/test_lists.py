"""Every list: its filters, its pages, the fields of the contract, and what it refuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from monitor.findings import rfc3339
from tests.monitor.jobs.house import MODEL, minute
from tests.monitor.query.conftest import WINDOWS, Asked, N

LISTS = {
    "/models": {},
    f"/models/{MODEL}/windows": {},
    f"/models/{MODEL}/measurements": {},
    f"/models/{MODEL}/distributions": {"feature": "age"},
    f"/models/{MODEL}/anomalies": {},
    f"/models/{MODEL}/explanations": {},
    f"/models/{MODEL}/gaps": {},
    f"/models/{MODEL}/efficiency": {},
    f"/models/{MODEL}/rows": {"from": rfc3339(minute(0)), "to": rfc3339(minute(1))},
    "/alerts": {},
    "/silences": {},
}
WINDOW_KEYS = {
    "version", "start", "end", "n_window", "revision", "status", "seen", "captured", "sampled_out", "dropped",
    "undecodable", "labelled",
}  # fmt: skip
MEASUREMENT_KEYS = {
    "model", "version", "slice", "feature", "metric", "window", "value", "low", "high", "n_baseline", "n_window",
    "n_missing", "threshold", "status", "reason", "revision",
}  # fmt: skip
ALERT_KEYS = {"fingerprint", "model", "kind", "state", "since", "window", "value", "threshold", "features"}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_items_and_the_next_page(asked: Asked, path: str) -> None:
    """Pages of a few together are the whole, in its order, each item once."""
    whole = asked.get(path, **LISTS[path], limit=1_000)
    assert {"items", "next"} <= set(whole) and whole["next"] is None
    size = max(1, len(whole["items"]) // 3)
    assert asked.all(path, **LISTS[path], limit=size) == whole["items"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": -1}, {"limit": 10_001}, {"cursor": "rubbish"}, {"cursor": "LTE="}]
)
def test_a_page_that_cannot_be_is_refused_with_its_place(asked: Asked, path: str, query: dict[str, Any]) -> None:
    """Whatever the list."""
    problem = asked.refused("GET", path, params=LISTS[path] | query)
    assert (problem["status"], problem["errors"][0]["path"]) == (422, next(iter(query)))


@pytest.mark.parametrize("path", [p for p in LISTS if p.startswith("/models/") and "gaps" not in p])
@pytest.mark.parametrize("wrong", ["yesterday", "2026-03-01T00:00:00", "2026-13-01T00:00:00Z", ""])
def test_a_time_that_is_none_is_refused_with_its_place(asked: Asked, path: str, wrong: str) -> None:
    """RFC 3339 with an offset, or nothing."""
    problem = asked.refused("GET", path, params=LISTS[path] | {"from": wrong})
    assert (problem["status"], problem["errors"][0]["path"]) == (422, "from")


@pytest.mark.parametrize("path", [p for p in LISTS if p.startswith("/models/")])
def test_a_model_that_is_unknown_is_not_found(asked: Asked, path: str) -> None:
    """Not an empty list."""
    assert asked.refused("GET", path.replace(MODEL, "nobody"), params=LISTS[path])["status"] == 404


def test_a_limit_that_is_no_number_is_refused(asked: Asked) -> None:
    """As problem details too, with the parameter."""
    problem = asked.refused("GET", "/models", params={"limit": "many"})
    assert problem["status"] in (400, 422)
    assert "limit" in str(problem["errors"])


def test_windows_are_those_of_the_contract(asked: Asked) -> None:
    """One a window and version, latest revision, with the account of its capture."""
    windows = asked.all(f"/models/{MODEL}/windows")
    assert len(windows) == 2 * WINDOWS and all(set(w) >= WINDOW_KEYS for w in windows)
    first = windows[0]
    assert (first["start"], first["end"]) == (rfc3339(minute(0)), rfc3339(minute(1)))
    assert (first["seen"], first["captured"], first["dropped"], first["undecodable"]) == (N + 5, N, 3, 2)
    assert {w["labelled"] for w in windows if w["version"] == "2"} == {N}


def test_windows_are_filtered(asked: Asked) -> None:
    """By start, half-open, and by version."""
    path = f"/models/{MODEL}/windows"
    found = asked.all(path, **{"from": rfc3339(minute(1)), "to": rfc3339(minute(3))}, version="1")
    assert [w["start"] for w in found] == [rfc3339(minute(1)), rfc3339(minute(2))]
    assert {w["version"] for w in found} == {"1"}
    newest = asked.get(path, newest_first=True, limit=1)["items"]
    assert newest[0]["start"] == rfc3339(minute(WINDOWS - 1))


def test_measurements_are_those_of_the_contract(asked: Asked) -> None:
    """Every decision record once, with a value or a reason."""
    found = asked.all(f"/models/{MODEL}/measurements", limit=200)
    assert all(set(m) >= MEASUREMENT_KEYS for m in found)
    assert all((m["value"] is None) == (m["status"] in ("undefined", "no_data", "error")) for m in found)
    assert all(m["reason"] for m in found if m["value"] is None)
    keys = [(m["version"], m["slice"], m["feature"], m["metric"], m["window"]["start"]) for m in found]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "query", [{"metric": "js_distance"}, {"feature": "age"}, {"version": "2"}, {"metric": "roc_auc"}]
)
def test_measurements_are_filtered(asked: Asked, query: dict[str, str]) -> None:
    """The same as picking them from the whole."""
    path = f"/models/{MODEL}/measurements"
    whole = asked.all(path, limit=10_000)
    ((key, value),) = query.items()
    picked = [m for m in whole if m[key] == value]
    assert picked and asked.all(path, limit=10_000, **query) == picked


def test_distributions_share_their_bins(asked: Asked) -> None:
    """Counts of baseline and window add up to their rows, on the same edges in every window."""
    items = asked.all(f"/models/{MODEL}/distributions", feature="age", version="1")
    assert len(items) == WINDOWS and len({str(i["edges"]) for i in items}) == 1
    for item in items:
        assert sum(item["baseline"]) == item["n_baseline"] == 3_000
        assert sum(item["window_counts"]) == item["n_window"] == N
    names = asked.all(f"/models/{MODEL}/distributions", feature="sex", version="1")
    assert set(names[0]["categories"]) == {"f", "m"}


def test_a_feature_without_distribution_is_not_found(asked: Asked) -> None:
    """By name; and one must be given."""
    assert asked.refused("GET", f"/models/{MODEL}/distributions", params={"feature": "none"})["status"] == 404
    assert asked.refused("GET", f"/models/{MODEL}/distributions")["status"] in (400, 422)


def test_rows_behind_a_window_and_a_category(asked: Asked) -> None:
    """As captured, with their ids; a category picks its own."""
    span = {"from": rfc3339(minute(0)), "to": rfc3339(minute(1))}
    whole = asked.all(f"/models/{MODEL}/rows", **span, version="1", limit=100)
    assert len(whole) == N and set(whole[0]["values"]) == {"age", "sex", "p", "yhat"}
    women = asked.all(f"/models/{MODEL}/rows", **span, version="1", feature="sex", category="f", limit=100)
    assert 0 < len(women) == sum(r["values"]["sex"] == "f" for r in whole)


def test_rows_of_a_trace(asked: Asked) -> None:
    """What a request's trace id leads to; most requests here have none."""
    span = {"from": rfc3339(minute(0)), "to": rfc3339(minute(2))}
    (found,) = asked.all(f"/models/{MODEL}/rows", **span, trace=f"{1:031x}2")
    assert (found["prediction_id"], found["trace"]) == ("v2w1-0", f"{1:031x}2")
    assert asked.all(f"/models/{MODEL}/rows", **span, trace="0" * 32) == []


@pytest.mark.parametrize(
    "span", [{}, {"from": rfc3339(minute(0))}, {"from": rfc3339(minute(1)), "to": rfc3339(minute(0))}]
)
def test_rows_need_a_span(asked: Asked, span: dict[str, str]) -> None:
    """Not a month by accident."""
    problem = asked.refused("GET", f"/models/{MODEL}/rows", params=span)
    assert (problem["status"], problem["errors"][0]["path"]) == (422, "from, to")


def test_gaps_are_those_of_the_contract(asked: Asked) -> None:
    """When, how much, why, by whom."""
    gaps = asked.all(f"/models/{MODEL}/gaps")
    keys = {"start", "end", "connections", "bytes", "exchanges_estimated", "reason", "sidecar"}
    assert len(gaps) == WINDOWS and set(gaps[0]) == keys
    assert (gaps[0]["reason"], gaps[0]["sidecar"]) == ("worker_down", "s")


def test_models_begin_with_the_worst(asked: Asked) -> None:
    """With what is firing, and the last window."""
    (item,) = asked.all("/models")
    assert item["model"] == MODEL and "drift" in item["firing"]
    assert sorted(item["versions"]) == ["1", "2"]
    one = asked.get(f"/models/{MODEL}")
    assert one["declaration"]["model"] == MODEL and one["baseline"]["rows"] == 3_000


def test_alerts_are_those_of_the_contract(asked: Asked) -> None:
    """Filtered by model, state and kind; one with its transitions."""
    alerts = asked.all("/alerts", model=MODEL, state="firing", kind="drift")
    (drift,) = alerts
    assert set(drift) >= ALERT_KEYS and drift["features"][0]["feature"] == "age"
    one = asked.get(f"/alerts/{drift['fingerprint']}")
    assert [t["state"] for t in one["transitions"]] == ["firing"]
    assert asked.all("/alerts", model="nobody") == []
    assert asked.refused("GET", "/alerts/0000")["status"] == 404


@pytest.mark.parametrize("query", [{"state": "bogus"}, {"kind": "bogus"}])
def test_a_filter_that_no_alert_can_match_is_refused(asked: Asked, query: dict[str, str]) -> None:
    """An empty list would read as good news."""
    problem = asked.refused("GET", "/alerts", params=query)
    assert (problem["status"], problem["errors"][0]["path"]) == (422, next(iter(query)))


def test_the_description_names_every_path(asked: Asked) -> None:
    """The OpenAPI document, as design and docs/api.md have it."""
    described = asked.client.get("/openapi.json").json()
    assert {p.replace(MODEL, "{model}") for p in (f"/api/v1{path}" for path in LISTS)} <= {
        path.rstrip("/") for path in described["paths"]
    }


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/"])
def test_what_machines_ask_for_answers(asked: Asked, path: str) -> None:
    """Health, metrics, the home page."""
    assert asked.client.get(path).status_code == 200


def test_a_path_that_there_is_not_is_a_problem_too(asked: Asked) -> None:
    """Never a page of HTML for a program."""
    assert asked.refused("GET", "/nowhere")["status"] == 404
    assert asked.refused("DELETE", "/models")["status"] == 405


def test_a_model_says_what_of_its_alarm_budget_is_spent(asked: Asked) -> None:
    """Each window with rows spends its time's part of the month, in the answer as in the telemetry's counter."""
    found = asked.get(f"/models/{MODEL}")["alarm_budget"]
    windows = [w for w in asked.all(f"/models/{MODEL}/windows") if w["n_window"]]
    month_s = 30 * 86_400.0
    lengths = [(datetime.fromisoformat(w["end"]) - datetime.fromisoformat(w["start"])).total_seconds() for w in windows]
    assert windows
    assert found["spent_30d"] == pytest.approx(found["false_alarms_per_month"] * sum(lengths) / month_s)
    assert found["told_30d"] >= 0
    scraped = asked.client.get("/metrics").text.splitlines()
    (counted,) = (line for line in scraped if line.startswith(f'outrider_alarm_budget_spent_total{{model="{MODEL}"}}'))
    # What labels would tell is counted when they are looked at; those of one version never came.
    assert 0 < float(counted.split()[-1]) <= found["spent_30d"] * (1 + 1e-9)
