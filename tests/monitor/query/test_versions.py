"""Versions side by side: what differs between them in the same windows, and what their pairs say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.alerts.paired import PAIRS_MIN, paired, pairs
from monitor.definitions import MonitoredModel
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, population, truth_of
from tests.monitor.query.conftest import Asked

MODEL_DECLARED = MonitoredModel.from_document(DECLARATION)
PATH = f"/models/{MODEL}/versions"


def test_a_version_that_is_served_others_is_told_against_the_control(asked: Asked) -> None:
    """Of version 1 two of five windows are of older people; version 2 is the control."""
    found = asked.get(PATH, control="2")
    (side,) = found["items"]
    assert (side["version"], side["windows"], side["status"]) == ("1", 5, "critical")
    assert side["rows"] == side["control_rows"] == 1_500
    assert {t["kind"] for t in side["different"]} >= {"drift", "prediction_drift"}
    age = next(f for f in side["findings"] if (f["metric"], f["feature"]) == ("js_distance", "age"))
    assert (age["n_baseline"], age["n_window"], age["status"]) == (1_500, 1_500, "critical")
    assert side["paired"] is None


def test_versions_that_are_alike_are_told_to_be(asked: Asked) -> None:
    """Only the first three windows."""
    last = asked.all(f"/models/{MODEL}/windows", version="1")[3]["start"]
    (side,) = asked.get(PATH, control="2", version="1", to=last)["items"]
    assert (side["windows"], side["different"]) == (3, [])
    assert side["status"] in ("ok", "warning")


@pytest.mark.parametrize("query", [{"control": "9"}, {"control": "1", "version": "9"}, {"control": "1", "rule": "9m"}])
def test_what_is_not_there_is_said(asked: Asked, query: dict[str, str]) -> None:
    """With its name."""
    assert "9" in asked.refused("GET", PATH, params=query)["detail"]


def answered(seed: int, *, wrong: float = 0.0, moved: float = 0.0) -> Rows:
    """The same 500 requests; a share of the classes turned round, the scores moved."""
    rows = population(500, seed=7)
    turned = np.random.default_rng(seed).random(500) < wrong
    columns: dict[str, Any] = dict(rows.columns)
    columns["yhat"] = Column(np.where(turned, 1 - columns["yhat"].values, columns["yhat"].values).astype(np.int64))
    columns["p"] = Column(columns["p"].values + moved)
    _, values = truth_of(rows, seed=3)
    return replace(rows, columns=columns, label=Column(values.astype(np.int64)))


def test_pairs_say_which_version_is_right_more_often() -> None:
    """A shadow whose classes are turned round in a fifth of the cases, and whose scores are 0.01 higher."""
    n, found = paired(answered(1, wrong=0.2, moved=0.01), answered(2), MODEL_DECLARED)
    by_name = {one.metric: one for one in found}
    assert n == 500
    assert 0.15 < by_name["class_disagreement"].low < 0.2 < by_name["class_disagreement"].high < 0.27
    assert by_name["score_difference"].value == pytest.approx(0.01)
    right = by_name["accuracy_difference"]
    assert right.high < 0
    assert right.p is not None
    assert right.p < 1e-3


def test_equal_versions_are_no_news() -> None:
    """Over 200 repetitions with a tenth of both turned round, p < 0.01 comes in about 2 (at most 8 in 99.9 % of cases)."""
    low = 0
    for seed in range(200):
        _, found = paired(answered(2 * seed, wrong=0.1), answered(2 * seed + 1, wrong=0.1), MODEL_DECLARED)
        right = next(one for one in found if one.metric == "accuracy_difference")
        low += right.p is not None and right.p < 0.01
    assert low <= 8


def test_predictions_are_tied_by_trace_where_they_have_one() -> None:
    """Ids of servers differ; a trace that stands twice ties nothing."""
    own, other = population(PAIRS_MIN, seed=1, name="a"), population(PAIRS_MIN, seed=2, name="b")
    traces = np.array([f"{i:032x}" for i in range(PAIRS_MIN)], object)
    own, other = replace(own, trace=traces), replace(other, trace=traces[::-1].copy())
    here, there = pairs(own, other)
    assert here.tolist() == list(range(PAIRS_MIN))
    assert there.tolist() == list(range(PAIRS_MIN))[::-1]
    doubled = replace(other, trace=np.where(traces == traces[0], traces[1], other.trace))
    assert len(pairs(own, doubled)[0]) < PAIRS_MIN
    assert len(pairs(own, replace(other, trace=None))[0]) == 0
